"""Requests per second on /health and on /status with 1,000 targets against FastAPI + uvicorn"""

import json
import time

import stoker
from machine import HERE, free_port
from processes import Unmeasurable
from report import at_least, median, number

NAME = "requests"
TARGETS = 1_000


def run(bench):
    python = bench.python("light", ["httpx", "apscheduler<4", "fastapi", "uvicorn[standard]"])
    _, targets = bench.targets()
    # Pinged every minute, so that the answer changes 17 times a second, as it does in life.
    child, port = stoker.serve(bench, stoker.fleet(bench, "thousand", targets, TARGETS, "60s"))
    stoker.until_healthy(child, port)
    time.sleep(5)
    body = bench.scratch / "status.json"
    body.write_bytes(stoker.get(port, "/status"))
    parsed = json.loads(body.read_text())
    if f"t{TARGETS - 1:06}" not in body.read_text():
        raise Unmeasurable("/status does not name every target")
    (bench.scratch / "health.json").write_bytes(stoker.get(port, "/health"))

    peer_port = free_port()
    peer = bench.start("fastapi", [python, HERE / "peers" / "status_app.py", peer_port, body, bench.scratch / "health.json"])
    peer.until_port(peer_port)
    if json.loads(stoker.get(peer_port, "/status")) != parsed:
        raise Unmeasurable("the peer's /status is not equivalent")
    seconds = bench.scaled(6, 2)

    def load(process, web, path):
        def measure():
            cpu = process.cpu()
            figures = bench.wrk(f"http://127.0.0.1:{web}{path}", seconds, 64)
            if figures["good"] < figures["probes"]:
                raise Unmeasurable(f"{process.name} {path}: {figures['probes'] - figures['good']} answers were errors")
            figures["per_second"] = figures["probes"] / figures["wall_seconds"]
            figures["cpu_us"] = (process.cpu() - cpu) / figures["probes"] * 1e6
            return figures
        return measure
    found = bench.interleaved({
        "fastapi /health": load(peer, peer_port, "/health"), "stoker /health": load(child, port, "/health"),
        "fastapi /status": load(peer, peer_port, "/status"), "stoker /status": load(child, port, "/status"),
    })

    def row(path, bar, more=""):
        mine, theirs = found[f"stoker {path}"], found[f"fastapi {path}"]
        return at_least(
            NAME, f"requests per second on {path}{more}", median(mine, "per_second") / median(theirs, "per_second"), bar, " ×",
            stoker=f"{number(median(mine, 'per_second'))}/s, {number(median(mine, 'cpu_us'))} µs CPU each",
            against=f"FastAPI + uvicorn {number(median(theirs, 'per_second'))}/s, {number(median(theirs, 'cpu_us'))} µs CPU each",
            figures=found)
    return [row("/health", 4), row("/status", 5, f" with {TARGETS:,} targets ({len(body.read_bytes()) // 1024} KiB)")]
