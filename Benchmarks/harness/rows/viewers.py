"""100 viewers of /events at 100 changes per second: CPU; and how fast SIGTERM is obeyed with them connected"""

import sys
import time

import stoker
from machine import HERE
from processes import Unmeasurable
from report import at_most, median, number

NAME = "viewers"
VIEWERS = 100


def run(bench):
    _, targets = bench.targets()
    # 1,000 targets every 10 s: each ping changes a status, so 100 changes a second.
    child, port = stoker.serve(bench, stoker.fleet(bench, "lively", targets, 1_000, "10s"))
    stoker.until_healthy(child, port)
    seconds = bench.scaled(20, 5)
    time.sleep(bench.scaled(15, 5))

    def cpu() -> float:
        before, begin = child.cpu(), time.monotonic()
        time.sleep(seconds)
        return (child.cpu() - before) / (time.monotonic() - begin) * 100

    rounds = []
    for number_ in range(bench.rounds):
        alone = cpu()
        viewers = bench.start("viewers", [sys.executable, "-B", HERE / "peers" / "viewers.py", port, "/events", VIEWERS])
        viewers.until('"connected"', 20)
        time.sleep(2)
        with_viewers = cpu()
        told = viewers.lines()[-1]
        last = number_ == bench.rounds - 1
        if not last:
            bench.stop(viewers)
            time.sleep(1)
        rounds.append({"alone": alone, "with": with_viewers, "more": with_viewers - alone, **told})
        bench.say(f"round {number_ + 1}/{bench.rounds}: {rounds[-1]}")
    gone = bench.stop(child)
    status = child.process.returncode
    if told["connected"] < VIEWERS or told["events_per_second"] < 1:
        raise Unmeasurable(f"the viewers saw {told}")
    return [
        at_most(NAME, f"CPU that {VIEWERS} viewers cost at 100 changes/s", median(rounds, "more"), 5, " % of a core",
                stoker=f"{number(median(rounds, 'alone'))} % alone (pings and ledger), {number(median(rounds, 'with'))} % with viewers; "
                       f"{number(told['events_per_second'])} messages/s each", figures={"rounds": rounds}),
        at_most(NAME, f"SIGTERM with {VIEWERS} viewers connected", gone, 5, " s", stoker=f"exit status {status}",
                figures={"seconds": gone, "status": status}),
    ]
