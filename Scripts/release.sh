#!/usr/bin/env bash
# Builds products as people run them, into .build/release. Usage: release.sh PRODUCT…
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(--configuration release --quiet)
# With Swift's own libraries inside, the program runs where no Swift is installed, idles in less memory and calls them
# without a detour. Toolchains that do not bring them in that form build the usual way.
static=$(swiftc -print-target-info -static-stdlib | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
if [ "$(uname)" = Linux ] && [ -d "$static" ]; then flags+=(--static-swift-stdlib); fi

for product in "$@"; do
    # The linker's word about a function of Foundation's that nothing of ours calls would only frighten people.
    swift build "${flags[@]}" --product "$product" 2>&1 | { grep -v "use of \`mktemp' is dangerous" || true; }
done
