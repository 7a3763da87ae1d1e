"""Loads a dataset with the official package and prints its newest row. Usage: newest.py NAME CACHE"""
import json
import os
import sys

name, cache = sys.argv[1:3]
os.environ.update(HF_HOME=cache, HF_DATASETS_CACHE=cache + "/datasets", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_XET="1")

from datasets import disable_progress_bars, load_dataset  # noqa: E402

disable_progress_bars()
rows = load_dataset(name, token=os.environ["HF_TOKEN"])["train"]
newest = rows[-1]
print(json.dumps({"rows": len(rows), "newest": newest, "numbers": sorted(set(rows["iteration"])) == list(range(rows[0]["iteration"], newest["iteration"] + 1))}))
