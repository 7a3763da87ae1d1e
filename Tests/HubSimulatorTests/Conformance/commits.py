"""Commits of every kind. Arbiter: huggingface_hub."""

import os
import time

import httpx2

from common import ENDPOINT, maren, nobody, reader, refused, tobi, write, path
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

repo = dict(repo_id="maren/ledger", repo_type="dataset")
maren.create_repo(**repo)
first = maren.dataset_info("maren/ledger").sha

# Small files, several at once
done = maren.create_commit(
    operations=[
        CommitOperationAdd("README.md", b"---\nlicense: mit\n---\n# Ledger\n"),
        CommitOperationAdd("data/a b.txt", b"one\n"),
        CommitOperationAdd("data/c.txt", b""),
        CommitOperationAdd('data/"odd"\\name ü.txt', "ü".encode()),
    ],
    commit_message="Begin",
    commit_description="with\nlines",
    parent_commit=first,
    **repo,
)
assert done.commit_url == f"{ENDPOINT}/datasets/maren/ledger/commit/{done.oid}"
assert maren.dataset_info("maren/ledger").sha == done.oid
assert {"data/a b.txt", "data/c.txt", 'data/"odd"\\name ü.txt'} <= set(maren.list_repo_files(**repo))
commits = maren.list_repo_commits(**repo)
assert (commits[0].title, commits[0].message) == ("Begin", "with\nlines"), commits[0]
assert maren.dataset_info("maren/ledger").card_data["license"] == "mit"

# Compare and swap
with refused(412):
    maren.create_commit(
        operations=[CommitOperationAdd("x", b"x")], commit_message="stale", parent_commit=first, **repo
    )

# Nothing new: the client leaves it
same = maren.upload_file(path_or_fileobj=b"one\n", path_in_repo="data/a b.txt", **repo)
assert same.oid == done.oid, same

# LFS by name, by size, by content, in parts
blob = os.urandom(40_000)

huge = os.urandom(13_000_000)
for name, content in [("model.bin", blob), ("plain", blob), ("large.txt", b"a" * 10_500_000), ("parts.dat", huge)]:
    maren.upload_file(path_or_fileobj=write("up/" + name, content), path_in_repo=name, **repo)
files = {entry.path: entry for entry in maren.list_repo_tree(recursive=True, **repo) if hasattr(entry, "blob_id")}
for name in ["model.bin", "plain", "large.txt", "parts.dat"]:
    assert files[name].lfs is not None, name
    assert files[name].lfs.size == files[name].size == os.path.getsize(path("up", name))
assert files["data/c.txt"].lfs is None and files["data/c.txt"].size == 0
attributes = open(maren.hf_hub_download(filename=".gitattributes", **repo)).read()
assert "plain filter=lfs" in attributes and "parts.dat filter=lfs" in attributes, attributes
assert "model.bin filter" not in attributes
stored = list(maren.list_lfs_files(**repo))
assert {item.filename for item in stored} == {"model.bin", "plain", "large.txt", "parts.dat"} - {"plain"} or len(stored) == 3

# Deleting, copying
with refused(404, EntryNotFoundError):
    maren.delete_file("missing.txt", **repo)
maren.create_commit(
    operations=[
        CommitOperationCopy("model.bin", "copies/model.bin"),
        CommitOperationCopy("data/a b.txt", "copies/a.txt"),
        CommitOperationDelete("data/", is_folder=True),
    ],
    commit_message="Copy and delete",
    **repo,
)
names = set(maren.list_repo_files(**repo))
assert {"copies/model.bin", "copies/a.txt"} <= names and not any(name.startswith("data/") for name in names), names
maren.delete_folder("copies", **repo)
maren.delete_file("plain", **repo)

# Delete, then add the same path
maren.create_commit(
    operations=[CommitOperationDelete("README.md"), CommitOperationAdd("README.md", b"# new\n")],
    commit_message="Replace", **repo,
)
assert open(maren.hf_hub_download(filename="README.md", **repo)).read() == "# new\n"

# Pull requests
head = maren.dataset_info("maren/ledger").sha
proposal = maren.upload_file(path_or_fileobj=b"pr", path_in_repo="pr.txt", create_pr=True, **repo)
assert proposal.pr_num == 1 and proposal.pr_revision == "refs/pr/1", proposal
assert maren.dataset_info("maren/ledger").sha == head
assert maren.dataset_info("maren/ledger", revision="refs/pr/1").sha == proposal.oid
more = maren.upload_file(path_or_fileobj=b"pr2", path_in_repo="pr2.txt", revision="refs/pr/1", **repo)
assert more.pr_num is None
tobis = tobi.upload_file(path_or_fileobj=b"t", path_in_repo="t.txt", create_pr=True, **repo)
assert tobis.pr_num == 2
refs = maren.list_repo_refs(include_pull_requests=True, **repo)
assert {request.ref for request in refs.pull_requests} == {"refs/pr/1", "refs/pr/2"}
details = maren.get_discussion_details(discussion_num=1, **repo)
assert details.is_pull_request and details.status == "open" and details.target_branch == "refs/heads/main", details
maren.merge_pull_request(discussion_num=1, **repo)
assert {"pr.txt", "pr2.txt"} <= set(maren.list_repo_files(**repo))
maren.change_discussion_status(discussion_num=2, new_status="closed", **repo)
assert maren.get_discussion_details(discussion_num=2, **repo).status == "closed"
assert [item.num for item in maren.get_repo_discussions(**repo)] == [2, 1]
with refused(404, RevisionNotFoundError):
    maren.upload_file(path_or_fileobj=b"x", path_in_repo="x", revision="nowhere", **repo)

