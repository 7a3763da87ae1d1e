"""The hf command, continued: references, webhooks, discussions, models and datasets, copies, the cache. Arbiter: as command_line.py."""

import json
import os

import hf_command
from common import maren, path, write


def hf(*arguments, ok=True):
    code, output, errors = hf_command.run(*arguments)
    assert (code == 0) == ok, (arguments, code, output, errors)
    return output


space = dict(repo_id="maren/cli-two", repo_type="space")
maren.create_repo(space_sdk="docker", **space)
write("app/Dockerfile", "FROM scratch\n")
write("app/README.md", "---\ntitle: Demo\nsdk: docker\n---\n")
write("app/model.bin", os.urandom(20_000))
folder = os.path.dirname(path("app", "x"))
maren.upload_folder(folder_path=folder, **space)
maren.create_branch(branch="dev", **space)
maren.create_tag(tag="v1", **space)

# References
assert "v1" in hf("repos", "tag", "list", "maren/cli-two", "--type", "space")
hf("repos", "tag", "delete", "maren/cli-two", "v1", "--type", "space", "-y")
hf("repos", "branch", "delete", "maren/cli-two", "dev", "--type", "space")
refs = maren.list_repo_refs("maren/cli-two", repo_type="space")
assert not refs.tags and [branch.name for branch in refs.branches] == ["main"], refs
assert "maren/cli-two" in hf("repos", "list", "--format", "json")

# Webhooks
made = json.loads(hf("webhooks", "create", "--url", "http://127.0.0.1:9/hook", "--watch", "space:maren/cli-two", "--format", "json"))
hook = made["id"]
assert hook in hf("webhooks", "list", "--format", "json")
assert "maren/cli-two" in hf("webhooks", "info", hook)
hf("webhooks", "update", hook, "--url", "http://127.0.0.1:9/other")
hf("webhooks", "disable", hook)
assert maren.get_webhook(hook).disabled
hf("webhooks", "enable", hook)
hf("webhooks", "delete", hook, "--yes")
assert maren.list_webhooks() == []

# Discussions
hf("discussions", "create", "maren/cli-two", "--type", "space", "--title", "It sleeps", "--body", "Every night.")
assert "It sleeps" in hf("discussions", "list", "maren/cli-two", "--type", "space")
assert "Every night." in hf("discussions", "info", "maren/cli-two", "1", "--type", "space")
hf("discussions", "comment", "maren/cli-two", "1", "--type", "space", "--body", "I see")
hf("discussions", "close", "maren/cli-two", "1", "--type", "space", "--yes")
hf("discussions", "reopen", "maren/cli-two", "1", "--type", "space", "--yes")
assert maren.get_discussion_details("maren/cli-two", 1, repo_type="space").status == "open"

hf("discussions", "create", "maren/cli-two", "--type", "space", "--title", "Wake it", "--body", "So.", "--pull-request")
maren.upload_file(path_or_fileobj=b"awake", path_in_repo="wake.txt", repo_id="maren/cli-two", repo_type="space", revision="refs/pr/2")
assert "wake.txt" in hf("discussions", "diff", "maren/cli-two", "2", "--type", "space")
maren.change_discussion_status("maren/cli-two", 2, new_status="open", repo_type="space")
hf("discussions", "merge", "maren/cli-two", "2", "--type", "space", "--yes")
assert maren.file_exists("maren/cli-two", "wake.txt", repo_type="space")

# Models and datasets
hf("repos", "create", "maren/net", "--private")
hf("upload", "maren/net", folder + "/README.md", "README.md")
assert "maren/net" in hf("models", "list", "--author", "maren", "--format", "json")
assert json.loads(hf("models", "info", "maren/net", "--format", "json"))["id"] == "maren/net"
assert "title: Demo" in hf("models", "card", "maren/net")
hf("repos", "create", "maren/rows", "--type", "dataset")
hf("upload", "maren/rows", folder + "/README.md", "README.md", "--repo-type", "dataset")
assert "maren/rows" in hf("datasets", "list", "--author", "maren", "--format", "json")
assert json.loads(hf("datasets", "info", "maren/rows", "--format", "json"))["id"] == "maren/rows"
assert "title: Demo" in hf("datasets", "card", "maren/rows")

# On the Hub, from one place to another
hf("repos", "cp", "hf://spaces/maren/cli-two/Dockerfile", "hf://spaces/maren/cli-two/kept/Dockerfile")
assert maren.file_exists("maren/cli-two", "kept/Dockerfile", repo_type="space")
hf("cp", folder + "/model.bin", "hf://spaces/maren/cli-two/second.bin")
assert maren.file_exists("maren/cli-two", "second.bin", repo_type="space")

# What was downloaded
hf("download", "maren/cli-two", "--repo-type", "space")
assert "maren/cli-two" in hf("cache", "list")
hf("cache", "verify", "maren/cli-two", "--repo-type", "space")
hf("cache", "prune", "--yes")
hf("cache", "rm", "space/maren/cli-two", "--yes")
assert "maren/cli-two" not in hf("cache", "list")

# This machine
hf("version")
assert "huggingface_hub" in hf("env")
assert "hf_maren" in hf("auth", "token")
