"""10,000 targets every 60 s, 5 % hanging to the limit: lateness p99, first sweep, healthy targets delayed"""

import time

import stoker
from arrivals import per_target, quantile, read
from report import Result, at_most, number

NAME = "hanging"


def run(bench):
    targets, every, seconds = bench.scaled((10_000, 60, 200), (2_000, 10, 35))
    log = bench.scratch / "arrivals.bin"
    server, port = bench.targets("hang=20", f"log={log}")
    # The product's defaults: 120 s limit, retries after 5, 10 and 20 s. No jitter, so that lateness shows as a longer interval.
    fleet = stoker.fleet(bench, "hanging", port, targets, f"{every}s", jitter="0%")
    born = time.monotonic()
    child, web = stoker.serve(bench, fleet)
    stoker.until_healthy(child, web, 60)
    time.sleep(max(0, born + seconds - time.monotonic()))
    own = stoker.get(web, "/health").decode(errors="replace")
    bench.stop(child)
    bench.stop(server)

    arrivals = read(log)
    healthy = per_target(arrivals)
    everybody = {number for _, number, _ in arrivals}
    firsts = {}
    for at, index, _ in arrivals:
        firsts.setdefault(index, at - born)
    sweep = max(firsts.values()) if len(everybody) == targets else float("inf")
    # The first interval may be any length: it is what spreads the fleet over time. Every later one tells the lateness.
    late = [(b - a - every) * 1000 for times in healthy.values() for a, b in zip(times[1:], times[2:])]
    starved = [i for i, times in healthy.items() if len(times) < 2]
    delayed = sum(1 for each in late if each > 1000) + len(starved)
    figures = {"targets": targets, "hanging": targets - len(healthy), "intervals": len(late), "p50_ms": quantile(late, 0.5),
               "p99_ms": quantile(late, 0.99), "max_ms": max(late, default=float("nan")), "min_ms": min(late, default=float("nan")),
               "first_sweep_s": sweep, "delayed": delayed, "own": own}
    told = f"{number(targets)} targets every {every} s, {figures['hanging']} hang"
    return [
        at_most(NAME, "lateness p99 of healthy targets", figures["p99_ms"], 100, " ms", figures=figures,
                stoker=f"{told}; p50 {number(figures['p50_ms'])} ms, max {number(figures['max_ms'])} ms"),
        at_most(NAME, "first sweep, from process start to the last first ping", sweep, 15, " s", stoker=told, figures=figures),
        Result(NAME, "healthy pings begun more than 1 s late", stoker=f"{told}; {number(len(late))} intervals", measured=str(delayed),
               bar="0", met=delayed == 0 and len(late) > 0, figures=figures),
    ]
