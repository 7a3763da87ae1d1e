"""Repositories: made, listed, renamed, judged, deleted. Arbiter: huggingface_hub."""

import httpx2

from common import ENDPOINT, maren, nobody, reader, refused, tobi
from huggingface_hub.errors import BadRequestError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub import metadata_update

# Who asks
me = maren.whoami()
assert me["name"] == "maren" and me["isPro"] is True
assert me["auth"]["accessToken"]["role"] == "write", me["auth"]
assert [org["name"] for org in me["orgs"]] == ["kestrel-labs"]
assert me["orgs"][0]["roleInOrg"] == "admin"
with refused(401):
    maren.whoami(token="hf_unknown")

# Creation
url = maren.create_repo("maren/orbit-api", repo_type="space", space_sdk="docker", private=True)
assert url.repo_id == "maren/orbit-api" and url.repo_type == "space", url
with refused(409):
    maren.create_repo("maren/orbit-api", repo_type="space", space_sdk="docker")
again = maren.create_repo("maren/orbit-api", repo_type="space", space_sdk="docker", exist_ok=True)
assert again.url == url.url
maren.create_repo("notes", repo_type="dataset")
maren.create_repo("kestrel-labs/landing", repo_type="space", space_sdk="static")
maren.create_repo("weights")
with refused(402):
    tobi.create_repo("app", repo_type="space", space_sdk="gradio")
tobi.create_repo("page", repo_type="space", space_sdk="static")
with refused(403):
    reader.create_repo("maren/other")
with refused(403):
    tobi.create_repo("kestrel-labs/other")
with refused(401):
    nobody.create_repo("maren/other")
assert tobi.create_repo("kestrel-labs/landing", repo_type="space", space_sdk="static", exist_ok=True)

# Sight
assert maren.repo_exists("maren/orbit-api", repo_type="space")
assert not maren.repo_exists("maren/missing", repo_type="space")
with refused(404, RepositoryNotFoundError):
    tobi.space_info("maren/orbit-api")
with refused(401, RepositoryNotFoundError):
    nobody.space_info("maren/orbit-api")
with refused(401, RepositoryNotFoundError):
    nobody.space_info("maren/missing")
maren.auth_check("maren/orbit-api", repo_type="space", write=True)
reader.auth_check("maren/orbit-api", repo_type="space")
with refused(403):
    reader.auth_check("maren/orbit-api", repo_type="space", write=True)

info = maren.space_info("maren/orbit-api", files_metadata=True)
assert info.private and info.sdk == "docker" and info.subdomain == "maren-orbit-api", info
assert [file.rfilename for file in info.siblings] == [".gitattributes"], info.siblings
assert info.siblings[0].size > 1000 and len(info.sha) == 40 and info.author == "maren"
some = maren.space_info("maren/orbit-api", expand=["sha", "sdk"])
assert some.sha == info.sha and some.sdk == "docker" and some.private is None
answer = httpx2.get(f"{ENDPOINT}/api/spaces/maren/orbit-api?expand=host", headers={"Authorization": "Bearer hf_maren"})
assert answer.status_code == 400 and "subdomain" in answer.json()["error"], answer.text
page = maren.space_info("kestrel-labs/landing")
assert {file.rfilename for file in page.siblings} == {".gitattributes", "README.md", "index.html", "style.css"}
assert page.card_data["sdk"] == "static" and "static" in page.tags, page

# Lists
for number in range(5):
    maren.create_repo(f"kestrel-labs/list-{number}", repo_type="dataset", private=number == 4)
names = [item.id for item in maren.list_datasets(author="kestrel-labs", limit=100)]
assert len(names) == 5, names
assert len(list(nobody.list_datasets(author="kestrel-labs"))) == 4
assert [item.id for item in maren.list_datasets(author="kestrel-labs", search="list-3")] == ["kestrel-labs/list-3"]
seen, address, pages = [], f"{ENDPOINT}/api/datasets?author=kestrel-labs&limit=2&expand=sha", 0
while address:
    answer = httpx2.get(address, headers={"Authorization": "Bearer hf_maren"})
    answer.raise_for_status()
    seen += answer.json()
    pages += 1
    address = answer.links.get("next", {}).get("url")
assert pages == 3 and len(seen) == 5 and set(seen[0]) == {"_id", "id", "sha"}, (pages, seen)
full = list(maren.list_spaces(author="kestrel-labs", full=True))
assert full[0].card_data["sdk"] == "static" and full[0].siblings, full[0]
assert [item.id for item in maren.list_spaces(filter="static", author="tobi")] == ["tobi/page"]

