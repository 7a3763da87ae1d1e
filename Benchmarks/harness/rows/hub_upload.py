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
from report import at_most, median, number

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

    def journal(endpoint: str) -> list[float]:
        """When each request since the last call arrived, in seconds; at the Hub and at its storage."""
        found = []
        for host in ("hub", "storage"):
            with urllib.request.urlopen(f"{endpoint}/-/admin/journal?host={host}", timeout=60) as answer:
                found += [entry["at"] for entry in json.load(answer)]
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/-/admin/journal", method="DELETE"), timeout=60).close()
        return sorted(found)

    def in_turn(arrivals: list[float]) -> int:
        """Longest chain of requests of which each can only have waited for the one before: they arrived about an answer's delay apart."""
        chain, last = 0, -FAR
        for at in arrivals:
            if at - last >= 0.9 * FAR / 1_000:  # clocks and timers are not exact
                chain, last = chain + 1, at
        return chain

    def upload(where: str, folder, files, command, **options):
        endpoint = endpoints[where]

        def measure():
            if folder == large:
                content()
            repo = repository(endpoint)
            os.sync()  # gigabytes still on their way to the disk would slow down whoever comes next
            line = command(endpoint, repo)
            journal(endpoint)
            figures = bench.figures(line[0], line[1:], 280, own_memory=True, cwd=bench.scratch, **options)
            figures["round_trips"] = in_turn(journal(endpoint))
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
            "wall time counts from the call, not from the start of Python, CPU time is that of the whole process")
    def compare(found, what, figure, bar, unit, note=note):
        mine, theirs = (median(found[name], figure) for name in ("stoker", "official"))
        results.append(at_most(NAME, what, mine / theirs, bar, " ×", stoker=f"{number(mine)}{unit}", figures=found, note=note,
                               against=f"huggingface_hub {number(theirs)}{unit}"))

    for folder, files, what, cpu, wall in (
            (small, count, f"{count:,} small files", 1 / 4, 1 / 2), (large, 1, f"{size / 1e9:g} GB through LFS", 1 / 2, 1 / 1.5)):
        near, far = (bench.interleaved(candidates(where, folder, files)) for where in ("near", "far"))
        compare(near, f"{what}, the client's own CPU", "cpu_seconds", cpu, " s")
        compare(near, f"{what}, memory of its own at its highest", "own_mib", 1 / 4, " MiB")
        if folder == small:  # a large file's parts arrive all the time: gaps between them say nothing
            compare(far, f"{what}, round trips one after the other", "round_trips", 1 / 3, "")
        compare(far, f"{what}, each answer {FAR} ms later, wall time", "wall_seconds", wall, " s")
    return results
