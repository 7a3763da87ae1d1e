"""Uploads to a simulated Hub: 2,000 small files, 1 GB through LFS, both against huggingface_hub.upload_folder"""

import json
import os
import random
import urllib.request

from machine import HERE
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "hub-upload"


def run(bench):
    python = bench.python("hub", ["huggingface_hub==2.4.0"])
    home = bench.scratch / "home"
    home.mkdir()
    hub = bench.start("hub-simulator", [
        bench.product("stoker-bench"), "hub-simulator", "--data", bench.scratch / "hub"], cwd=bench.scratch)
    hub.until('"endpoint"')
    endpoint = hub.lines()[0]["endpoint"]

    small, large = bench.scratch / "small", bench.scratch / "large"
    numbers = random.Random(1)
    count = bench.scaled(2_000, 200)
    for index in range(count):
        path = small / f"folder-{index % 40}" / f"file-{index}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(numbers.randbytes(numbers.randrange(512, 2_048)).hex())
    large.mkdir()
    size = bench.scaled(1_000_000_000, 120_000_000)
    made = iter(range(1_000))

    def content():
        """Other bytes each time, or the Hub has them already."""
        with open(large / "model.bin", "wb") as file:
            left = size
            while left:
                file.write(piece := os.urandom(min(left, 1 << 22)))
                left -= len(piece)

    def repository() -> str:
        name = f"bench-{next(made)}"
        request = urllib.request.Request(
            f"{endpoint}/api/repos/create", data=json.dumps({"type": "dataset", "name": name}).encode(),
            headers={"Authorization": "Bearer hf_maren", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()
        return f"maren/{name}"

    def count_of(repo: str) -> int:
        found, url = 0, f"{endpoint}/api/datasets/{repo}/tree/main?recursive=true"
        while url:
            request = urllib.request.Request(url, headers={"Authorization": "Bearer hf_maren"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                found += sum(entry["type"] == "file" for entry in json.load(answer))
                link = answer.headers.get("Link")
            url = link[1:link.index(">")] if link else None
        return found

    def upload(folder, files, command, **options):
        def measure():
            if folder == large:
                content()
            repo = repository()
            os.sync()  # gigabytes still on their way to the disk would slow down whoever comes next
            figures = bench.figures(command(repo)[0], command(repo)[1:], 280, cwd=bench.scratch, **options)
            if count_of(repo) != files + 1:  # .gitattributes
                raise Unmeasurable(f"{repo} has {count_of(repo)} files and not {files + 1}")
            return figures
        return measure

    def candidates(folder, files):
        environment = {**os.environ, "HF_HOME": str(home)}
        return {
            "stoker": upload(folder, files, lambda repo: [
                "hub-upload", bench.product("stoker-bench"), "hub-upload", "--endpoint", endpoint, "--repo", repo, "--folder",
                folder, "--state", bench.scratch / "state"]),
            "official": upload(folder, files, lambda repo: [
                "official", python, HERE / "peers" / "hub_upload.py", endpoint, repo, folder], env=environment),
        }

    results = []
    note = ("the official client without its Rust part (hf_xet), which speaks a protocol of its own that the simulator does not have; "
            "its time counts from the call, not from the start of Python")
    for folder, files, what, bar in (
            (small, count, f"{count:,} small files", 3), (large, 1, f"{size / 1e9:g} GB through LFS", 1.5)):
        found = bench.interleaved(candidates(folder, files))
        mine, theirs = found["stoker"], found["official"]
        results += [
            at_least(NAME, f"{what}, times faster", median(theirs, "wall_seconds") / median(mine, "wall_seconds"), bar, " ×",
                     stoker=f"{number(median(mine, 'wall_seconds'))} s", figures=found, note=note,
                     against=f"huggingface_hub {number(median(theirs, 'wall_seconds'))} s"),
            at_most(NAME, f"{what}, memory at its highest", median(mine, "peak_mib") / median(theirs, "peak_mib"), 1 / 3, " ×",
                    stoker=f"{number(median(mine, 'peak_mib'))} MiB", figures=found,
                    against=f"huggingface_hub {number(median(theirs, 'peak_mib'))} MiB"),
        ]
    return results
