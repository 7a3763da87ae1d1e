"""The hf command. Arbiter: huggingface_hub's command line."""

import json
import os

import hf_command
from common import maren, path, write


def hf(*arguments, ok=True):
    code, output, errors = hf_command.run(*arguments)
    assert (code == 0) == ok, (arguments, code, output, errors)
    return output


assert "maren" in hf("auth", "whoami")
hf("repos", "create", "maren/cli", "--type", "space", "--sdk", "docker", "--private")
hf("repos", "create", "maren/cli", "--type", "space", "--sdk", "docker", ok=False)
hf("repos", "create", "maren/cli", "--type", "space", "--sdk", "docker", "--exist-ok")
write("app/Dockerfile", "FROM scratch\n")
write("app/README.md", "---\ntitle: Demo\nsdk: docker\n---\n")
write("app/model.bin", os.urandom(20_000))
folder = os.path.dirname(path("app", "x"))
output = hf("upload", "maren/cli", folder, ".", "--repo-type", "space", "--commit-message", "ship")
assert "maren/cli" in output, output
assert maren.list_repo_commits("maren/cli", repo_type="space")[0].title == "ship"
hf("download", "maren/cli", "--repo-type", "space", "--local-dir", path("down", "x")[:-2])
assert open(path("down", "model.bin"), "rb").read() == open(path("app", "model.bin"), "rb").read()
hf("repos", "settings", "maren/cli", "--type", "space", "--public")
assert not maren.space_info("maren/cli").private
hf("repos", "move", "maren/cli", "maren/cli-two", "--type", "space")
hf("repos", "branch", "create", "maren/cli-two", "dev", "--type", "space")
hf("repos", "tag", "create", "maren/cli-two", "v1", "--type", "space")
listed = json.loads(hf("spaces", "list", "--author", "maren", "--format", "json"))
assert [space["id"] for space in listed] == ["maren/cli-two"], listed
info = json.loads(hf("spaces", "info", "maren/cli-two", "--format", "json"))
assert info["id"] == "maren/cli-two", info
hf("repos", "duplicate", "maren/cli-two", "maren/cli-three", "--type", "space")
hf("repos", "delete", "maren/cli-three", "--type", "space", "-y")
hf("repos", "delete", "maren/cli-three", "--type", "space", "-y", ok=False)
hf("repos", "delete-files", "maren/cli-two", "model.bin", "--repo-type", "space")
assert not maren.file_exists("maren/cli-two", "model.bin", repo_type="space")
