"""The official client's CommitScheduler over a folder with one database, of which 1 % changes.

usage: commit_scheduler.py ENDPOINT REPO FOLDER MEGABYTES

Prints one JSON line about the second push: wall time, and the bytes of what it sent.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

endpoint, repo, folder, megabytes = sys.argv[1:]
os.environ.update(
    HF_ENDPOINT=endpoint, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1", HF_TOKEN="hf_maren")

from huggingface_hub import CommitScheduler  # noqa: E402  (reads the environment when it is imported)

place = Path(folder)
place.mkdir(parents=True)
file, numbers = place / "app.bin", random.Random(5)
size = int(megabytes) * 1_000_000 // 4_096 * 4_096
file.write_bytes(numbers.randbytes(size))
scheduler = CommitScheduler(repo_id=repo, repo_type="dataset", folder_path=place, every=10_000)
scheduler.trigger().result()
with scheduler.lock, open(file, "r+b") as pages:
    for _ in range(size // 4_096 // 100):
        pages.seek(numbers.randrange(size // 4_096) * 4_096)
        pages.write(numbers.randbytes(4_096))
os.utime(file)
begin = time.monotonic()
scheduler.trigger().result()
wall = time.monotonic() - begin
scheduler.stop()
# It sends whole files.
print(json.dumps({"wall_seconds": wall, "bytes": size}), flush=True)
os._exit(0)
