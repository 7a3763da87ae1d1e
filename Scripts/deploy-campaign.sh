#!/usr/bin/env bash
# deploy-campaign.sh [FLEETS] [RELEASES] [STORIES]: random fleets whose second plan is empty, bad releases that are stopped, and applies with lost
# answers and kills. Prints a line of each.
set -euo pipefail
cd "$(dirname "$0")/.."
Scripts/build-tests.sh
STOKER_RANDOM_FLEETS=${1:-200} STOKER_BAD_RELEASES=${2:-200} STOKER_APPLY_SCRIPTS=${3:-1000} STOKER_APPLY_KILLS=all \
    swift test --skip-build --no-parallel --filter 'RandomFleetTests|BadReleaseTests|ApplyFaultTests|killedAnywhereItEndsTheSame' 2>&1 | tee .build/campaign.log
# A filter that matches nothing is green, too.
for name in 'random fleets' 'bad releases' 'apply stories'; do grep -q "^$name: " .build/campaign.log; done
