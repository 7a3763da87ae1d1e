#!/usr/bin/env bash
# Fuzzing that is guided by coverage: libFuzzer over the readers of foreign bytes and the state machine.
#
#   Scripts/fuzz.sh                              every target, 20 s each
#   FUZZ_SECONDS=600 Scripts/fuzz.sh fleet dns   these two, ten minutes each
#   Scripts/fuzz.sh answer FILE                  one input again, such as one that was found
#
# The first time it builds its own copy of everything into .build/fuzz, which takes minutes. What it learns stays in
# .build/fuzz/corpus, an input that breaks something in .build/fuzz/found. Tests/Fuzz/Corpus has the seeds.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-20}
build=.build/fuzz
# The runtime's own post-mortem takes seconds, which libFuzzer would count as a hang.
export SWIFT_BACKTRACE=enable=no
all=(fleet examiner dns judge json sse ndjson headers answer)
mkdir -p "$build/found"
echo "Building the instrumented rooms into $build"
STOKER_FUZZ=1 swift build --quiet --scratch-path "$build" --product stoker-fuzz
fuzz=$build/debug/stoker-fuzz

if [ $# -eq 2 ] && [ -f "$2" ]; then
    STOKER_FUZZ_TARGET=$1 exec "$fuzz" "$2"
fi
targets=("$@")
[ $# -gt 0 ] || targets=("${all[@]}")
for target in "${targets[@]}"; do
    [ -d "Tests/Fuzz/Corpus/$target" ] || {
        echo "no target \"$target\"; there are: ${all[*]}" >&2
        exit 2
    }
done

failed=0
for target in "${targets[@]}"; do
    seeds=("Tests/Fuzz/Corpus/$target")
    [ "$target" = fleet ] && seeds+=(examples Tests/StokerCoreTests/Fleet/Bad)
    mkdir -p "$build/corpus/$target"
    log=$build/$target.log
    if STOKER_FUZZ_TARGET=$target "$fuzz" "$build/corpus/$target" "${seeds[@]}" \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=4096 -verbosity=1 \
        -print_final_stats=1 -artifact_prefix="$build/found/$target-" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "ok      $target: $runs inputs, $cover places of the code reached"
    else
        failed=1
        echo "FAILED  $target; the end of $log:"
        grep -aE 'Fatal error|ERROR|SUMMARY|Test unit written' "$log" | head -n 8 | sed 's/^/        /'
    fi
done
exit "$failed"
