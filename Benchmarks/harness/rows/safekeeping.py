"""Snapshots of 1 GiB in 10,000 files against restic, of a live 100 MB database, and of a 1 % change against the official client's CommitScheduler"""

import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from machine import HERE
from processes import Unmeasurable
from report import at_most, median, number

NAME = "safekeeping"

# Knobs: rounds, size and parts of this row, for a quick look.
ROUNDS = int(os.environ.get("SAFEKEEPING_ROUNDS", "5"))
MIB = int(os.environ.get("SAFEKEEPING_MIB", "1024"))
FILES = int(os.environ.get("SAFEKEEPING_FILES", "10000"))
PARTS = os.environ.get("SAFEKEEPING_PARTS", "restic database scheduler").split()


def run(bench):
    if "restic" in PARTS and not shutil.which("restic"):
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "restic"], capture_output=True)
        if not shutil.which("restic"):
            raise Unmeasurable("restic is not installed; apt-get install restic")
    if not bench.quick:
        bench.rounds = ROUNDS
    # In memory, where there is room: whose turn it is should not decide which of them waits for the disk.
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 5 * (MIB << 20):
        place = Path(tempfile.mkdtemp(prefix="stoker-bench-", dir=memory))
    else:
        place = bench.scratch
    try:
        results = []
        if "restic" in PARTS:
            results += against_restic(place, bench)
        if "database" in PARTS:
            results += live_database(place, bench)
        if "scheduler" in PARTS:
            results += against_scheduler(place, bench)
        return results
    finally:
        shutil.rmtree(place, ignore_errors=True)


def stoker(bench):
    chosen = os.environ.get("SAFEKEEPING_STOKER")
    return Path(chosen) if chosen else bench.product("stoker")


def key_file(place: Path, bench) -> Path:
    path = place / "key"
    if not path.exists():
        subprocess.run([stoker(bench), "key", "new", "--out", path], check=True, capture_output=True)
    return path


