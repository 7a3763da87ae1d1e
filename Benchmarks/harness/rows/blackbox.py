"""CPU per probe of the whole pipeline, HTTP and TLS, against blackbox_exporter"""

from report import at_most, median, number
from . import probes

NAME = "blackbox"


def run(bench):
    _, plain, secure = bench.nginx()
    seconds = bench.scaled(8, 3)
    found = bench.interleaved({
        "blackbox http": probes.blackbox(bench, "http", plain, seconds),
        "pipeline http": probes.pipeline(bench, "http", plain, seconds),
        "blackbox https": probes.blackbox(bench, "https", secure, seconds),
        "pipeline https": probes.pipeline(bench, "https", secure, seconds),
    })

    def row(scheme, label, bar):
        mine = median(found[f"pipeline {scheme}"], "cpu_per_10k")
        theirs = median(found[f"blackbox {scheme}"], "cpu_per_10k")
        return at_most(
            NAME, f"CPU per {label} probe, whole pipeline", mine / theirs, bar, " ×", stoker=f"{number(mine)} CPU-s/10k",
            against=f"blackbox_exporter {number(theirs)} CPU-s/10k", figures=found)
    return [row("http", "HTTP", 1 / 4), row("https", "TLS", 1 / 2)]
