#!/usr/bin/env bash
# Builds everything with its tests (debug). The whole log is .build/build.log; only the lines that matter are shown.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build

# An index serves editors. Where nobody edits (CI) it is a tenth of the compiler's work.
flags=()
if [ "${STOKER_STRICT:-}" = 1 ]; then flags+=(--disable-index-store); fi
if ! swift build --build-tests "${flags[@]}" >.build/build.log 2>&1; then
    grep -E 'error:|warning: ' .build/build.log | sort -u | head -60
    echo "The build failed; .build/build.log has it all."
    exit 1
fi
tail -n 1 .build/build.log
