#!/bin/bash
# Inside the namespace of harness/namespace.py: a slow name server, a fleet, and one stoker-bench command against them.
#   dns_case.sh TOOLS STOKER_BENCH DELAY_MS SCRATCH COMMAND [ARGUMENT …]
set -euo pipefail
tools=$1 bench=$2 delay=$3 scratch=$(mktemp -d -p "$4") command=$5
shift 5
"$tools/dns-server" 127.0.0.1 53 "$delay" >"$scratch/dns.out" & dns=$!
"$tools/targets" 18080 >"$scratch/targets.out" & targets=$!
trap 'kill $dns $targets 2>/dev/null; wait' EXIT
for file in dns targets; do
    for _ in $(seq 200); do grep -q ready "$scratch/$file.out" && break; sleep 0.02; done
    grep -q ready "$scratch/$file.out" || { echo "$file did not start"; exit 3; }
done
"$bench" "$command" --port 18080 --data "$scratch/data" "$@"
