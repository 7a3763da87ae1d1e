"""Reads the log of c/targets.c: when each target was really asked, seen from the other side of the wire."""

import struct
import time
from pathlib import Path

RECORD = struct.Struct("=QII")


def read(log: Path) -> list[tuple[float, int, bool]]:
    """(seconds of CLOCK_MONOTONIC, number of the target, whether it hangs), in order of arrival."""
    data = log.read_bytes()
    whole = len(data) - len(data) % RECORD.size
    return [(at / 1e9, number, bool(hangs)) for at, number, hangs in RECORD.iter_unpack(data[:whole])]


def per_target(arrivals, hanging: bool = False) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for at, number, hangs in arrivals:
        if hangs == hanging:
            found.setdefault(number, []).append(at)
    return found


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def wall_to_monotonic() -> float:
    """What to add to a wall-clock time to get CLOCK_MONOTONIC; the best of a few readings."""
    def once() -> tuple[float, float]:
        a, wall, b = time.monotonic(), time.time(), time.monotonic()
        return b - a, (a + b) / 2 - wall
    return min(once() for _ in range(20))[1]
