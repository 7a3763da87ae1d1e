"""Real git and git-lfs against the simulator."""

import os
import subprocess

from common import ENDPOINT, SCRATCH, maren, path, refused
from huggingface_hub.errors import RepositoryNotFoundError

ENVIRONMENT = os.environ | {
    "GIT_CONFIG_GLOBAL": os.path.join(SCRATCH, "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "maren", "GIT_AUTHOR_EMAIL": "m@example.org", "GIT_COMMITTER_NAME": "maren",
    "GIT_COMMITTER_EMAIL": "m@example.org",
}


def git(*arguments, cwd=None, ok=True):
    done = subprocess.run(["git", *arguments], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == ok, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


git("config", "--global", "init.defaultBranch", "main")
git("lfs", "install", "--skip-repo")
maren.create_repo("maren/git", repo_type="space", space_sdk="docker", private=True)
address = ENDPOINT.replace("http://", "http://maren:hf_maren@") + "/spaces/maren/git"
tree = path("tree")
git("clone", ENDPOINT + "/spaces/maren/git", tree, ok=False)
git("clone", address.replace("hf_maren", "hf_unknown"), tree, ok=False)
git("clone", address, tree)
assert os.listdir(tree).count(".gitattributes") == 1


def put(name, content):
    full = os.path.join(tree, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as file:
        file.write(content)


def commit(message):
    git("add", "-A", cwd=tree)
    git("commit", "-qm", message, cwd=tree)


# Text and LFS
weights = os.urandom(2_000_000)
put("Dockerfile", b"FROM scratch\n")
put("weights.bin", weights)
commit("begin")
git("push", cwd=tree)
head = git("rev-parse", "HEAD", cwd=tree).strip()
assert maren.space_info("maren/git").sha == head
entry = maren.get_paths_info("maren/git", ["weights.bin"], repo_type="space")[0]
assert entry.lfs.size == 2_000_000, entry
assert open(maren.hf_hub_download("maren/git", "weights.bin", repo_type="space"), "rb").read() == weights
git("clone", address + ".git", path("second"))
assert open(path("second", "weights.bin"), "rb").read() == weights

# A large push comes gzipped and chunked
for number in range(400):
    put(f"many/{number}.txt", (f"{number} " * 2000).encode() + os.urandom(50).hex().encode())
commit("many")
git("push", cwd=tree)
assert len(maren.list_repo_files("maren/git", repo_type="space")) == 403

# What is refused, and that nothing of it stays
def refuse(reason, *options):
    before = maren.space_info("maren/git").sha
    said = git("push", *options, cwd=tree, ok=False)
    assert reason in said, said
    assert maren.space_info("maren/git").sha == before
    git("reset", "--hard", "-q", "@{u}", cwd=tree)


put("big.txt", b"x" * 10_500_000)
commit("big")
refuse("larger than 10 MB")
put("picture.raw", b"\x00\x01\x02" * 100)
commit("binary")
refuse("binary files")
put("README.md", b"---\nsdk: docker\ncolorTo: pinkish\n---\n")
commit("bad front matter")
refuse("colorTo")
pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
put("lost.txt", pointer)
commit("pointer to nothing")
refuse("does not exist", "--no-verify")

# Branches, tags, force, and the API side by side
git("push", "-q", "origin", "HEAD:refs/heads/dev", cwd=tree)
git("tag", "-a", "v1", "-m", "one", cwd=tree)
git("push", "-q", "origin", "v1", cwd=tree)
refs = maren.list_repo_refs("maren/git", repo_type="space")
head = git("rev-parse", "HEAD", cwd=tree).strip()
assert {branch.name: branch.target_commit for branch in refs.branches} == {"main": head, "dev": head}, refs
assert refs.tags[0].target_commit == head, refs
done = maren.upload_file(path_or_fileobj=b"api", path_in_repo="api.txt", repo_id="maren/git", repo_type="space")
git("pull", "-q", "--ff-only", cwd=tree)
assert git("rev-parse", "HEAD", cwd=tree).strip() == done.oid
git("reset", "--hard", "-q", "HEAD~1", cwd=tree)
put("other.txt", b"other\n")
commit("another way")
git("push", cwd=tree, ok=False)
git("push", "--force", cwd=tree)
assert "api.txt" not in maren.list_repo_files("maren/git", repo_type="space")

# Rights
maren.update_repo_settings("maren/git", repo_type="space", private=False)
git("clone", "-q", ENDPOINT + "/spaces/maren/git", path("anonymous"))
put("x.txt", b"x")
commit("x")
git("push", address.replace("hf_maren", "hf_maren_read"), cwd=tree, ok=False)
git("push", address.replace("maren:hf_maren", "tobi:hf_tobi"), cwd=tree, ok=False)
maren.delete_repo("maren/git", repo_type="space")
git("push", cwd=tree, ok=False)
