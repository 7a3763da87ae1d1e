"""Counts the outcomes and holds what failed against explained.txt. Ends with 1 for a failure that nobody explained; an
explanation that explained nothing is told with `--whole` (a test that asks huggingface.co passes where that can be reached)."""
import collections
import fnmatch
import json
import sys

outcomes = {}
for line in open(sys.argv[1]):
    entry = json.loads(line)
    name = entry["test"].removeprefix("tests/")
    # A test that ran and could not be tidied up has not passed.
    if outcomes.get(name, {"outcome": ""})["outcome"] != "failed":
        outcomes[name] = entry
explained = []
for line in open(sys.argv[2]):
    line = line.rstrip("\n")
    if line and not line.startswith("#"):
        pattern, _, why = line.partition("  ")
        # {text}: only failures that say so.
        said, why = why[1:].split("}", 1) if why.startswith("{") else ("", why)
        explained.append((pattern.replace("[", "[[]"), said, why.strip(), pattern))
counts = collections.Counter(entry["outcome"] for entry in outcomes.values())
used = collections.Counter()
strange = []
for name, entry in sorted(outcomes.items()):
    if entry["outcome"] != "failed":
        continue
    for pattern, said, _, written in explained:
        if fnmatch.fnmatchcase(name, pattern) and said in entry["why"]:
            used[written] += 1
            break
    else:
        strange.append((name, entry["why"]))
print(f"passed {counts['passed']}, failed {counts['failed']} (explained {sum(used.values())}), skipped {counts['skipped']}")
skips = collections.Counter(e["why"].removeprefix("Skipped: ") for e in outcomes.values() if e["outcome"] == "skipped")
for why, count in skips.most_common():
    print(f"  skipped {count}: {why}")
for _, _, why, written in explained:
    print(f"  explained {used[written]}: {written}: {why}")
for name, why in strange:
    print(f"UNEXPLAINED {name}\n    {why.splitlines()[0] if why else ''}")
idle = [written for _, _, _, written in explained if not used[written]] if "--whole" in sys.argv else []
for written in idle:
    print(f"EXPLAINS NOTHING {written}")
sys.exit(1 if strange or not outcomes else 0)
