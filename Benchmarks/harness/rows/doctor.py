"""`stoker doctor` on a long log, against grep with every marker of the rules at once"""

import re
import subprocess
import time

from machine import REPOSITORY
from processes import Unmeasurable
from report import at_most, median, number

NAME = "doctor"


def run(bench):
    corpus = sorted((REPOSITORY / "Tests/DiagnosisTests/Corpus").glob("*.logs"))
    logs = [part.partition("\n")[2] for path in corpus for part in path.read_text(errors="replace").split("\n%%% ")
            if '"kind": "run"' in part.partition("\n")[0]]
    size = bench.scaled(8 << 20, 1 << 20)
    text, length = [], 0
    while length < size:  # a long day's log: every log of the corpus, again and again
        for log in logs:
            text.append(log)
            length += len(log.encode())
            if length >= size:
                break
    long, short = bench.scratch / "long.log", bench.scratch / "short.log"
    long.write_text("\n".join(text))
    short.write_text("ModuleNotFoundError: No module named 'pandas'\n")
    megabytes = long.stat().st_size / 1e6
    markers = bench.scratch / "markers"
    count = literals(markers)

    def timed(command, good):
        def measure():
            begin = time.monotonic()
            done = subprocess.run([str(part) for part in command], cwd=bench.scratch, capture_output=True, timeout=280)
            wall = time.monotonic() - begin
            if done.returncode not in good:
                raise Unmeasurable(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]!r}")
            return {"wall_seconds": wall}
        return measure

    def doctor(log):
        return [bench.product("stoker"), "doctor", "--log", log, "--kind", "run", "--json"]

    found = bench.interleaved({
        "stoker": timed(doctor(long), (0, 1)), "short": timed(doctor(short), (0, 1)),
        "grep": timed(["env", "LC_ALL=C", "grep", "-i", "-c", "-F", "-f", markers, long], (0, 1))})
    mine, start, theirs = (median(found[name], "wall_seconds") for name in ("stoker", "short", "grep"))
    each = 1_000 * (mine - start) / megabytes
    note = f"a log of {number(megabytes)} MB, less what a log of one line takes ({number(start * 1_000)} ms); " \
        f"grep finds the lines of {count} literal markers, and says nothing of them"
    return [at_most(
        NAME, "ms per MB of a log", each, 200, " ms", figures=found, note=note,
        against=f"grep -iFf {number(1_000 * theirs / megabytes)} ms")]


def literals(path) -> int:
    """Every piece of text of every pattern, one a line."""
    rules = (REPOSITORY / "Sources/StokerAssets/Files/diagnosis.yaml").read_text()
    pieces = set()
    for keys in re.findall(r"\b(?:run|build|message|near|unless|with|without): \[(.*)\]", rules):
        for quoted in re.findall(r"'((?:[^']|'')*)'", keys):
            plain = re.sub(r"\{[a-z_:]+\}|\*", "\n", quoted.replace("''", "'")).strip("^$")
            pieces |= {piece for piece in plain.split("\n") if len(piece) >= 3}
    path.write_text("\n".join(sorted(pieces)) + "\n")
    return len(pieces)
