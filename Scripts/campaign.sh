#!/usr/bin/env bash
# Rounds of kill -9: `campaign.sh ROUNDS SEED [TEST] [BEGINNING OF ITS REPORT]`. Default: a disk that hangs, fills and comes back, about 3 s a
# round.
set -euo pipefail
cd "$(dirname "$0")/.."
Scripts/build-tests.sh
STOKER_KILL_ROUNDS=${1:-200} STOKER_KILL_SEED=${2:-7} swift test --skip-build --filter "${3:-noAnsweredPauseIsLost}" 2>&1 \
    | tee .build/campaign.log
# A filter that matches nothing is green, too.
grep -q "^${4:-campaign: }" .build/campaign.log
