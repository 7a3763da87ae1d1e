#!/usr/bin/env python3
"""Writes Scripts/hot-functions.txt and .ld: what a running stoker uses of its code, for release.sh to lay it side by side.

The kernel maps sixteen pages around each that is used, so functions that lie scattered cost ten times their size. The list grows
old without harm: names that are gone are passed over, new functions lie where they would without it. Made anew after large changes:

    apt-get install valgrind && Scripts/hot-functions.py
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Larger sections come from libraries that were not built function by function: they cannot be taken apart.
WHOLE = 8_192


class Target(BaseHTTPRequestHandler):
    def do_GET(self):
        content = b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until(test, what: str, seconds: float = 120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if test():
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"hot-functions: {what} did not happen within {seconds:g} s")


def get(address: str | urllib.request.Request, seconds: float = 60) -> bytes:
    with urllib.request.urlopen(address, timeout=seconds) as answer:
        return answer.read()


def traced(work: Path, binary: Path, name: str, *arguments, **options) -> subprocess.Popen:
    command = [
        "valgrind", "--tool=callgrind", "--demangle=no", "--quiet", f"--callgrind-out-file={work}/{name}.callgrind",
        binary, *arguments]
    return subprocess.Popen([str(part) for part in command], cwd=work, stdout=subprocess.DEVNULL, **options)


def ended(process: subprocess.Popen, seconds: float):
    """A list of what a command uses that failed would be one of error messages."""
    if status := process.wait(seconds):
        sys.exit(f"hot-functions: {' '.join(map(str, process.args))} ended with {status}")


def run(work: Path, binary: Path, bench: Path):
    """What people do most: tend a fleet, look at it, upload."""
    ended(traced(work, binary, "help", "--help"), 300)

    # A Hub to upload to, not traced itself.
    hub_port = free_port()
    endpoint = f"http://127.0.0.1:{hub_port}"
    hub = subprocess.Popen(
        [binary, "hub-simulator", "--port", str(hub_port)], cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    targets = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=targets.serve_forever, daemon=True).start()
    tls_port = free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", work / "key.pem", "-out", work / "cert.pem"], check=True, capture_output=True)
    tls = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{tls_port}", "-www", "-quiet", "-cert", work / "cert.pem", "-key",
         work / "key.pem"], cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: get(f"{endpoint}/api/spaces/maren/orbit-api") or True, "an answer of the simulated Hub", 30)
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_maren", "HOME": str(work)}
        numbers = random.Random(1)
        folder = work / "folder"
        for index in range(60):
            path = folder / f"part-{index % 5}" / f"file-{index}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(numbers.randbytes(numbers.randrange(512, 2_048)).hex())
        (folder / "model.bin").write_bytes(numbers.randbytes(120_000_000))
        for name, arguments in {
            "upload": ["space", "upload", "maren/orbit-api", folder, "--yes"],
            "list": ["space", "list"],
            "info": ["space", "info", "maren/orbit-api"],
        }.items():
            ended(traced(work, binary, name, *arguments, env=environment, stderr=subprocess.DEVNULL), 600)
        request = urllib.request.Request(
            f"{endpoint}/api/repos/create", data=b'{"type": "dataset", "name": "bench"}',
            headers={"Authorization": "Bearer hf_maren", "Content-Type": "application/json"})
        get(request)
        # Once small files alone, once a large one too: what `make bench` measures.
        for name, part in {"small": folder / "part-1", "large": folder}.items():
            ended(traced(
                work, bench, name, "hub-upload", "--endpoint", endpoint, "--repo", "maren/bench", "--folder", part, "--state",
                work / "state", stderr=subprocess.DEVNULL), 600)

        port = free_port()
        address = f"http://127.0.0.1:{port}"
        (work / "fleet.yaml").write_text(json.dumps({
            "version": 1,
            "targets": {
                **{f"t{n}": {"url": f"http://127.0.0.1:{targets.server_port}/{n}", "every": "5s"} for n in range(20)},
                "tls": {"url": f"https://localhost:{tls_port}/", "every": "5s"},
            },
        }))
        served = traced(
            work, binary, "serve", "serve", "--fleet", "fleet.yaml", "--port", port, "--data", work / "data",
            stderr=subprocess.DEVNULL)
        until(lambda: get(f"{address}/health"), "an answer of stoker serve")
        end = time.monotonic() + 40
        while time.monotonic() < end:
            for path in ["/", "/health", "/status", "/metrics", "/t/t1"]:
                try:
                    get(address + path)
                except urllib.error.HTTPError:
                    pass
            time.sleep(2)
        served.send_signal(signal.SIGTERM)
        ended(served, 120)
    finally:
        for process in (hub, tls):
            process.terminate()
            process.wait(20)
        targets.shutdown()


def used(path: Path) -> set[str]:
    """The functions of the program itself in one trace."""
    names: set[str] = set()
    objects: dict[str, str] = {}
    functions: dict[str, str] = {}
    where = ""
    for line in path.open(errors="replace"):
        if found := re.match(r"(c?ob)=\((\d+)\)(?: (.*))?", line):
            if found[3]:
                objects[found[2]] = found[3].strip()
            if found[1] == "ob":
                where = objects[found[2]]
        elif found := re.match(r"cfn=\((\d+)\) (.*)", line):
            functions[found[1]] = found[2].strip()
        elif found := re.match(r"fn=\((\d+)\)(?: (.*))?", line):
            if found[2]:
                functions[found[1]] = found[2].strip()
            if where.rpartition("/")[2] in ("stoker", "stoker-bench"):
                names.add(re.sub(r"'\d+$", "", functions[found[1]]))
    return names


SCRIPT = """/* Made by hot-functions.py. Small functions that have no name, or share theirs with one inside a large section: that would come
   along if the linker was asked for the name. Here it is asked for sections. */
