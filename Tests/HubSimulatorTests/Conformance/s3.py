"""Buckets by the S3 gateway, signed by curl. Arbiter: curl's AWS signatures."""

import os
import subprocess

from common import maren, write, path

BASE = os.environ["S3_ENDPOINT"]


def s3(method, key, *options, user="HFAKMAREN:maren-s3-secret"):
    done = subprocess.run(
        ["curl", "-sS", "-X", method, "-o", path("out"), "-D", path("head"), "-w", "%{http_code}", "--aws-sigv4",
         "aws:amz:us-east-1:s3", "--user", user, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", *options, BASE + key],
        capture_output=True, text=True, timeout=30, check=True)
    head = dict(line.strip().lower().split(": ", 1) for line in open(path("head")) if ": " in line)
    return int(done.stdout), head, open(path("out")).read() if os.path.exists(path("out")) else ""


maren.create_bucket("maren/store", private=True)
state = write("state.json", '{"n": 1}')
status, head, body = s3("PUT", "/store/live/state.json", "--data-binary", "@" + state)
assert status == 200, (status, body)
etag = head["etag"]
status, head, body = s3("GET", "/store/live/state.json")
assert status == 302, (status, body)
link = [line.split(": ", 1)[1].strip() for line in open(path("head")) if line.lower().startswith("location")][0]
assert subprocess.run(["curl", "-sS", link], capture_output=True, text=True).stdout == '{"n": 1}'

# Compare and swap
assert s3("PUT", "/store/live/state.json", "-d", "x", "-H", "If-None-Match: *")[0] == 412
assert s3("PUT", "/store/live/state.json", "-d", "x", "-H", 'If-Match: "0"')[0] == 412
assert s3("PUT", "/store/live/state.json", "-d", "two", "-H", "If-Match: " + etag)[0] == 200
assert s3("PUT", "/store/live/new", "-d", "x", "-H", "If-None-Match: *")[0] == 200

# Listed by both doors
status, _, body = s3("GET", "/store", "-G", "-d", "list-type=2", "-d", "prefix=live%2F")
assert status == 200 and "<KeyCount>2</KeyCount>" in body and "live/state.json" in body, body
info = maren.bucket_info("maren/store")
assert info.total_files == 2 and info.size == 4 and info.private, info
assert {entry.path for entry in maren.list_bucket_tree("maren/store", recursive=True)} == {"live/new", "live/state.json"}
assert [bucket.id for bucket in maren.list_buckets()] == ["maren/store"]

# Refusals
assert s3("GET", "/store/none")[0] == 404
assert s3("GET", "/other/none")[0] == 404
status, _, body = s3("GET", "/store/live/new", user="HFAKMAREN:wrong")
assert status == 403 and "SignatureDoesNotMatch" in body, body
assert s3("GET", "/store/live/new", user="NOBODY:wrong")[0] == 403
assert s3("DELETE", "/store/live/new")[0] == 204
assert maren.bucket_info("maren/store").total_files == 1
maren.delete_bucket("maren/store")
