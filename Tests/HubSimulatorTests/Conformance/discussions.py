"""Discussions and pull requests. Arbiter: huggingface_hub."""

from common import maren, refused, tobi

repo = dict(repo_id="maren/talked", repo_type="space")
maren.create_repo(space_sdk="static", **repo)
opened = tobi.create_discussion(title="It sleeps", description="Every night.", **repo)
assert (opened.num, opened.status, opened.is_pull_request) == (1, "open", False), opened
proposal = tobi.create_pull_request(title="Wake it", description="Like this.", **repo)
assert proposal.is_pull_request and proposal.status == "draft", proposal
comment = maren.comment_discussion(discussion_num=1, comment="I see", **repo)
assert comment.content == "I see" and comment.author == "maren", comment
details = maren.get_discussion_details(discussion_num=1, **repo)
assert [event.type for event in details.events] == ["comment", "comment"], details.events
assert maren.change_discussion_status(discussion_num=1, new_status="closed", **repo).new_status == "closed"
assert {item.num: item.status for item in maren.get_repo_discussions(**repo)} == {1: "closed", 2: "draft"}
with refused(403):
    tobi.merge_pull_request(discussion_num=2, **repo)
maren.upload_file(path_or_fileobj=b"awake", path_in_repo="wake.txt", revision="refs/pr/2", **repo)
maren.change_discussion_status(discussion_num=2, new_status="open", **repo)
maren.merge_pull_request(discussion_num=2, **repo)
assert maren.file_exists(filename="wake.txt", **repo)
assert maren.get_discussion_details(discussion_num=2, **repo).status == "merged"
