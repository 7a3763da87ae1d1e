"""One upload with the official client.

usage: hub_upload.py ENDPOINT REPO FOLDER

Prints one JSON line. Time counts from the call, not from the start of Python.
"""

import json
import os
import resource
import sys
import time

endpoint, repo, folder = sys.argv[1:]
os.environ.update(
    HF_ENDPOINT=endpoint, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1", HF_TOKEN="hf_maren")

from huggingface_hub import HfApi  # noqa: E402  (reads the environment when it is imported)

begin = time.monotonic()
result = HfApi().upload_folder(repo_id=repo, repo_type="dataset", folder_path=folder, commit_message="bench")
wall = time.monotonic() - begin
usage = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: Linux counts there what the harness had when it started us.
with open("/proc/self/status", encoding="ascii") as status:
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
print(json.dumps({
    "wall_seconds": wall, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": peak,
    "commit": result.oid}))
