#!/usr/bin/env bash
# Everything `make test` runs, in the order of what fails first. STOKER_STRICT=1 (CI) makes warnings errors and lints.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

if [ "${STOKER_STRICT:-}" = 1 ]; then
    step "layout"
    swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks/Sources
fi

step "build"
# The lines that matter; the whole log is kept for when they do not suffice.
mkdir -p .build
if ! swift build --build-tests >.build/build.log 2>&1; then
    grep -E 'error:|warning: ' .build/build.log | sort -u | head -60
    echo "The build failed; .build/build.log has it all."
    exit 1
fi
tail -n 1 .build/build.log

step "tests"
# Hundreds of tests with sockets at once on two cores would starve each other into their time limits.
if ! SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 swift test --skip-build 2>&1 | tee .build/test.log; then
    # Hundreds of lines may lie between a red test and the end of the log.
    step "what failed"
    grep -aE -A 6 'recorded an issue|^✘ Test [^r]' .build/test.log | head -80
    exit 1
fi

step "browser"
Tests/Browser/run.sh