def surroundings(place: Path) -> dict:
    """Without what this shell has of vaults and tokens."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STOKER_", "HF_", "RESTIC_", "AWS_"))}
    return {**kept, "HOME": str(place / "home")}


def measured(bench, command: list, cwd: Path, env: dict) -> dict:
    """Wall time, CPU time of the program and what it started, and the most memory it had."""
    with open(bench.scratch / "output.log", "wb") as log:
        begin = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Unmeasurable(f"{command[0]} ended with {process.returncode}: {(bench.scratch / 'output.log').read_text()[-800:]}")
    return {"wall_seconds": wall, "cpu_seconds": usage.ru_utime + usage.ru_stime, "memory_mib": usage.ru_maxrss / 1024}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def vocabulary() -> tuple[list[str], list[float]]:
    """20,000 made-up words, the common ones much more common than the others, as in texts and logs."""
    numbers = random.Random(11)
    syllables = [first + vowel for first in "bcdfghjklmnprstvwz" for vowel in "aeiou"]
    words = sorted({"".join(numbers.choices(syllables, k=numbers.randrange(1, 5))) for _ in range(40_000)})[:20_000]
    numbers.shuffle(words)
    return words, [1 / (rank + 3) for rank in range(len(words))]


WORDS, WEIGHTS = vocabulary()


def content(numbers: random.Random, index: int, size: int) -> bytes:
    """Every second one is random, the others are lines of words."""
    if index % 2 == 0:
        return numbers.randbytes(size)
    lines, length = [], 0
    while length < size:
        line = " ".join(numbers.choices(WORDS, WEIGHTS, k=min(2_000, 1 + size // 6)))
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines).encode()[:size]


def against_restic(place: Path, bench) -> list:
    mib, files = bench.scaled((MIB, FILES), (64, 600))
    numbers = random.Random(7)
    source = place / "work" / "data"
    sizes = [numbers.lognormvariate(0, 1.2) for _ in range(files)]
    scale = (mib << 20) / sum(sizes)
    sizes = [max(1, int(size * scale)) for size in sizes]

    def path(index: int) -> Path:
        return source / f"{index % 100:02}" / f"file-{index}"
    for index, size in enumerate(sizes):
        path(index).parent.mkdir(parents=True, exist_ok=True)
        path(index).write_bytes(content(numbers, index, size))
    # What changed a moment ago is read again the next time, by both of them.
    time.sleep(3)
    key, env = key_file(place, bench), surroundings(place)
    (place / "password").write_text("benchmark")
    program, work = stoker(bench), place / "work"

    def restic(vault: Path, *arguments) -> list:
        return ["restic", "-q", "-r", vault, "--password-file", place / "password", "--cache-dir", place / "cache", *arguments]

    def change(folder: Path, seed: int):
        """1 % of the files, 4 KiB somewhere in each."""
        changed = random.Random(seed)
        for index in changed.sample(range(files), max(1, files // 100)):
            with open(folder / path(index).relative_to(source), "r+b") as file:
                file.seek(changed.randrange(max(1, sizes[index] - 4_096)))
                file.write(content(changed, index, min(4_096, sizes[index])))

    figures = {"stoker": [], "restic": []}
    for round_ in range(bench.rounds):
        stores = {name: place / f"{name}-{round_}" for name in figures}
        row = {name: {} for name in figures}
        subprocess.run([str(part) for part in restic(stores["restic"], "init")], check=True, env=env, capture_output=True)
        # Seen once before, so that the first of them does not pay for the other's reading of the disk.
        for file in source.rglob("*"):
            if file.is_file():
                file.read_bytes()
        order = list(figures) if round_ % 2 == 0 else list(figures)[::-1]
        # A guard makes snapshots while its app runs; its state comes when it is asked for the first one.
        guarded = Guarded(bench, place, f"folder:{stores['stoker']}", "1h", ["sleep", "3600"], env)
        guarded.child.until("the app runs")
        source.rename(guarded.work / "data")
        for step in ("first", "second"):
            if step == "second":
                change(guarded.work / "data", 1_000 + round_)
                time.sleep(3)
            # The guard would not wait for the other one: what is new is published when it is seen. Both find the files read before.
            for name in ["stoker", "restic"] if step == "first" else order:
                before = size_of(stores[name])
                figure = guarded.snapshot(bench, env) if name == "stoker" else measured(bench, restic(stores[name], "backup", "data"), guarded.work, env)
                row[name].update({f"{step}_{what}": value for what, value in figure.items()})
                row[name][f"{step}_bytes"] = size_of(stores[name]) - before
        bench.stop(guarded.child)
        (guarded.work / "data").rename(source)
        for name in order:
            target = place / f"back-{name}"
            command = restic(stores[name], "restore", "latest", "--target", target) if name == "restic" else [
                program, "snapshots", "restore", "newest", "--to", target, "--vault", f"folder:{stores[name]}", "--key-file", key,
                "--state", "bench"]
            figure = measured(bench, command, work, env)
            row[name].update({f"restore_{what}": value for what, value in figure.items()})
            one, other = path(files // 2), next(target.rglob(path(files // 2).name))
            if one.read_bytes() != other.read_bytes() or sum(file.is_file() for file in target.rglob("*")) != files:
                raise Unmeasurable(f"{name} did not bring everything back")
            shutil.rmtree(target)
            row[name]["stored_bytes"] = size_of(stores[name])
            shutil.rmtree(stores[name])
            figures[name].append(row[name])
            bench.say(f"round {round_ + 1}/{bench.rounds} {name}: " + str({k: round(v, 3) for k, v in row[name].items()}))

    def compare(what: str, key: str, bar: float, unit: str, scale: float = 1):
        mine, theirs = (median(figures[name], key) for name in ("stoker", "restic"))
        return at_most(NAME, f"{mib} MiB in {files:,} files: {what}", mine / theirs, bar, " ×", stoker=f"{number(mine / scale)}{unit}",
                       against=f"restic {number(theirs / scale)}{unit}", figures=figures)
    return [
        compare("first snapshot, time", "first_wall_seconds", 0.60, " s"),
        compare("first snapshot, CPU", "first_cpu_seconds", 0.60, " s"),
        compare("first snapshot, memory", "first_memory_mib", 0.60, " MiB"),
        compare("1 % changed, time", "second_wall_seconds", 0.25, " s"),
        compare("1 % changed, bytes", "second_bytes", 0.5, " MB", 1e6),
        compare("restore, time", "restore_wall_seconds", 0.65, " s"),
        compare("stored", "stored_bytes", 0.98, " MB", 1e6),
    ]


class Guarded:
    """A guard around a program of peers/, and what its log says."""

    def __init__(self, bench, place: Path, vault: str, every: str, app: list, env: dict):
        self.work = place / "guarded"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.child = bench.start("guard", [
            stoker(bench), "guard", "--vault", vault, "--key-file", key_file(place, bench), "--state", "bench", "--data", self.work / "own",
            "--path", "data", "--every", every, "--log-format", "json", "--", *app], cwd=self.work, env=env)

    def snapshot(self, bench, env: dict) -> dict:
        """Asks for one. Wall time is that of who asks; CPU and memory are the guard's."""
        Path(f"/proc/{self.child.pid}/clear_refs").write_text("5")  # its highest memory counts anew
        before = self.child.cpu()
        socket = self.work / "own" / "guard" / "bench" / "guard.sock"
        figure = measured(bench, [stoker(bench), "snapshots", "make", "--socket", socket], self.work, env)
        figure["cpu_seconds"] += self.child.cpu() - before
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        figure["memory_mib"] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1_024
        return figure

    def published(self) -> list[dict]:
        return [line for line in self.child.lines() if "snapshot published" in json.dumps(line)]

    def sent(self) -> list[int]:
        """Bytes of each snapshot."""
        return [int(re.search(r'"sent": ?"?(\d+)', json.dumps(line))[1]) for line in self.published()]

    def captured(self) -> list[float]:
        """Seconds that the copies of the databases took."""
        found = [re.search(r'"captured_ms": ?"?(\d+)', json.dumps(line)) for line in self.published()]
        return [int(match[1]) / 1_000 for match in found if match]

    def wait(self, count: int, seconds: float):
        end = time.monotonic() + seconds
        while len(self.published()) < count:
            if not self.child.alive() or time.monotonic() > end:
                raise Unmeasurable(f"the guard made {len(self.published())} snapshots and not {count}: {self.child.output()[-800:]}")
            time.sleep(0.05)


