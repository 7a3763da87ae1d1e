"""Lookups per second through a DNS server that answers in 20 ms, and what one dead name in 100 does to the others"""

import os

import namespace
from machine import HERE
from processes import Unmeasurable
from report import at_least, median, number

NAME = "dns"


def run(bench):
    prefix = namespace.enter()
    if prefix is None:
        raise Unmeasurable("this kernel lets nobody make a network namespace, and port 53 is needed")
    environment = {**os.environ, "STOKER_BENCH_SCRATCH": str(bench.scratch)}
    inside = HERE / "peers" / "dns_case.sh"

    def case(*arguments):
        def measure():
            return bench.figures(f"dns-{arguments[0]}", [
                *prefix, inside, HERE / ".build", bench.product("stoker-bench"), 20, bench.scratch, *arguments], 150, env=environment)
        return measure
    found = bench.interleaved({
        "lookups": case("resolve", "--names", bench.scaled(30_000, 5_000), "--concurrency", 256),
        "dead": case("dead-names", "--targets", bench.scaled(4_000, 1_000), "--dead-every", 100),
    })
    for figures in found["lookups"]:
        if figures["good"] < figures["lookups"]:
            raise Unmeasurable(f"only {figures['good']} of {figures['lookups']} names were resolved")
        figures["per_second"] = figures["lookups"] / figures["wall_seconds"]
    share = min(figures["healthy_up"] / figures["healthy"] for figures in found["dead"]) * 100
    dead = found["dead"][-1]
    return [
        at_least(NAME, "lookups of new names per second, server answers after 20 ms", median(found["lookups"], "per_second"),
                 2_000, "/s", figures=found),
        at_least(NAME, "healthy targets judged healthy, 1 name in 100 dead", share, 100, " %",
                 stoker=f"{number(dead['healthy_up'])} of {number(dead['healthy'])} up, {dead['dead_down']} of {dead['dead']} dead names down",
                 figures=found),
    ]
