#!/bin/bash
# The tests of language models against a real llama.cpp server (PyPI: xllamacpp, 34 MB) with a model of noise that is generated here.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.build/venv-model
if [ ! -x $venv/bin/python ] || ! $venv/bin/python -c 'import gguf, numpy, xllamacpp' 2>/dev/null; then
  python3 -m venv $venv
  $venv/bin/pip install --quiet xllamacpp==2026.10.11549 gguf==0.19.0
fi
exec $venv/bin/python Scripts/model-server.py swift test --skip-build --filter LlamaTests
