#!/usr/bin/env bash
# Installs the Debian packages that `make run` or `make test` need and that are missing. Usage: setup.sh run|build|test
# `build` is the part of `test` that the build and the checks before it need.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v swift >/dev/null || {
    echo "stoker needs Swift 6.3 or newer: https://www.swift.org/install/linux" >&2
    exit 1
}

packages=(libsqlite3-dev zlib1g-dev libzstd-dev ca-certificates tzdata)
# What workers gather evidence with; see worker_tools.
[ "${1:-run}" = run ] && packages+=(git universal-ctags python3-venv bubblewrap)
[ "${1:-run}" = build ] && packages+=(git python3)
if [ "${1:-run}" = test ]; then
    packages+=(nginx-light openssl prometheus chromium chromium-driver curl python3-venv iproute2 zsh fish git git-lfs universal-ctags postgresql bubblewrap)
    command -v node >/dev/null || packages+=(nodejs)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# The Python packages of the tests live in environments of the project's own; a stamp says which are in one.
template_packages() { # TEMPLATE FILE
    local venv=.build/venv-$1 files=Sources/StokerAssets/Files/templates/$1
    cat "$files"/requirements*.txt | cmp -s - "$venv/installed.txt" && return 0
    echo "Installing the packages of the template $1 into $venv"
    python3 -m venv "$venv"
    # Python compiles what it imports, which is a small part of what is installed.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile -r "$files/$2"
    cat "$files"/requirements*.txt >"$venv/installed.txt"
}
# Without them workers say what they did not look at, so a machine that cannot reach the index goes on.
worker_tools() {
    local venv=.build/tools wanted=Scripts/worker-tools.txt
    cmp -s "$wanted" "$venv/installed.txt" && return 0
    echo "Installing the workers' tools into $venv"
    if python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"; then
        cp "$wanted" "$venv/installed.txt"
    else
        echo "The workers' tools could not be installed; see docs/workshop.md." >&2
    fi
}
python_packages() {
    case "${1:-run}" in
    build) return 0 ;;
    run)
        worker_tools
        return 0
        ;;
    esac
    # Side by side: most of the time is spent waiting for the index.
    local installs=() install
    template_packages fastapi requirements-dev.txt & installs+=($!)
    template_packages gradio requirements.txt & installs+=($!)
    test_packages & installs+=($!)
    for install in "${installs[@]}"; do wait "$install"; done
}
test_packages() {
    local venv=.build/venv wanted=Tests/requirements.txt bare=Tests/requirements-bare.txt
    cat "$wanted" "$bare" | cmp -s - "$venv/installed.txt" && return 0
    echo "Installing the tests' Python packages into $venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    # Wanted for the axe.min.js in it, and not for the 50 MB of another browser driver it would bring along.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$bare"
    cat "$wanted" "$bare" >"$venv/installed.txt"
}

[ ${#missing[@]} -eq 0 ] && {
    python_packages "$@"
    exit 0
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "Missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Servers among them (nginx, prometheus) are wanted as programs only: nothing may start by itself.
"${as_root[@]}" sh -c '
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then printf "#!/bin/sh\nexit 101\n" >"$policy"; chmod +x "$policy"; trap "rm -f $policy" EXIT; fi
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "${missing[@]}" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    echo "Installing failed; see above." >&2
    exit 1
}
python_packages "$@"
