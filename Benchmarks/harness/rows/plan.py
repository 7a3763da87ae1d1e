"""`stoker plan` of 200 Spaces on a Hub 50 ms away, against the official client that reads one object after the other"""

import json
import os
import subprocess
import time
import urllib.request

from machine import HERE
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "plan"

FAR = 50  # ms


def run(bench):
    python = bench.python("hub", ["huggingface_hub==2.4.0"])
    hub = bench.start("hub", [
        bench.product("stoker-bench"), "hub-simulator", "--data", bench.scratch / "hub", "--later", FAR], cwd=bench.scratch)
    hub.until('"endpoint"')
    endpoint = hub.lines()[0]["endpoint"]
    count = bench.scaled(200, 20)
    spaces = {}
    for index in range(count):
        name = f"s{index:03}"
        files = {"README.md": "---\nsdk: docker\n---\n", "Dockerfile": "FROM scratch\n", "app.py": f"print({index})\n" * 20}
        post(endpoint, "spaces", {"id": f"maren/{name}", "sdk": "docker", "files": files})
        folder = bench.scratch / name
        folder.mkdir()
        for path, text in files.items():
            (folder / path).write_text(text)
        spaces[name] = {"deploy": {"from": f"./{name}"}}
    fleet = bench.scratch / "fleet.json"
    fleet.write_text(json.dumps({"hub": {"namespace": "maren"}, "spaces": spaces}))
    environment = {
        **os.environ, "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_maren", "STOKER_DATA": str(bench.scratch / "data"),
        "HF_HOME": str(bench.scratch / "home")}

    def timed(command):
        def measure():
            journal(endpoint)
            begin = time.monotonic()
            done = subprocess.run(
                [str(part) for part in command], cwd=bench.scratch, env=environment, capture_output=True, text=True, timeout=280)
            wall = time.monotonic() - begin
            if done.returncode != 0:
                raise Unmeasurable(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
            return {"wall_seconds": wall, "requests": journal(endpoint)}
        return measure

    plan = [bench.product("stoker"), "plan", "--fleet", fleet, "--detailed-exitcode", "--format", "quiet"]
    # The trees of commits that it does not know are read once.
    first = timed(plan)()
    found = bench.interleaved({
        "stoker": timed(plan), "official": timed([python, HERE / "peers" / "read_spaces.py", "maren", *sorted(spaces)])})
    mine, theirs = (median(found[name], "wall_seconds") for name in ("stoker", "official"))
    each = (median(found["stoker"], "requests") - 10) / count
    what = f"{count} Spaces, {FAR} ms away"
    note = "wall time of the whole process, Python's start included; the first plan, which reads the files, took " \
        f"{number(first['wall_seconds'])} s and {first['requests']} requests"
    return [
        at_least(NAME, f"{what}, times faster", theirs / mine, 10, " ×", stoker=f"{number(mine)} s", figures=found, note=note,
                 against=f"huggingface_hub {number(theirs)} s"),
        at_most(NAME, f"{what}, wall time", mine, 3, " s", figures=found),
        at_most(NAME, f"{what}, requests a Space beside 10", each, 2, figures=found),
    ]


def post(endpoint: str, path: str, body: dict) -> None:
    request = urllib.request.Request(
        f"{endpoint}/-/admin/{path}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).close()


def journal(endpoint: str) -> int:
    """Requests since the last call."""
    with urllib.request.urlopen(f"{endpoint}/-/admin/journal?host=hub", timeout=60) as answer:
        count = len(json.load(answer))
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/-/admin/journal", method="DELETE"), timeout=60).close()
    return count
