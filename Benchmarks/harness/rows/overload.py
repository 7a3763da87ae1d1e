"""Twice the load it can carry: no collapse, bounded memory, oldest due first, /health answers"""

import time

import stoker
from arrivals import per_target, quantile, read
from report import Result, at_least, at_most, number
from . import probes

NAME = "overload"
TARGETS = 20_000


def run(bench):
    log = bench.scratch / "arrivals.bin"
    server, port = bench.targets(f"log={log}")
    carries = probes.pipeline(bench, "http", port, bench.scaled(8, 3))()["per_second"]
    bench.stop(server)
    server, port = bench.targets(f"log={log}")
    every = max(1.0, TARGETS / (2 * carries))
    fleet = stoker.fleet(bench, "overload", port, TARGETS, f"{int(every * 1000)}ms", timeout="30s")
    child, web = stoker.serve(bench, fleet)
    stoker.until_healthy(child, web, 60)
    # The first sweep is paced (2,000/s); the overload begins behind it.
    time.sleep(TARGETS / 2000 + 5)

    thirds = bench.scaled(15, 8)
    begin = time.monotonic()
    rss, health, unanswered = [], [], 0
    while time.monotonic() < begin + 3 * thirds:
        asked = time.monotonic()
        try:
            stoker.get(web, "/health", timeout=5)
            health.append((time.monotonic() - asked) * 1000)
        except OSError:
            unanswered += 1
        rss.append((time.monotonic() - begin, child.rss()))
        time.sleep(0.2)
    end = time.monotonic()
    stopping = bench.stop(child)
    bench.stop(server)

    arrivals = [each for each in read(log) if begin <= each[0] < end]
    rate = len(arrivals) / (end - begin)
    gaps = [b - a for times in per_target(arrivals).values() for a, b in zip(times, times[1:])]
    never = TARGETS - len(per_target(arrivals))
    unfair = quantile(gaps, 0.99) / quantile(gaps, 0.5) if gaps and never == 0 else float("inf")
    middle = max(mib for at, mib in rss if thirds <= at < 2 * thirds)
    last = max(mib for at, mib in rss if at >= 2 * thirds)
    figures = {"carries_per_second": carries, "asked_per_second": TARGETS / every, "done_per_second": rate, "never_asked": never,
               "gap_p50_s": quantile(gaps, 0.5), "gap_p99_s": quantile(gaps, 0.99), "rss_middle_mib": middle, "rss_last_mib": last,
               "health_p99_ms": quantile(health, 0.99), "health_unanswered": unanswered, "stopped_after_s": stopping}
    told = f"asked for {number(TARGETS / every)}/s"
    return [
        at_least(NAME, "pings made, share of what it carries unhurried", rate / carries * 100, 80, " %", figures=figures,
                 stoker=f"{told}, made {number(rate)}/s", against=f"whole pipeline alone {number(carries)}/s"),
        at_most(NAME, "resident memory, last third against the one before", last / middle, 1.1, " ×", figures=figures,
                stoker=f"{number(middle)} → {number(last)} MiB"),
        at_most(NAME, "oldest due first: p99 of the gap between two pings of a target, in medians", unfair, 1.5, " ×",
                figures=figures, stoker=f"p50 {number(figures['gap_p50_s'])} s, p99 {number(figures['gap_p99_s'])} s"),
        Result(NAME, "/health answers", stoker=f"p99 {number(figures['health_p99_ms'])} ms of {len(health)}",
               measured=f"{unanswered} unanswered", bar="0 unanswered, p99 ≤ 1 s",
               met=unanswered == 0 and figures["health_p99_ms"] <= 1000, figures=figures),
    ]
