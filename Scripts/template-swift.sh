#!/usr/bin/env bash
# Builds the Swift template's app as its Dockerfile does, starts it and asks for its health. Usage: template-swift.sh [FOLDER]
# It takes minutes and fetches Hummingbird, so `make test` does not do it. STOKER names the program (.build/release/stoker).
set -euo pipefail
cd "$(dirname "$0")/.."

stoker=$(realpath "${STOKER:-.build/release/stoker}")
folder=${1:-$(mktemp -d)}
cd "$folder"
HF_USERNAME=acme "$stoker" new swift api
"$stoker" doctor ./api
cd api
began=$SECONDS
swift build --configuration release --static-swift-stdlib --product App
echo "built in $((SECONDS - began)) s"
.build/release/App &
app=$!
trap 'kill $app' EXIT
for _ in $(seq 50); do
    answer=$(curl --silent --max-time 4 http://127.0.0.1:7860/health || true)
    [ -z "$answer" ] || break
    kill -0 $app
    sleep 0.2
done
[ "$answer" = '{"status":"alive"}' ] || { echo "it answered: $answer" >&2; exit 1; }
curl --silent --fail --head --max-time 4 http://127.0.0.1:7860/health >/dev/null
# What the image's HEALTHCHECK asks.
bash -c "$(sed -n 's/.*CMD \["bash", "-c", "\(.*\)"\]/\1/p' Dockerfile | sed 's/\\\\/\\/g')"
echo "it answers"
