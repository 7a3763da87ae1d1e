"""1,000,000 targets every 45 minutes: start lateness p99, resident memory, CPU"""

import time

from arrivals import quantile, read, wall_to_monotonic
from processes import Unmeasurable
from report import at_most, number

NAME = "million"
EVERY = 45 * 60
# Scatters the due times over the fleet so that neighbours in time are no neighbours in memory.
STRIDE = 7919


def run(bench):
    targets = bench.scaled(1_000_000, 100_000)
    settle, seconds = bench.scaled((15, 60), (5, 10))
    log = bench.scratch / "arrivals.bin"
    server, port = bench.targets(f"log={log}")
    data = bench.scratch / "data"
    # Due times far enough ahead that loading the fleet is over when the first one comes.
    lead = bench.scaled(60, 20)
    begin = time.time() + lead
    common = ["--targets", targets, "--every", EVERY, "--port", port, "--data", data, "--names"]
    bench.stoker_bench("remember", *common, "--begin", int(begin * 1000), "--stride", STRIDE, seconds=lead)
    if time.time() > begin - 5:
        raise Unmeasurable("writing the remembered states took longer than the lead: the machine is too busy")
    child = bench.start("tend", [bench.product("stoker-bench"), "tend", *common, "--seconds", int(lead + settle + seconds + 30)])
    child.until('"tending"', lead)
    loaded = time.time()
    if loaded > begin:
        raise Unmeasurable(f"loading {targets:,} targets took {loaded - begin:.0f} s longer than the lead")
    offset = wall_to_monotonic()
    time.sleep(max(0, begin + settle - time.time()))
    cpu, wall, rss = child.cpu(), time.monotonic(), 0.0
    from_, to = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < to:
        rss = max(rss, child.rss())
        time.sleep(0.5)
    share = (child.cpu() - cpu) / (time.monotonic() - wall) * 100
    time.sleep(2)  # for those that fell due last
    own = child.lines()[-1]
    bench.stop(child)
    bench.stop(server)
    stopped = time.monotonic()

    due = {i: begin + offset + (i * STRIDE % targets) / targets * EVERY for i in range(targets)}
    asked = {i: at for at, i, _ in reversed(read(log))}
    # One that was never asked is at least as late as the end of the run.
    late = [(asked.get(i, stopped) - at) * 1000 for i, at in due.items() if from_ <= at < to]
    missing = sum(1 for i, at in due.items() if from_ <= at < to and i not in asked)
    figures = {"targets": targets, "seconds": seconds, "due": len(late), "never_asked": missing, "p50_ms": quantile(late, 0.5),
               "p99_ms": quantile(late, 0.99), "max_ms": max(late), "min_ms": min(late), "rss_mib": rss, "cpu_percent": share,
               "own": own}
    told = f"{number(targets)} targets, {number(len(late) / seconds)}/s for {seconds} s"
    if missing:
        told += f", {missing} never asked"
    return [
        at_most(NAME, "start lateness p99, seen by the targets", figures["p99_ms"], 10, " ms", figures=figures,
                stoker=f"{told}; p50 {number(figures['p50_ms'])} ms, max {number(figures['max_ms'])} ms"),
        at_most(NAME, "resident memory", rss * 1024 * 1024 / 1e6, 300, " MB", stoker=told, figures=figures),
        at_most(NAME, "CPU", share, 15, " % of a core", stoker=told, figures=figures),
    ]
