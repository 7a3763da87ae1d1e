#!/usr/bin/env bash
# Runs the official client's own tests against the simulator and compares with explained.txt. Usage: run.sh [pytest arguments]
#
# The tests come from PyPI's source distribution of the version in Tests/requirements.txt, or from OFFICIAL_TESTS (a folder with
# test_hf_api.py, such as `tests` of a checkout). They are kept under .build only.
set -euo pipefail
cd "$(dirname "$0")/../../.."

stoker=${STOKER:-.build/release/stoker}
work=$PWD/.build/official-suite
here=$PWD/Tests/HubSimulatorTests/OfficialSuite
wanted=$(grep -i '^huggingface_hub==' Tests/requirements.txt)
version=${wanted#*==}
mkdir -p "$work"

python=$work/venv/bin/python
if [ "$(cat "$work/installed.txt" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing $wanted and pytest into .build/official-suite"
    python3 -m venv "$work/venv"
    "$python" -m pip install --quiet --disable-pip-version-check "$wanted" pytest pytest-mock pytest-asyncio pytest-env \
        pytest-xdist Jinja2 Pillow numpy fastapi jedi
    # The simulator plays LFS and not Xet.
    "$python" -m pip uninstall --quiet --yes hf_xet
    echo "$wanted" >"$work/installed.txt"
fi

tests=${OFFICIAL_TESTS:-}
if [ -z "$tests" ]; then
    tests=$work/huggingface_hub-$version/tests
    if [ ! -e "$tests/test_hf_api.py" ]; then
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary huggingface_hub \
            --dest "$work" "$wanted"
        tar -xzf "$work/huggingface_hub-$version.tar.gz" -C "$work"
    fi
fi
[ -e "$tests/test_hf_api.py" ] || {
    echo "No test_hf_api.py in $tests: set OFFICIAL_TESTS to the folder with the official client's tests." >&2
    exit 2
}
# A copy, with our fixtures in place of the official ones.
rm -rf "$work/run"
mkdir -p "$work/run"
cp -r "$tests" "$work/run/tests"
cp "$here/conftest.py" "$work/run/tests/conftest.py"
touch "$work/run/tests/__init__.py"

"$stoker" hub-simulator --scene empty --port 0 --speed 20 >"$work/simulator.out" 2>"$work/simulator.err" &
simulator=$!
trap 'kill $simulator 2>/dev/null || true; wait $simulator 2>/dev/null || true' EXIT
for _ in $(seq 100); do grep -q simulating "$work/simulator.out" && break; sleep 0.1; done
HF_ENDPOINT=$(sed -n 's/^stoker: simulating //p' "$work/simulator.out")
[ -n "$HF_ENDPOINT" ] || { echo "The simulator did not start; see $work/simulator.err" >&2; exit 2; }

rm -f "$work/outcomes.jsonl"
cd "$work/run"
files=()
while read -r file; do [ -e "tests/$file" ] && files+=("tests/$file"); done <"$here/files.txt"
env -u HF_TOKEN HF_ENDPOINT="$HF_ENDPOINT" OFFICIAL_REPORT="$work/outcomes.jsonl" PYTHONPATH="$work/run" PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_UPDATE_CHECK=1 \
    HOME="$work/run" GIT_TERMINAL_PROMPT=0 \
    "$python" -m pytest -c /dev/null --rootdir "$work/run" -n "${OFFICIAL_WORKERS:-4}" -q --no-header --tb=no -p no:cacheprovider \
    "${@:-"${files[@]}"}" >"$work/pytest.log" 2>&1 || true
kill -0 $simulator || { echo "The simulator ended during the tests; see $work/simulator.err" >&2; exit 1; }
whole=()
# Other tests, or some of them, may have nothing to explain.
[ -n "${OFFICIAL_TESTS:-}" ] || [ $# -gt 0 ] || whole=(--whole)
"$python" "$here/compare.py" "$work/outcomes.jsonl" "$here/explained.txt" "${whole[@]}"
