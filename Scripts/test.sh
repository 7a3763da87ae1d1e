#!/usr/bin/env bash
# Everything `make test` runs, in the order of what fails first. STOKER_STRICT=1 (CI) makes warnings errors and lints.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

if [ "${STOKER_STRICT:-}" = 1 ]; then
    step "layout"
    swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks/Sources
fi

step "list of operations"
Scripts/list-operations.py --check

step "imports"
Scripts/check-imports.py

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
events=.build/test-events.jsonl
rm -f "$events"
if ! SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 swift test --skip-build --event-stream-output-path "$events" \
    --event-stream-version 0 2>&1 | tee .build/test.log; then
    # Hundreds of lines may lie between a red test and the end of the log.
    step "what failed"
    grep -aE -A 6 'recorded an issue|^✘ Test [^r]' .build/test.log | head -80
    # A test that talks to a dozen processes may lose to a busy machine once: a few are asked again, each alone. Red twice is red.
    failed=$(Scripts/failed-tests.py "$events") || { echo "The run broke off."; exit 1; }
    if [ -z "$failed" ] || [ "$(wc -l <<<"$failed")" -gt 4 ]; then exit 1; fi
    unsteady=()
    while read -r test; do
        step "again, alone: $test"
        swift test --skip-build --filter "$test" </dev/null 2>&1 | tee .build/again.log
        # A filter that matches nothing is green, too.
        grep -qaE 'Test run with [1-9][0-9]* tests? .*passed' .build/again.log || exit 1
        unsteady+=("$test")
    done <<<"$failed"
    step "unsteady: red in the whole run, green alone; mend them and add a row to Tests/UNSTEADY.md"
    printf '  %s\n' "${unsteady[@]}"
fi

step "browser"
Tests/Browser/run.sh
