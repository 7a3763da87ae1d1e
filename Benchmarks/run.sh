#!/bin/bash
# Measures Stoker against its bars. See docs/benchmarks.md.
#
#   Benchmarks/run.sh                  every row
#   Benchmarks/run.sh probe-http dns   these rows only (`--list` names them)
#   Benchmarks/run.sh --quick          one short round each: shows that everything runs, is no measurement
#   Benchmarks/run.sh --publish        writes the table of the last results into docs/benchmarks.md
#
# Exit status: 0 every bar that was asked for is met, 1 one is missed, 2 wrong usage, 3 something could not be measured.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

case " $* " in
*" --list "* | *" --help "* | *" -h "* | *" --publish "*)
    exec python3 -B Benchmarks/harness "$@" ;;
esac
python3 -B Benchmarks/harness --check "$@"

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need cc gcc
need nginx nginx-light
need wrk wrk
need openssl openssl
need python3 python3
need prometheus-blackbox-exporter prometheus-blackbox-exporter
# ensurepip is what Debian takes out of its Python; the venvs of the Python peers need it.
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null \
        || { say "could not install ${missing[*]}; try apt-get update"; exit 3; }
fi
# Debian starts these when it installs them; a benchmark wants neither an idle nginx nor a port taken.
for unit in nginx prometheus-blackbox-exporter; do
    case " ${missing[*]-} " in *" $unit"*) root service "$unit" stop >/dev/null 2>&1 || true ;; esac
done

mkdir -p Benchmarks/.build Benchmarks/results
for source in Benchmarks/c/*.c; do
    tool=Benchmarks/.build/$(basename "${source%.c}" | tr _ -)
    [ "$tool" -nt "$source" ] || { say "compiling $(basename "$source")"; cc -O2 -Wall -Wextra -o "$tool" "$source" -lpthread; }
done

if [ -z "${STOKER_BENCH_NO_BUILD-}" ]; then
    say "building the release product (minutes the first time)"
    Scripts/release.sh stoker stoker-bench >&2
fi
exec python3 -B Benchmarks/harness "$@"
