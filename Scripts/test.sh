#!/usr/bin/env bash
# Everything `make test` runs, in the order of what fails first. STOKER_STRICT=1 (CI) makes warnings errors and lints.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build
trap wait EXIT # Nothing that runs beside outlives the end,
trap 'trap - INT TERM EXIT; kill 0' INT TERM # and nothing an interruption.

step() { printf '\n== %s\n' "$*"; }

# What the tests need beside a compiler is fetched while the compiler works. sudo may have to ask, so it goes first.
setup=
if [ "$(id -u)" -eq 0 ]; then
    Scripts/setup.sh test >.build/setup.log 2>&1 &
    setup=$!
else
    Scripts/setup.sh test
fi

if [ "${STOKER_STRICT:-}" = 1 ]; then
    step "layout"
    swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks/Sources
fi

step "list of operations"
Scripts/list-operations.py --check

step "imports"
Scripts/check-imports.py

step "build"
Scripts/build-tests.sh
if [ -n "$setup" ]; then
    wait "$setup" || { tail -n 40 .build/setup.log; echo "Installing what the tests need failed."; exit 1; }
    cat .build/setup.log
fi

# The tests of the rooms compute, those of the built program wait: both run at once, and who waits goes first when there is
# something to do. The widths are how many tests run at a time: hundreds with sockets would starve each other into their time
# limits on two cores.
bundle=$(swift build --show-bin-path)/stokerPackageTests.xctest
logs=(.build/test-rooms .build/test-end-to-end)
run_tests() { # NAME WIDTH SELECTION…
    # A test that waits for ever shall be named, not waited for.
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$2 timeout --kill-after=10 1200 "$bundle" --testing-library swift-testing "${@:3}" \
        --event-stream-output-path ".build/test-$1.jsonl" --event-stream-version 0 2>&1 |
        sed -u 's/\x1b\[[0-9;]*m//g' | tee ".build/test-$1.log" # A pipe is taken for a terminal with colours.
}
step "tests"
rm -f "${logs[@]/%/.log}" "${logs[@]/%/.jsonl}"
{ renice -n 5 "$BASHPID" >/dev/null; run_tests rooms 4 --skip '^EndToEndTests\.EndToEnd/'; } &
rooms=$!
run_tests end-to-end 3 --filter '^EndToEndTests\.EndToEnd/' &
end_to_end=$!
red=
wait "$end_to_end" || red=1
Tests/Browser/run.sh >.build/browser.log 2>&1 &
browser=$!
wait "$rooms" || red=1

step "browser"
journeys=green
wait "$browser" || journeys=red
cat .build/browser.log

if [ -n "$red" ]; then
    # Thousands of lines may lie between a red test and the end of the log.
    step "what failed"
    grep -ahE -A 6 'recorded an issue|^✘ Test [^r]' "${logs[@]/%/.log}" | head -80
    # A test that talks to a dozen processes may lose to a busy machine once: a few are asked again, each alone. Red twice is red.
    failed=$(Scripts/failed-tests.py "${logs[@]/%/.jsonl}") || { echo "The run broke off."; exit 1; }
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
[ "$journeys" = green ]
