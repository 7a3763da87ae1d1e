"""Uploads to a simulated Hub, next door and far away: 2,000 small files, 1 GB through LFS, against huggingface_hub.upload_folder"""

import json
import os
import random
import shutil
import tempfile
import urllib.request
from pathlib import Path

from machine import HERE
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "hub-upload"


# What an answer takes to come over an ocean, and its request before.
FAR = 100  # ms


def run(bench):
    # In memory, where there is room: whose turn it is should not decide which of them waits for the disk.
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 6e9:
        place = Path(tempfile.mkdtemp(prefix="stoker-bench-", dir=memory))
    else:
        place = bench.scratch
    try:
        return measure_in(place, bench)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure_in(place: Path, bench):
    python = bench.python("hub", ["huggingface_hub==2.4.0"])
    home = bench.scratch / "home"
    home.mkdir()
    endpoints = {}
    for name, later in (("near", 0), ("far", FAR)):
        hub = bench.start(f"hub-{name}", [
            bench.product("stoker-bench"), "hub-simulator", "--data", place / name, "--later", later], cwd=bench.scratch)
        hub.until('"endpoint"')
        endpoints[name] = hub.lines()[0]["endpoint"]

    small, large = place / "small", place / "large"
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

    def repository(endpoint: str) -> str:
        name = f"bench-{next(made)}"
        request = urllib.request.Request(
            f"{endpoint}/api/repos/create", data=json.dumps({"type": "dataset", "name": name}).encode(),
            headers={"Authorization": "Bearer hf_maren", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()
        return f"maren/{name}"

    def count_of(endpoint: str, repo: str) -> int:
        found, url = 0, f"{endpoint}/api/datasets/{repo}/tree/main?recursive=true"
        while url:
            request = urllib.request.Request(url, headers={"Authorization": "Bearer hf_maren"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                found += sum(entry["type"] == "file" for entry in json.load(answer))
                link = answer.headers.get("Link")
            url = link[1:link.index(">")] if link else None
        return found

    def upload(where: str, folder, files, command, **options):
        endpoint = endpoints[where]

        def measure():
            if folder == large:
                content()
            repo = repository(endpoint)
            os.sync()  # gigabytes still on their way to the disk would slow down whoever comes next
            line = command(endpoint, repo)
            figures = bench.figures(line[0], line[1:], 280, cwd=bench.scratch, **options)
            if (found := count_of(endpoint, repo)) != files + 1:  # .gitattributes
                raise Unmeasurable(f"{repo} has {found} files and not {files + 1}")
            for path in (place / where / "objects").glob("*/*"):
                path.unlink()
            return figures
        return measure

    def candidates(where, folder, files):
        environment = {**os.environ, "HF_HOME": str(home)}
        return {
            "stoker": upload(where, folder, files, lambda endpoint, repo: [
                "hub-upload", bench.product("stoker-bench"), "hub-upload", "--endpoint", endpoint, "--repo", repo, "--folder",
                folder, "--state", bench.scratch / "state"]),
            "official": upload(where, folder, files, lambda endpoint, repo: [
                "official", python, HERE / "peers" / "hub_upload.py", endpoint, repo, folder], env=environment),
        }

    results = []
    note = ("the official client without its Rust part (hf_xet), which speaks a protocol of its own that the simulator does not have; "
            "its time counts from the call, not from the start of Python")
    for where, distance in (("near", ""), ("far", f", each answer {FAR} ms later")):
        for folder, files, what, bar in (
                (small, count, f"{count:,} small files", 3), (large, 1, f"{size / 1e9:g} GB through LFS", 1.5)):
            found = bench.interleaved(candidates(where, folder, files))
            mine, theirs = found["stoker"], found["official"]
            results.append(at_least(
                NAME, f"{what}{distance}, times faster", median(theirs, "wall_seconds") / median(mine, "wall_seconds"), bar,
                " ×", stoker=f"{number(median(mine, 'wall_seconds'))} s", figures=found, note=note,
                against=f"huggingface_hub {number(median(theirs, 'wall_seconds'))} s"))
            if where == "near":
                results.append(at_most(
                    NAME, f"{what}, memory at its highest", median(mine, "peak_mib") / median(theirs, "peak_mib"), 1 / 3, " ×",
                    stoker=f"{number(median(mine, 'peak_mib'))} MiB", figures=found,
                    against=f"huggingface_hub {number(median(theirs, 'peak_mib'))} MiB"))
    return results
