#!/usr/bin/env bash
# Schemathesis against a running server with a simulated Hub, and a client that is generated from the same document. Usage: api-check.sh [SECONDS]
# STOKER names the program (.build/release/stoker, else .build/debug/stoker). The packages come from PyPI into .build/venv-api.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-240}
for candidate in "${STOKER:-}" .build/release/stoker .build/debug/stoker; do
    [ -x "$candidate" ] && { stoker=$(realpath "$candidate"); break; }
done
[ -n "${stoker:-}" ] || { echo "build first: make build" >&2; exit 2; }

venv=$PWD/.build/venv-api
wanted=Scripts/api-check.txt
cmp -s "$wanted" "$venv/installed.txt" || {
    echo "Installing schemathesis and openapi-python-client into $venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/installed.txt"
}
exec "$venv/bin/python" -B Scripts/api-check.py "$stoker" "$seconds"
