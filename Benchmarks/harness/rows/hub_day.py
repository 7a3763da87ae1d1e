"""A simulated day of 1,000 Spaces on a free account's quota: requests to the Hub, and how late a change is known"""

from report import at_most, number

NAME = "hub-day"


def run(bench):
    minutes = bench.scaled(1_440, 10)
    day = bench.stoker_bench("hub-day", "--minutes", minutes, seconds=1_500)
    bench.say(f"day: {day}")
    # With nine pages and somebody else who takes what a free account has left.
    hours = bench.scaled(120, 10)
    crowded = bench.stoker_bench("hub-day", "--minutes", hours, "--page", 112, "--others", 950, seconds=1_500)
    bench.say(f"crowded: {crowded}")
    results = []
    for figures, what in (
            (day, f"{number(minutes / 60)} simulated hours"),
            (crowded, f"{number(hours / 60)} h on {crowded['pages']} pages, others take 950 of 1,000 requests")):
        seen = (f"{figures['changes']:,} changes in {figures['readings']:,} readings, known after {figures['p50_s']} s (p50), "
                f"{figures['p99_s']} s (p99); {figures['wrong']} wrong")
        results += [
            at_most(NAME, f"{what}: requests in five minutes", figures["most_calls"], 50, figures=figures, stoker=seen),
            at_most(NAME, f"{what}: answers 429", figures["refusals"] + figures["other_refusals"], 0, figures=figures),
            at_most(NAME, f"{what}: latest change known", figures["slowest_s"], 60, " s", figures=figures),
        ]
    return results