# Rights
with refused(403):
    reader.upload_file(path_or_fileobj=b"x", path_in_repo="x", **repo)
with refused(403):
    tobi.upload_file(path_or_fileobj=b"x", path_in_repo="x", **repo)
with refused(401):
    nobody.upload_file(path_or_fileobj=b"x", path_in_repo="x", **repo)

# The raw forms
session = httpx2.Client(headers={"Authorization": "Bearer hf_maren"})
address = f"{ENDPOINT}/api/datasets/maren/ledger"
lines = '{"key":"header","value":{"summary":"empty"}}\n'
answer = session.post(f"{address}/commit/main", content=lines, headers={"Content-Type": "application/x-ndjson"})
assert answer.status_code == 200 and answer.json()["success"] is True, answer.text
assert answer.json()["commitOid"] == maren.dataset_info("maren/ledger").sha
legacy = {"summary": "legacy", "files": [{"path": "l/ü.txt", "content": "ü"}], "deletedEntries": [{"path": "pr.txt"}]}
answer = session.post(f"{address}/commit/main", json=legacy)
assert answer.status_code == 200, answer.text
lines = (
    '{"key":"header","value":{"summary":"rename"}}\n'
    '{"key":"file","value":{"path":"l/v.txt","oldPath":"l/ü.txt"}}\n{"key":"deletedEntry","value":{"path":"pr2.txt"}}'
)
answer = session.post(f"{address}/commit/main", content=lines, headers={"Content-Type": "application/x-ndjson"})
assert answer.status_code == 200, answer.text
names = set(maren.list_repo_files(**repo))
assert "l/v.txt" in names and not names & {"l/ü.txt", "pr.txt", "pr2.txt"}, names
for bad in ["../x", "/x", "a//b", ".git/config"]:
    answer = session.post(f"{address}/commit/main", json={"summary": "bad", "files": [{"path": bad, "content": "x"}]})
    assert answer.status_code == 422, (bad, answer.text)
answer = session.post(
    f"{address}/commit/main", json={"summary": "large", "files": [{"path": "t", "content": "x" * 10_000_001}]}
)
assert answer.status_code == 400, answer.text
answer = session.post(f"{address}/commit/main", json={"summary": "a", "lfsFiles": [{"path": "t.bin", "oid": "0" * 64, "algo": "sha256"}]})
assert answer.status_code == 400, answer.text
answer = session.post(
    f"{address}/preupload/main",
    json={
        "files": [
            {"path": "l/v.txt", "size": 2, "sample": "w7w="},
            {"path": "logs/a.log", "size": 2, "sample": "w7w="},
            {"path": "x.bin", "size": 2, "sample": "w7w="},
        ],
        "gitIgnore": "*.log\n",
    },
).json()
assert [file["shouldIgnore"] for file in answer["files"]] == [False, True, False], answer
assert [file["uploadMode"] for file in answer["files"]] == ["regular", "regular", "lfs"], answer
assert answer["files"][0]["oid"] and "oid" not in answer["files"][2], answer
assert answer["commitOid"] == maren.dataset_info("maren/ledger").sha

# Trees: pages, folders, last commits, single paths
for number in range(130):
    write(f"many/d{number % 3}/{number}.txt", f"{number}\n")
maren.upload_folder(folder_path=path("many", "x")[:-2], path_in_repo="many", commit_message="many", **repo)
entries = list(maren.list_repo_tree(path_in_repo="many", recursive=True, **repo))
assert len(entries) == 133, len(entries)
assert {entry.path for entry in maren.list_repo_tree(path_in_repo="many", **repo)} == {"many/d0", "many/d1", "many/d2"}
expanded = list(maren.list_repo_tree(path_in_repo="many/d1", expand=True, **repo))
assert len(expanded) == 43 and expanded[0].last_commit.title.startswith("many"), expanded[0]
paths = maren.get_paths_info(paths=["many/d0/0.txt", "many/d1", "missing"], expand=True, **repo)
assert [entry.path for entry in paths] == ["many/d0/0.txt", "many/d1"] and paths[1].last_commit, paths
with refused(404, EntryNotFoundError):
    list(maren.list_repo_tree(path_in_repo="nowhere", **repo))
answer = session.get(f"{address}/treesize/main/many/d1")
assert answer.json()["size"] == sum(len(f"{number}\n") for number in range(130) if number % 3 == 1), answer.text
answer = session.get(f"{address}/tree/main/many%2Fd1")
assert len(answer.json()) == 43, answer.text

# Two thousand small files in one go
maren.create_repo("maren/bulk", repo_type="dataset")
operations = [CommitOperationAdd(f"f/{number % 40}/{number}.json", f'{{"n": {number}}}'.encode() * 9) for number in range(2000)]
began = time.monotonic()
maren.create_commit("maren/bulk", operations, commit_message="bulk", repo_type="dataset")
print(f"2000 files: {time.monotonic() - began:.2f} s")
assert len(maren.list_repo_files("maren/bulk", repo_type="dataset")) == 2001