# Settings, move, redirect
maren.update_repo_settings("maren/orbit-api", repo_type="space", visibility="protected")
assert maren.space_info("maren/orbit-api").private
maren.update_repo_settings("maren/orbit-api", repo_type="space", private=False, gated=False)
assert not nobody.space_info("maren/orbit-api").private
maren.move_repo("maren/orbit-api", "kestrel-labs/orbit", repo_type="space")
assert maren.space_info("maren/orbit-api").id == "kestrel-labs/orbit"
assert maren.hf_hub_download("maren/orbit-api", ".gitattributes", repo_type="space")
with refused(409):
    maren.move_repo("kestrel-labs/orbit", "kestrel-labs/landing", repo_type="space")

# References
space = dict(repo_id="kestrel-labs/landing", repo_type="space")
maren.create_branch(branch="feat/one", **space)
with refused(409):
    maren.create_branch(branch="feat/one", **space)
maren.create_branch(branch="feat/one", exist_ok=True, **space)
with refused(400, BadRequestError):
    maren.create_branch(branch="refs/pr/9", **space)
maren.create_tag(tag="v1", tag_message="first", **space)
with refused(409):
    maren.create_tag(tag="v1", **space)
refs = maren.list_repo_refs(**space)
assert {branch.name for branch in refs.branches} == {"main", "feat/one"}
assert refs.tags[0].target_commit == page.sha, refs
assert maren.space_info("kestrel-labs/landing", revision="v1").sha == page.sha
with refused(404, RevisionNotFoundError):
    maren.space_info("kestrel-labs/landing", revision="v9")
maren.delete_branch(branch="feat/one", **space)
maren.delete_tag(tag="v1", **space)
with refused(404):
    maren.delete_tag(tag="v1", **space)
with refused(403):
    maren.delete_branch(branch="main", **space)

# History
for number in range(4):
    maren.upload_file(path_or_fileobj=f"{number}".encode(), path_in_repo="count.txt", commit_message=f"count {number}", **space)
commits = maren.list_repo_commits(**space)
assert [commit.title for commit in commits] == ["count 3", "count 2", "count 1", "count 0", "initial commit"]
assert commits[0].authors == ["maren"]
answer = httpx2.get(f"{ENDPOINT}/api/spaces/kestrel-labs/landing/commits/main?limit=2&p=1")
assert answer.headers["x-total-count"] == "5" and [item["title"] for item in answer.json()] == ["count 1", "count 0"]
assert answer.links["next"]["url"].startswith(ENDPOINT)
diff = httpx2.get(f"{ENDPOINT}/api/spaces/kestrel-labs/landing/compare/{commits[1].commit_id}..main").text
assert "-2" in diff and "+3" in diff, diff
maren.super_squash_history(**space)
assert len(maren.list_repo_commits(**space)) == 1

# Copies
copy = maren.duplicate_repo("kestrel-labs/landing", "maren/landing-copy", repo_type="space", private=True)
assert copy.repo_id == "maren/landing-copy"
assert maren.space_info("maren/landing-copy").private
assert {file.rfilename for file in maren.space_info("maren/landing-copy").siblings} >= {"count.txt", "index.html"}
with refused(409):
    maren.duplicate_repo("kestrel-labs/landing", "maren/landing-copy", repo_type="space")

# README rules
good = "---\ntitle: A\nsdk: docker\nemoji: 🚀\ncolorFrom: red\n---\n"
for text, rule in [
    (good.replace("red", "pinkish"), "colorFrom"),
    (good.replace("sdk: docker\n", "sdk: docker\nshort_description: " + "x" * 61 + "\n"), "short_description"),
    (good.replace("sdk: docker\n", "sdk: docker\napp_port: many\n"), "app_port"),
]:
    answer = httpx2.post(f"{ENDPOINT}/api/validate-yaml", json={"content": text, "repoType": "space"})
    assert answer.status_code == 400 and rule in answer.json()["errors"][0]["message"], answer.text
answer = httpx2.post(f"{ENDPOINT}/api/validate-yaml", json={"content": good, "repoType": "space"})
assert answer.status_code == 200 and answer.json()["errors"] == [], answer.text
with refused(None, ValueError, "colorFrom"):
    maren.upload_file(path_or_fileobj=good.replace("red", "pinkish").encode(), path_in_repo="README.md", **space)
metadata_update("kestrel-labs/landing", {"pinned": True}, repo_type="space", token="hf_maren", overwrite=True)
assert maren.space_info("kestrel-labs/landing").card_data["pinned"] is True

# End
with refused(403):
    tobi.delete_repo("kestrel-labs/landing", repo_type="space")
maren.delete_repo("kestrel-labs/landing", repo_type="space")
maren.delete_repo("kestrel-labs/landing", repo_type="space", missing_ok=True)
with refused(404, RepositoryNotFoundError):
    maren.delete_repo("kestrel-labs/landing", repo_type="space")

# A bounded number of whoami calls
with refused(429):
    for _ in range(30):
        maren.whoami()
