"""Webhooks, what an account has, and calls in the background. Arbiter: huggingface_hub."""

import os

import httpx2

from common import ENDPOINT, SCRATCH, maren, nobody, refused, tobi

# Webhooks
space = dict(repo_id="maren/watched", repo_type="space")
maren.create_repo(space_sdk="static", **space)
made = maren.create_webhook(
    url="http://127.0.0.1:9/hook", watched=[{"type": "space", "name": "maren/watched"}], domains=["repo"], secret="quiet")
assert made.url == "http://127.0.0.1:9/hook" and made.domains == ["repo"] and not made.disabled, made
assert [(watched.type, watched.name) for watched in made.watched] == [("space", "maren/watched")], made
assert [hook.id for hook in maren.list_webhooks()] == [made.id]
assert maren.get_webhook(made.id).id == made.id
assert maren.update_webhook(made.id, url="http://127.0.0.1:9/other", domains=["repo", "discussion"]).url.endswith("/other")
assert maren.disable_webhook(made.id).disabled is True
assert maren.enable_webhook(made.id).disabled is False
assert maren.get_webhook(made.id).domains == ["repo", "discussion"]
with refused(404):
    tobi.get_webhook(made.id)
with refused(401):
    nobody.list_webhooks()
maren.delete_webhook(made.id)
with refused(404):
    maren.get_webhook(made.id)
assert maren.list_webhooks() == []

# What an account has
maren.create_repo("maren/model", private=True)
mine = {(repo.id, repo.type) for repo in maren.list_user_repos()}
assert {("maren/watched", "space"), ("maren/model", "model")} <= mine, mine
assert maren.get_full_repo_name("model") == "maren/model"
assert [model.id for model in maren.list_models(author="maren")] == ["maren/model"]
assert maren.model_info("maren/model").private
assert maren.repo_info("maren/model").id == "maren/model"
assert maren.repo_info(**space).sdk == "static"

# Revisions and files
head = maren.space_info("maren/watched").sha
assert maren.revision_exists(revision="main", **space) and not maren.revision_exists(revision="v9", **space)
assert maren.file_exists(filename="index.html", **space) and not maren.file_exists(filename="missing", **space)
assert maren.resolve_revision(revision="main", **space).resolved == head

# In the background
future = maren.run_as_future(maren.space_info, "maren/watched")
assert future.result(timeout=30).sha == head
background = maren.upload_file(path_or_fileobj=b"later", path_in_repo="later.txt", run_as_future=True, **space)
assert background.result(timeout=30).oid == maren.space_info("maren/watched").sha

# Resource groups have no method in the client
session = httpx2.Client(headers={"Authorization": "Bearer hf_maren"})
maren.create_repo("kestrel-labs/grouped", repo_type="dataset", private=True)
address = f"{ENDPOINT}/api/datasets/kestrel-labs/grouped/resource-group"
assert session.get(address).json() is None
answer = session.post(address, json={"resourceGroupId": "0" * 24})
assert answer.status_code in (400, 404), answer.text

# Deleting several files, large ones for good
repo = dict(repo_id="maren/model")
for name in ["one.bin", "two.bin", "three.txt", "four.txt"]:
    maren.upload_file(path_or_fileobj=os.urandom(3_000), path_in_repo=name, **repo)
maren.delete_files(delete_patterns=["*.txt", "two.bin"], **repo)
assert set(maren.list_repo_files(**repo)) == {".gitattributes", "one.bin"}
stored = list(maren.list_lfs_files(**repo))
gone = [item for item in stored if item.filename != "one.bin"]
assert len(stored) == 4 and len(gone) == 3, stored
head = maren.repo_info(**repo).sha
length = len(maren.list_repo_commits(**repo))
maren.permanently_delete_lfs_files(lfs_files=gone, **repo)
assert [item.filename for item in maren.list_lfs_files(**repo)] == ["one.bin"]
# No commit names them any more; those before the first of them keep their ids
history = [commit.commit_id for commit in maren.list_repo_commits(**repo)]
assert history[0] != head and len(history) == length, history
for commit in history:
    assert "two.bin" not in maren.list_repo_files(revision=commit, **repo)
maren.upload_file(path_or_fileobj=os.urandom(3_000), path_in_repo="five.bin", **repo)
five = [item for item in maren.list_lfs_files(**repo) if item.filename == "five.bin"]
head = maren.repo_info(**repo).sha
maren.permanently_delete_lfs_files(lfs_files=five, rewrite_history=False, **repo)
assert maren.repo_info(**repo).sha == head and "five.bin" in maren.list_repo_files(**repo)
maren.delete_file("five.bin", **repo)

# Large ones beforehand, then a commit that has them
from huggingface_hub import CommitOperationAdd

addition = CommitOperationAdd("early.bin", os.urandom(5_000))
maren.preupload_lfs_files(additions=[addition], **repo)
maren.create_commit(operations=[addition], commit_message="early", **repo)
assert maren.get_paths_info(paths=["early.bin"], **repo)[0].lfs.size == 5_000

# Files from one repo to another, on the Hub
maren.copy_files("hf://models/maren/model/early.bin", "hf://models/maren/model/kept/copy.bin")
assert maren.file_exists("maren/model", "kept/copy.bin")

# What was downloaded is what is there
local = os.path.join(SCRATCH, "verified")
maren.snapshot_download(local_dir=local, **repo)
assert not maren.verify_repo_checksums(local_dir=local, **repo).mismatches
with open(os.path.join(local, "early.bin"), "ab") as file:
    file.write(b"x")
assert [item["path"] for item in maren.verify_repo_checksums(local_dir=local, **repo).mismatches] == ["early.bin"]
