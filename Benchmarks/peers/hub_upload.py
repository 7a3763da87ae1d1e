"""One upload with the official client.

usage: hub_upload.py ENDPOINT REPO FOLDER

Prints one JSON line. Wall time counts from the call, not from the start of Python; CPU time is that of the whole process, as ours.
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
print(json.dumps({
    "wall_seconds": wall, "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "commit": result.oid}))
