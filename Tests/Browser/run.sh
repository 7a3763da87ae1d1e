#!/bin/sh
# Journeys through the dashboard with real Chromium. Uses .build/venv and makes it when it is missing.
#
#   Tests/Browser/run.sh                 over `stoker demo` on a free port (STOKER names another binary)
#   JOURNEYS="accessible stalled" Tests/Browser/run.sh     some of them
#   Tests/Browser/run.sh --show FILE     over the sample fleets that ShowTests serves, see there
#   Tests/Browser/run.sh --pictures      makes the pictures of the README anew, in both themes
#
# Says what it leaves out and why; exit status 0 then, as for success. Screenshots land in .build/screenshots.
set -eu
cd "$(dirname "$0")/../.."
skip() { echo "browser journeys left out: $1"; exit 0; }
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] || skip "no Chromium on this machine (apt-get install chromium chromium-driver)"
command -v chromedriver >/dev/null || skip "no chromedriver on this machine (apt-get install chromium-driver)"
venv=.build/venv
if ! [ -x "$venv/bin/python" ]; then
    command -v python3 >/dev/null || skip "no python3 on this machine"
    python3 -m venv "$venv" || skip "python3 cannot make a virtual environment (apt-get install python3-venv)"
fi
"$venv/bin/python" -c 'import selenium, importlib.util as u; assert u.find_spec("axe_playwright_python")' 2>/dev/null || {
    echo "installing selenium and axe into $venv"
    { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep '^selenium==' Tests/requirements.txt)" &&
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r Tests/requirements-bare.txt; } ||
        skip "selenium and axe could not be installed from PyPI"
}
script=journeys.py
[ "${1:-}" = --pictures ] && script=pictures.py
CHROMIUM=$chromium exec "$venv/bin/python" "Tests/Browser/$script" "$@"
