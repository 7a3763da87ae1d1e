#!/usr/bin/env bash
# Publishes iterations to a simulated Hub and loads them with the package `datasets`, in the version of the tests and in two older ones, each in an
# environment of its own. Usage: datasets.sh ITERATIONS
set -euo pipefail
cd "$(dirname "$0")/.."

others=()
for version in 2.21.0 3.6.0; do
    venv=.build/venv-datasets-$version
    if [ ! -e "$venv/installed" ]; then
        echo "Installing datasets $version into $venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "datasets==$version"
        touch "$venv/installed"
    fi
    others+=("$PWD/$venv/bin/python")
done
swift build --build-tests
export STOKER_ITERATIONS=${1:-1000} STOKER_DATASETS
STOKER_DATASETS=$(IFS=:; echo "${others[*]}")
swift test --skip-build --filter theNewestRowIsTheLastOfTheOfficialPackage
