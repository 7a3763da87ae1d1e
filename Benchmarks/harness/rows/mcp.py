"""fleet_status over MCP with 20 rows against the official Python SDK: CPU of a call, own memory"""

import json
import sys
import time
import urllib.request

import stoker
from machine import HERE, free_port
from processes import Unmeasurable
from report import at_most, median, number

NAME = "mcp"
TARGETS = 20
CONNECTIONS = 4


def fleet_status(port: int) -> dict:
    """What Stoker's tool answers, for the peer to answer too."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "fleet_status", "arguments": {"limit": TARGETS}}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/mcp", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]["structuredContent"]


def run(bench):
    python = bench.python("mcp", ["mcp==2.3.0"])
    _, targets = bench.targets()
    child, port = stoker.serve(bench, stoker.fleet(bench, "twenty", targets, TARGETS, "60s"))
    stoker.until_healthy(child, port)
    time.sleep(5)
    state = fleet_status(port)
    if len(state["checks"]) != TARGETS:
        raise Unmeasurable(f"fleet_status has {len(state['checks'])} rows")
    file = bench.scratch / "fleet.json"
    file.write_text(json.dumps(state))
    peer_port = free_port()
    peer = bench.start("mcp-sdk", [python, HERE / "peers" / "mcp_server.py", peer_port, file])
    peer.until_port(peer_port)
    seconds = bench.scaled(10, 2)

    def load(process, where):
        def measure():
            before = process.cpu()
            figures = bench.figures(
                "calls", [sys.executable, "-B", HERE / "peers" / "mcp_calls.py", where, seconds, CONNECTIONS], seconds + 30)
            if figures["bad"] or not figures["good"]:
                raise Unmeasurable(f"{process.name}: {figures}")
            figures["cpu_us"] = (process.cpu() - before) / figures["good"] * 1e6
            figures["per_second"] = figures["good"] / seconds
            figures["own_mib"] = process.own_memory()
            return figures
        return measure

    found = bench.interleaved({"sdk": load(peer, peer_port), "stoker": load(child, port)})
    mine, theirs = found["stoker"], found["sdk"]
    return [
        at_most(NAME, f"CPU of a fleet_status with {TARGETS} rows, share of the official SDK's",
                median(mine, "cpu_us") / median(theirs, "cpu_us"), 0.2,
                stoker=f"{number(median(mine, 'cpu_us'))} µs, {number(median(mine, 'per_second'))} calls/s",
                against=f"mcp 2.3.0 {number(median(theirs, 'cpu_us'))} µs, {number(median(theirs, 'per_second'))} calls/s", figures=found),
        at_most(NAME, "own memory (RssAnon), share of the official SDK's", median(mine, "own_mib") / median(theirs, "own_mib"), 0.25,
                stoker=f"{number(median(mine, 'own_mib'))} MiB with {TARGETS} checks",
                against=f"mcp 2.3.0 {number(median(theirs, 'own_mib'))} MiB", figures=found),
    ]
