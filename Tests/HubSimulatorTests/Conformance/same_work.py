"""The official half of SameWorkTests.swift: the same steps as there, with a line `step NAME JOURNAL_NUMBER` before each.

Arbiter: huggingface_hub. The clock of the simulated world is moved by hand.
"""

import json
import os
import sys
import urllib.request

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, Volume
from huggingface_hub.utils import disable_progress_bars

ENDPOINT, FOLDER, DOWN = os.environ["HF_ENDPOINT"], sys.argv[1], sys.argv[2]
api = HfApi(endpoint=ENDPOINT, token="hf_maren")
space = dict(repo_id="maren/orbit", repo_type="space")
data = dict(repo_id="maren/rows", repo_type="dataset")
ID = "maren/orbit"
CARD = b"---\ntitle: Orbit\nemoji: \xf0\x9f\x9b\xb0\xef\xb8\x8f\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n"
disable_progress_bars()


def admin(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/-/admin/{path}", data=data)) as answer:
        return json.load(answer)


def settle():
    admin("time", {"advance": 60})


def create():
    api.create_repo(
        space_sdk="docker", private=True, space_hardware="t4-small", space_sleep_time=3600,
        space_secrets=[{"key": "FIRST", "value": "one"}], space_variables=[{"key": "MODE", "value": "test"}], **space)


def ship():
    api.create_commit(
        operations=[CommitOperationAdd("README.md", CARD), CommitOperationAdd("Dockerfile", b"FROM scratch\n")],
        commit_message="Ship", commit_description="the first time", **space)
    settle()


def secrets():
    api.add_space_secret(ID, "TOKEN", "s3cr3t", description="call-back")
    api.add_space_secret(ID, "OTHER", "x")
    api.delete_space_secret(ID, "OTHER")
    api.get_space_secrets(ID)


def variables():
    api.add_space_variable(ID, "MODE", "live")
    api.add_space_variable(ID, "REGION", "eu", description="where")
    api.delete_space_variable(ID, "REGION")
    api.get_space_variables(ID)
    settle()


def hardware():
    api.list_spaces_hardware()
    api.request_space_hardware(ID, "t4-medium", sleep_time=3600)
    api.set_space_sleep_time(ID, 7200)
    settle()


def replicas():
    # The client has no method for it.
    headers = {"Authorization": "Bearer hf_maren"}
    httpx2.post(f"{ENDPOINT}/api/spaces/{ID}/replicas", json={"replicas": 2}, headers=headers).raise_for_status()


def volumes():
    api.set_space_volumes(ID, [Volume(type="bucket", source="maren/store", mount_path="/data")])
    api.delete_space_volumes(ID)
    api.set_space_volumes(ID, [Volume(type="model", source="maren/net", mount_path="/models")])
    settle()


def dev_mode():
    api.enable_space_dev_mode(ID)
    api.disable_space_dev_mode(ID)
    api.enable_space_dev_mode(ID)
    settle()


def upload():
    api.upload_folder(folder_path=FOLDER, commit_message="Folder", delete_patterns="*.old", **space)


def upload_again():
    api.upload_folder(folder_path=FOLDER, commit_message="Nothing new", **space)


def delete():
    api.create_commit(
        operations=[CommitOperationDelete("docs/", is_folder=True), CommitOperationDelete("plain.txt")],
        commit_message="Less", **space)


def refs():
    api.create_branch(branch="feat/one", **space)
    api.create_branch(branch="gone", **space)
    api.delete_branch(branch="gone", **space)
    api.create_tag(tag="v1", tag_message="first", **space)
    api.create_tag(tag="v0", **space)
    api.delete_tag(tag="v0", **space)
    api.list_repo_refs(**space)


def read():
    api.space_info(ID)
    api.list_repo_commits(**space)
    list(api.list_repo_tree(recursive=True, **space))
    api.get_paths_info(paths=["README.md", "docs"], **space)
    list(api.list_lfs_files(**space))
    list(api.list_spaces(author="maren"))
    api.get_space_runtime(ID)
    api.auth_check(write=True, **space)
    api.list_space_templates()


def download():
    api.snapshot_download(local_dir=DOWN, **space)


def duplicate():
    api.duplicate_repo(ID, "maren/copy", repo_type="space", private=True)
    settle()


def move():
    api.move_repo("maren/copy", "maren/moved", repo_type="space")


def restart():
    api.pause_space(ID)
    api.restart_space(ID)
    settle()
    api.restart_space(ID, factory_reboot=True)
    settle()
    api.pause_space("maren/moved")


def dataset():
    api.create_repo(**data)
    api.upload_file(path_or_fileobj=b'{"n": 1}\n', path_in_repo="a.jsonl", commit_message="One", **data)
    api.upload_file(path_or_fileobj=b'{"n": 2}\n', path_in_repo="a.jsonl", commit_message="Two", **data)
    api.update_repo_settings(private=True, **data)


def squash():
    api.super_squash_history(commit_message="All of it", **data)


def large():
    found = [file for file in api.list_lfs_files(**space) if file.filename == "second.bin"]
    api.permanently_delete_lfs_files(lfs_files=found, **space)


def webhooks():
    watched = [{"type": "space", "name": ID}]
    one = api.create_webhook(url="http://127.0.0.1:9/one", watched=watched, domains=["repo"], secret="quiet")
    two = api.create_webhook(url="http://127.0.0.1:9/two", watched=watched, domains=["repo"])
    api.list_webhooks()
    api.get_webhook(one.id)
    api.update_webhook(one.id, url="http://127.0.0.1:9/other", watched=watched, domains=["repo", "discussion"])
    api.disable_webhook(one.id)
    api.enable_webhook(one.id)
    api.disable_webhook(one.id)
    api.delete_webhook(two.id)


def remove():
    api.create_repo("maren/short", repo_type="space", space_sdk="static")
    api.delete_repo("maren/short", repo_type="space")
    api.delete_repo("maren/short", repo_type="space", missing_ok=True)


def settings():
    api.update_repo_settings(private=False, **space)


STEPS = [
    create, ship, secrets, variables, hardware, replicas, volumes, dev_mode, upload, upload_again, delete, refs, read,
    download, duplicate, move, restart, dataset, squash, large, webhooks, remove, settings,
]

for step in STEPS:
    journal = admin("journal")
    print("step", step.__name__, journal[-1]["number"] if journal else 0, flush=True)
    step()
