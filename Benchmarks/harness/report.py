"""Results: the JSON that is kept, the table that is printed, the page that is published."""

import dataclasses
import datetime
import json
import statistics

from machine import REPOSITORY, RESULTS, describe

LATEST = RESULTS / "latest.json"
PAGE = REPOSITORY / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclasses.dataclass
class Result:
    """One bar. `met` is None when it could not be measured; `note` then says why."""
    row: str
    what: str
    stoker: str = ""
    against: str = ""
    measured: str = ""
    bar: str = ""
    met: bool | None = None
    note: str = ""
    figures: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0

    def verdict(self) -> str:
        return {True: "met", False: "**missed**", None: "not measured"}[self.met]

    def line(self) -> str:
        parts = [self.what, self.stoker, self.against, self.measured, f"bar {self.bar}" if self.bar else "", self.verdict()]
        return " | ".join(part for part in parts if part) + (f" ({self.note})" if self.note else "")


def median(rounds: list[dict], key: str) -> float:
    return statistics.median(figure[key] for figure in rounds)


def spread(rounds: list[dict], key: str) -> str:
    """How far the rounds lie apart, as a share of their median."""
    values = [figure[key] for figure in rounds]
    middle = statistics.median(values)
    return f"±{(max(values) - min(values)) / 2 / middle * 100:.0f} %" if middle and len(values) > 1 else "one round"


def at_most(row: str, what: str, value: float, bar: float, unit: str = "", **more) -> Result:
    return Result(row, what, measured=f"{number(value)}{unit}", bar=f"≤ {number(bar)}{unit}", met=value <= bar, **more)


def at_least(row: str, what: str, value: float, bar: float, unit: str = "", **more) -> Result:
    return Result(row, what, measured=f"{number(value)}{unit}", bar=f"≥ {number(bar)}{unit}", met=value >= bar, **more)


def number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def table(results: list[Result]) -> str:
    lines = ["| row | what | Stoker | against | measured | bar | |", "|---|---|---|---|---|---|---|"]
    for r in results:
        lines.append(f"| {r.row} | {r.what} | {r.stoker} | {r.against} | {r.measured} | {r.bar} | {r.verdict()} |")
    notes = [f"- `{r.row}`, {r.what}: {r.note}" for r in results if r.note]
    return "\n".join(lines + ([""] + notes if notes else []))


def save(results: list[Result], quick: bool) -> None:
    """Keeps the newest results of each row, so that rows can be measured one at a time."""
    RESULTS.mkdir(exist_ok=True)
    kept = json.loads(LATEST.read_text()) if LATEST.exists() else {"rows": {}}
    kept["machine"] = describe()
    for row in {result.row for result in results}:
        kept["rows"][row] = {
            "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "quick": quick,
            "results": [dataclasses.asdict(result) for result in results if result.row == row],
        }
    LATEST.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


def publish() -> int:
    from rows import ROWS

    if not LATEST.exists():
        print("nothing was measured yet")
        return 3
    kept = json.loads(LATEST.read_text())
    rows = {name: kept["rows"][name] for name in ROWS if name in kept["rows"]}
    missing = [name for name in ROWS if name not in rows]
    if any(row["quick"] for row in rows.values()) or missing:
        quick = [name for name, row in rows.items() if row["quick"]]
        print(f"not published: quick runs are no measurement ({', '.join(quick) or 'none'}), "
              f"never measured: {', '.join(missing) or 'none'}")
        return 3
    results = [Result(**result) for row in rows.values() for result in row["results"]]
    m = kept["machine"]
    days = sorted({row["at"][:10] for row in rows.values()})
    head = (f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {m['cores']} cores of {m['cpu']}, "
            f"{m['memory_gib']} GiB, {m['system']}; {m['swift']}; Python {m['python']}; "
            f"open-file limit {m['open_files']:,}.")
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{head}\n\n{table(results)}\n\n{END}{after}")
    print(f"wrote {PAGE.relative_to(REPOSITORY)}")
    return 0
