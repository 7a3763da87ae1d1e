#!/usr/bin/env python3
"""Prints a filter for `swift test` per test that failed, from the event streams of runs (Swift Testing, version 0).

Exit code 1 when a run did not come to its end: what a crashed run did not reach, nobody has tested.
"""
import json
import re
import sys

failed, broken = [], False
for path in sys.argv[1:]:
    ended = False
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:  # the last line of a run that was killed
                continue
            event = record["payload"]
            if record["kind"] != "event":
                continue
            ended = ended or event["kind"] == "runEnded"
            issue = event.get("issue", {})
            if event["kind"] != "issueRecorded" or issue.get("isKnown") or not issue.get("isFailure", True):
                continue
            # Module.Suite/test()/File.swift:1:2; without the place the same test is meant.
            test = re.sub(r"/[^/]*\.swift:\d+:\d+$", "", event.get("testID", ""))
            if test not in failed:
                failed.append(test)
    broken = broken or not ended
for test in failed:
    print("^" + re.escape(test).replace("/", r"\/"))
sys.exit(1 if broken else 0)
