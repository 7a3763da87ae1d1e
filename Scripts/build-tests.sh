#!/usr/bin/env bash
# Builds everything with its tests (debug). The whole log is .build/build.log; only the lines that matter are shown.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build

if ! swift build --build-tests >.build/build.log 2>&1; then
    grep -E 'error:|warning: ' .build/build.log | sort -u | head -60
    echo "The build failed; .build/build.log has it all."
    exit 1
fi
tail -n 1 .build/build.log
