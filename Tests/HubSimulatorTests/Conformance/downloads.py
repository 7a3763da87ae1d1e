"""Reading files. Arbiter: huggingface_hub."""

import os
from urllib.parse import urlparse

import httpx2

from common import ENDPOINT, maren, nobody, refused, write, path
from huggingface_hub import get_hf_file_metadata, hf_hub_url, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

content = os.urandom(300_000)
for kind in ["model", "dataset", "space"]:
    repo = dict(repo_id=f"maren/read-{kind}", repo_type=kind)
    maren.create_repo(private=True, space_sdk="docker" if kind == "space" else None, **repo)
    write(f"{kind}/README.md", "# hello\n")
    write(f"{kind}/a b/ü.txt", "text\n")
    write(f"{kind}/weights.bin", content)
    folder = os.path.join(path(kind, "x")[:-2])
    oid = maren.upload_folder(folder_path=folder, **repo).oid
    small = maren.hf_hub_download(filename="a b/ü.txt", **repo)
    assert open(small).read() == "text\n" and oid in small, small
    large = maren.hf_hub_download(filename="weights.bin", **repo)
    assert open(large, "rb").read() == content
    with refused(404, EntryNotFoundError):
        maren.hf_hub_download(filename="missing", **repo)
    with refused(404, RevisionNotFoundError):
        maren.hf_hub_download(filename="README.md", revision="missing", **repo)
    with refused(401, RepositoryNotFoundError):
        nobody.hf_hub_download(filename="README.md", cache_dir=path("other"), **repo)

    whole = snapshot_download(cache_dir=path("cache"), token="hf_maren", **repo)
    assert sorted(os.listdir(whole)) == [".gitattributes", "README.md", "a b", "weights.bin"], os.listdir(whole)
    local = snapshot_download(local_dir=path(f"local-{kind}"), token="hf_maren", allow_patterns=["*.md"], **repo)
    assert os.path.exists(os.path.join(local, "README.md")) and not os.path.exists(os.path.join(local, "weights.bin"))

    metadata = get_hf_file_metadata(hf_hub_url(filename="README.md", **repo), token="hf_maren")
    assert (metadata.size, metadata.commit_hash) == (8, oid), metadata
    metadata = get_hf_file_metadata(hf_hub_url(filename="weights.bin", **repo), token="hf_maren")
    assert metadata.size == 300_000 and len(metadata.etag) == 64, metadata
    assert urlparse(metadata.location).netloc != urlparse(ENDPOINT).netloc

# The wire itself
session = httpx2.Client(headers={"Authorization": "Bearer hf_maren", "Accept-Encoding": "identity"}, follow_redirects=False)
base = f"{ENDPOINT}/spaces/maren/read-space/resolve/main"
answer = session.head(f"{base}/README.md")
assert answer.status_code == 307 and answer.headers["location"].startswith("/api/resolve-cache/spaces/"), dict(answer.headers)
assert answer.headers["x-linked-size"] == "8" and answer.headers["x-linked-etag"].startswith('"')
answer = session.get(ENDPOINT + answer.headers["location"], headers={"Range": "bytes=2-"})
assert answer.status_code == 206 and answer.text == "hello\n" and answer.headers["content-range"] == "bytes 2-7/8"
etag = answer.headers["etag"]
assert session.get(f"{base}/README.md", headers={"If-None-Match": etag}).status_code == 304
answer = session.get(ENDPOINT + session.head(f"{base}/README.md").headers["location"], headers={"Range": "bytes=99-"})
assert answer.status_code == 416, answer.text
answer = session.get(f"{base}/weights.bin")
assert answer.status_code == 302
link = answer.headers["location"]
assert session.get(link).status_code == 400  # credentials must not come along
assert httpx2.get(link).content == content
part = httpx2.get(link, headers={"Range": "bytes=100-199"})
assert part.status_code == 206 and part.content == content[100:200]
assert httpx2.get(link.replace("Signature=", "Signature=0")).status_code == 403
raw = session.get(f"{ENDPOINT}/spaces/maren/read-space/raw/main/weights.bin").text
assert raw.startswith("version https://git-lfs.github.com/spec/v1\noid sha256:"), raw
answer = session.get(f"{base}/missing")
assert answer.status_code == 404 and answer.headers["x-error-code"] == "EntryNotFound" and answer.headers["x-repo-commit"]
assert 'r=' in answer.headers["ratelimit"] and answer.headers["ratelimit"].startswith('"resolvers"')
