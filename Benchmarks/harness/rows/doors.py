"""REST at 1,000 calls/s with 10,000 targets: p99; badges: how many one core draws"""

import sys
import time

import stoker
from machine import HERE
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "doors"
TARGETS = 10_000
CALLS = 1_000
# Below what one sender may ask for in a second (2,000).
BADGES = 1_500


def run(bench):
    _, targets = bench.targets()
    child, port = stoker.serve(bench, stoker.fleet(bench, "doors", targets, TARGETS, "60s"))
    stoker.until_healthy(child, port)
    time.sleep(bench.scaled(60, 10))  # every target was pinged once
    seconds = bench.scaled(20, 3)
    names = [f"t{n:06}" for n in range(0, TARGETS, 23)]
    calls = []
    for turn, name in enumerate(names):
        calls += [f"/api/v1/checks/{name}", f"/api/v1/checks/{name}", "/api/v1/overview", f"/api/v1/checks?limit=20&offset={turn * 20}",
                  "/api/v1/incidents?limit=20", f"/api/v1/checks/{name}"]
    files = {"rest": bench.scratch / "rest.txt", "badges": bench.scratch / "badges.txt"}
    files["rest"].write_text("\n".join(calls))
    kinds = ["status", "uptime-24h", "latency", "awake"]
    files["badges"].write_text("\n".join(f"/badge/{name}.svg?kind={kinds[n % len(kinds)]}" for n, name in enumerate(names)))

    def load(what, rate):
        def measure():
            # What the pings of the fleet cost is not the callers'.
            idle, begin = child.cpu(), time.monotonic()
            time.sleep(bench.scaled(5, 1))
            alone = (child.cpu() - idle) / (time.monotonic() - begin)
            before, begin = child.cpu(), time.monotonic()
            figures = bench.figures(
                what, [sys.executable, "-B", HERE / "peers" / "api_calls.py", port, rate, seconds, 16, files[what]], seconds + 60)
            if figures["good"] != figures["calls"]:
                raise Unmeasurable(f"{what}: {figures}")
            spent = child.cpu() - before - alone * (time.monotonic() - begin)
            figures["cpu_us"] = max(spent, 1e-9) / figures["calls"] * 1e6
            figures["per_core"] = 1e6 / figures["cpu_us"]
            return figures
        return measure

    found = bench.interleaved({"rest": load("rest", CALLS), "badges": load("badges", BADGES)})
    rest, badges = found["rest"], found["badges"]
    return [
        at_most(NAME, f"REST at {CALLS:,} calls/s with {TARGETS:,} targets, p99", median(rest, "p99_ms"), 25, " ms",
                stoker=f"p50 {number(median(rest, 'p50_ms'))} ms, {number(median(rest, 'cpu_us'))} µs of CPU a call, "
                       f"{number(median(rest, 'per_second'))} calls/s", figures={"rounds": rest}),
        at_least(NAME, "badges that one core answers in a second", median(badges, "per_core"), 1_000, "",
                 stoker=f"{number(median(badges, 'cpu_us'))} µs of CPU a badge at {number(median(badges, 'per_second'))} a second, "
                        f"p99 {number(median(badges, 'p99_ms'))} ms", figures={"rounds": badges}),
    ]
