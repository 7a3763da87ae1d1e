"""CPU per HTTP probe, new connection each: engine alone and whole pipeline against a bare C epoll client"""

from report import at_most, median, number, spread
from . import probes

NAME = "probe-http"


def run(bench):
    _, port, _ = bench.nginx()
    count = bench.scaled(80_000, 10_000)
    found = bench.interleaved({
        "c": probes.c_client(bench, port, count),
        "engine": probes.engine(bench, "http", port, count),
        "pipeline": probes.pipeline(bench, "http", port, bench.scaled(8, 3)),
    })
    floor = median(found["c"], "cpu_per_10k")

    def row(what, key, bar):
        mine = median(found[key], "cpu_per_10k")
        return at_most(
            NAME, what, mine / floor, bar, " ×", stoker=f"{number(mine)} CPU-s/10k ({number(median(found[key], 'per_second'))}/s)",
            against=f"C epoll client {number(floor)} CPU-s/10k ({number(median(found['c'], 'per_second'))}/s)",
            figures={**found, "spread": spread(found[key], "cpu_per_10k")})
    return [row("CPU per HTTP probe, engine alone", "engine", 2.3), row("CPU per HTTP probe, whole pipeline", "pipeline", 3.5)]
