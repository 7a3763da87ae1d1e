"""Uploads in the background and of large folders. Arbiter: huggingface_hub."""

import os
import time

from common import maren, path, write
from huggingface_hub import CommitScheduler

for number in range(120):
    write(f"folder/part-{number % 4}/{number}.txt", f"line {number}\n" * 5)
for number in range(3):
    write(f"folder/weights-{number}.safetensors", os.urandom(200_000))
folder = os.path.dirname(path("folder", "x"))
maren.create_repo("maren/large", repo_type="dataset")
maren.upload_folder(repo_id="maren/large", folder_path=folder, repo_type="dataset")
names = maren.list_repo_files("maren/large", repo_type="dataset")
assert len(names) == 124, len(names)

target = os.path.dirname(path("scheduled", "x"))
scheduler = CommitScheduler(
    repo_id="maren/scheduled", repo_type="dataset", folder_path=target, every=60, path_in_repo="events", hf_api=maren
)
with scheduler.lock:
    write("scheduled/a.jsonl", '{"n": 1}\n')
scheduler.trigger().result()
with scheduler.lock:
    with open(path("scheduled", "a.jsonl"), "a") as file:
        file.write('{"n": 2}\n')
scheduler.trigger().result()
scheduler.stop()
titles = [commit.title for commit in maren.list_repo_commits("maren/scheduled", repo_type="dataset")]
assert titles[:2] == ["Scheduled Commit", "Scheduled Commit"], titles
text = open(maren.hf_hub_download("maren/scheduled", "events/a.jsonl", repo_type="dataset")).read()
assert text == '{"n": 1}\n{"n": 2}\n', text
