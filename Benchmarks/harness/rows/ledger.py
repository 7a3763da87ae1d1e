"""Ledger: append rate and bytes per row, the size of a year of 1,000 targets at 60 s, any 90-day chart"""

from report import at_least, at_most, median, number

NAME = "ledger"


def run(bench):
    rows = bench.scaled(2_000_000, 200_000)
    count = iter(range(100))
    found = bench.interleaved({
        "append": lambda: bench.stoker_bench("ledger-append", "--rows", rows, "--data", bench.scratch / f"append-{next(count)}"),
    })["append"]
    for figures in found:
        figures["per_second"] = figures["rows"] / figures["wall_seconds"]
        figures["sustained"] = figures["rows"] / (figures["wall_seconds"] + figures["tend_wall_seconds"])
        figures["bytes_per_row"] = figures["bytes"] / figures["rows"]
    targets = bench.scaled(1_000, 20)
    year = bench.stoker_bench("ledger-year", "--targets", targets, "--data", bench.scratch / "year", seconds=1_200)
    gib = year["bytes"] / 1024**3 * 1_000 / targets
    bench.say(f"year: {year}")
    return [
        at_least(NAME, "observations appended per second", median(found, "per_second"), 500_000, "/s", figures={"rounds": found},
                 stoker=f"{number(rows)} rows in batches of 1,000; with all the sorting that follows "
                        f"{number(median(found, 'sustained'))}/s"),
        at_most(NAME, "bytes per observation", median(found, "bytes_per_row"), 30, " B", figures={"rounds": found},
                stoker=f"as appended; {number(found[-1]['bytes_closed'] / found[-1]['rows'])} B when sorted"),
        at_most(NAME, "a year of 1,000 targets at 60 s, after retention", gib, 1.2, " GiB", figures=year,
                stoker=f"built in {number(year['build_seconds'])} s" + (f" with {targets} targets, scaled" if targets != 1_000 else ""),
                note="the last seven days ping by ping; before that six observations an hour stand for sixty: "
                     "retention leaves the same rows of hour and day sums"),
        at_most(NAME, "slowest of the 90-day charts", year["chart_max_ms"], 50, " ms", figures=year,
                stoker=f"p50 {number(year['chart_p50_ms'])} ms, p95 {number(year['chart_p95_ms'])} ms of {year['charts']}"),
    ]
