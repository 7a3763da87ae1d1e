#!/usr/bin/env bash
# Installs the Debian packages that `make run` or `make test` need and that are missing. Usage: setup.sh run|test
set -euo pipefail

command -v swift >/dev/null || {
    echo "stoker needs Swift 6.3 or newer: https://www.swift.org/install/linux" >&2
    exit 1
}

packages=(libsqlite3-dev ca-certificates tzdata)
if [ "${1:-run}" = test ]; then
    packages+=(nginx-light openssl prometheus chromium chromium-driver python3-venv python3-yaml curl)
    command -v node >/dev/null || packages+=(nodejs)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

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