SECTIONS { .text.shared : {
  *(.text..L*)
%s
} } INSERT BEFORE .text;
"""


def ordered(traces: dict[str, set[str]], maps: list[Path]) -> tuple[list[str], list[str]]:
    """Names for the linker to order functions by, what lies in sections of its own first and in between what an upload and a tended
    fleet have in common; and names of sections that it is better asked for as such.
    """
    names = set().union(*traces.values())
    smallest: dict[str, int] = {}
    largest: dict[str, int] = {}
    in_text, size = False, 0
    for line in (line for path in maps for line in path.open(errors="replace")):
        found = re.match(r"\s*[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ (\s*)(\S.*)", line)
        if not found:
            continue
        depth, what = len(found[2]), found[3].strip()
        if depth == 0:
            in_text = what == ".text"
        elif in_text and depth == 8:
            size = int(found[1], 16)
        elif in_text and what in names:
            smallest[what] = min(size, smallest.get(what, size))
            largest[what] = max(size, largest.get(what, size))
    shared = sorted(name for name in largest if largest[name] > WHOLE >= smallest[name])

    def place(name: str):
        uploads = any(name in traces[which] for which in ("upload", "small", "large"))
        serves = name in traces["serve"]
        group = 1 if uploads and serves else 0 if uploads else 2 if serves else 3
        return smallest[name] > WHOLE, group, name

    return sorted(set(largest) - set(shared), key=place), shared


def main():
    with tempfile.TemporaryDirectory(prefix="stoker-hot-") as folder:
        work = Path(folder)
        for name in ("stoker", "stoker-bench"):
            built = ROOT / ".build" / "release" / name
            # A linker that has nothing new to link writes no map.
            built.unlink(missing_ok=True)
            subprocess.run(
                [ROOT / "Scripts" / "release.sh", name], check=True,
                env={**os.environ, "STOKER_LINK_MAP": str(work / f"{name}.map")})
            # Valgrind cannot read the debugging information.
            subprocess.run(["objcopy", "--strip-debug", built, work / name], check=True)
        run(work, work / "stoker", work / "stoker-bench")
        traces = {path.stem: used(path) for path in work.glob("*.callgrind")}
        names, shared = ordered(traces, [work / "stoker.map", work / "stoker-bench.map"])
        if len(names) < 3_000:
            sys.exit(f"hot-functions: only {len(names)} functions seen; the list stays as it was")
        (ROOT / "Scripts" / "hot-functions.txt").write_text("\n".join(names) + "\n")
        (ROOT / "Scripts" / "hot-functions.ld").write_text(SCRIPT % "\n".join(f"  *(.text.{name})" for name in shared))
        print(f"hot-functions: {len(names)} names, {len(shared)} shared ones;", {name: len(trace) for name, trace in traces.items()})


main()
