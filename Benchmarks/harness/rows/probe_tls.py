"""CPU per TLS 1.3 probe, new connection each: engine alone against wrk with Connection: close"""

from report import at_most, median, number
from . import probes

NAME = "probe-tls"


def run(bench):
    _, _, port = bench.nginx()
    found = bench.interleaved({
        "wrk": probes.wrk_close(bench, f"https://127.0.0.1:{port}/", bench.scaled(8, 3)),
        "engine": probes.engine(bench, "https", port, bench.scaled(20_000, 4_000)),
    })
    mine, theirs = median(found["engine"], "cpu_per_10k"), median(found["wrk"], "cpu_per_10k")
    return [at_most(
        NAME, "CPU per TLS probe, engine alone", mine / theirs, 0.8, " ×",
        stoker=f"{number(mine)} CPU-s/10k ({number(median(found['engine'], 'per_second'))}/s)",
        against=f"wrk {number(theirs)} CPU-s/10k ({number(median(found['wrk'], 'per_second'))}/s)", figures=found)]