def live_database(place: Path, bench) -> list:
    megabytes, snapshots = bench.scaled((100, 9), (20, 3))
    guarded = Guarded(
        bench, place, f"folder:{place / 'live'}", "5s", ["python3", HERE / "peers" / "database_writer.py", megabytes, 400], surroundings(place))
    # The first is all of it; the second holds what was written while the first was made.
    guarded.wait(2 + snapshots, 60 + snapshots * 20)
    sent = guarded.sent()[2:]
    captured = guarded.captured()[2:] or [float("inf")]
    size = (guarded.work / "data" / "app.db").stat().st_size
    os.kill(guarded.child.pid, signal.SIGTERM)
    guarded.child.wait(30)
    figures = next((line for line in guarded.child.lines() if "commit_p99_ms" in line), None)
    if figures is None:
        raise Unmeasurable(f"the writer told nothing: {guarded.child.output()[-400:]}")
    figures = {"database": [{**figures, "sent": sent, "captured": captured, "size": size}]}
    told = figures["database"][0]
    share = statistics.median(sent) / size
    note = f"{told['transactions_per_second']:.0f} transactions/s over three tables: a row anywhere of one is changed, one is added to each of the others"
    return [
        at_most(NAME, f"live database of {megabytes} MB, bytes of a snapshot each 5 s", share, 0.12, " ×",
                stoker=f"{number(statistics.median(sent) / 1e6)} MB", against=f"copying it {number(size / 1e6)} MB", figures=figures, note=note),
        at_most(NAME, f"live database of {megabytes} MB, capture", statistics.median(captured), 0.5, " s", figures=figures),
        at_most(NAME, f"live database of {megabytes} MB, transactions of its writer, p99", told["commit_p99_ms"], 50, " ms", figures=figures),
    ]


def against_scheduler(place: Path, bench) -> list:
    megabytes = bench.scaled(100, 20)
    python = bench.python("hub", ["huggingface_hub==2.4.0"])
    hub = bench.start("hub", [stoker(bench), "hub-simulator", "--port", "0"], cwd=bench.scratch, env={**surroundings(place), "TMPDIR": str(place)})
    hub.until("simulating http")
    endpoint = re.search(r"simulating (http://[\d.:]+)", hub.output())[1]
    # Storage is behind a link of 100 Mbit/s, as it is for who is not in its data centre.
    urllib.request.urlopen(urllib.request.Request(
        f"{endpoint}/-/admin/faults", headers={"Content-Type": "application/json"}, data=json.dumps(
            {"kind": "drip", "bytesPerSecond": 12_500_000, "host": "storage", "path": "/**", "times": None}).encode()), timeout=30).close()
    env = {**surroundings(place), "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_maren", "HF_HOME": str(place / "home" / "hf")}
    found = {"stoker": [], "official": []}
    for round_ in range(min(bench.rounds, 3)):
        figure = bench.figures("scheduler", [
            python, HERE / "peers" / "commit_scheduler.py", endpoint, f"maren/scheduled-{round_}", place / f"scheduled-{round_}", megabytes],
            300, cwd=bench.scratch, env=env)
        found["official"].append(figure)
        guarded = Guarded(bench, place, f"dataset:maren/guarded-{round_}", "1h",
                          ["python3", HERE / "peers" / "database_writer.py", megabytes, "on-request"], env)
        guarded.child.until("ready", 120)
        socket = guarded.work / "own" / "guard" / "bench" / "guard.sock"
        make = [stoker(bench), "snapshots", "make", "--socket", socket]
        measured(bench, make, guarded.work, env)
        (guarded.work / "change").touch()
        guarded.child.until("changed", 60)
        count = len(guarded.published())
        figure = measured(bench, make, guarded.work, env)
        guarded.wait(count + 1, 30)
        found["stoker"].append({"wall_seconds": figure["wall_seconds"], "bytes": guarded.sent()[-1]})
        bench.stop(guarded.child)
        bench.say(f"round {round_ + 1} official {found['official'][-1]}, stoker {found['stoker'][-1]}")

    def compare(what: str, key: str, unit: str, scale: float = 1):
        mine, theirs = (median(found[name], key) for name in ("stoker", "official"))
        return at_most(NAME, f"1 % of a database of {megabytes} MB changed, {what}", mine / theirs, 0.1, " ×", stoker=f"{number(mine / scale)}{unit}",
                       against=f"CommitScheduler {number(theirs / scale)}{unit}", figures=found,
                       note="storage behind a link of 100 Mbit/s")
    return [compare("bytes", "bytes", " MB", 1e6), compare("time", "wall_seconds", " s")]
