"""Messages: 10,000 through the durable outbox against a loop with httpx that remembers nothing; from verdict to attempt; 10,000 targets down at once"""

import json
import time
import urllib.request

import stoker
from machine import HERE, free_port
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "notices"


class Stage:
    """Targets that can be switched off, and the webhook of messages about them."""

    def __init__(self, bench):
        self.webhook, self.targets = free_port(), free_port()
        self.child = bench.start("stage", ["python3", "-B", HERE / "peers" / "notice_stage.py", self.webhook, self.targets])
        self.child.until("ready")

    def call(self, path: str) -> list | dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.webhook}{path}", timeout=20) as answer:
            return json.load(answer)

    def switch(self, state: str) -> float:
        self.call(f"/targets/{state}")
        return time.time()

    def hook(self, name: str) -> dict:
        return {"webhook": f"http://127.0.0.1:{self.webhook}/{name}"}

    def fleet(self, bench, name: str, count: int, every: str, channels: dict, notify: list):
        document = {
            "version": 1,
            "targets": {
                f"t{n}": {"url": f"tcp://127.{n >> 16}.{n >> 8 & 255}.{n & 255}:{self.targets}", "every": every, "timeout": "5s",
                          "retry": [], "down_after": 1}
                for n in range(1, count + 1)},
            "channels": channels, "notify": notify, "serve": {"self_ping": "off"},
        }
        path = bench.scratch / f"{name}.yaml"
        path.write_text(json.dumps(document))
        return path


def until(what: str, seconds: float, ready):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.2)
    raise Unmeasurable(f"{what} did not happen in {seconds:.0f} s")


def verdicts(port: int) -> dict:
    return json.loads(stoker.get(port, "/api/v1/overview", 30))["counts"]


def wait_for(port: int, verdict: str, count: int, seconds: float) -> None:
    until(f"{count} targets to be {verdict}", seconds, lambda: verdicts(port).get(verdict) == count)


def from_verdict_to_attempt(bench) -> dict:
    """Targets that fall and rise one after the other, each with a rule of its own, so that nothing is gathered."""
    count = bench.scaled(110, 20)
    stage = Stage(bench)
    rules = [{"to": "hook", "on": ["down", "recovered"], "targets": [f"t{n}"]} for n in range(1, count + 1)]
    fleet = stage.fleet(bench, "latency", count, "30s", {"hook": stage.hook("hook")}, rules)
    child, port = stoker.serve(bench, fleet)
    stoker.until_healthy(child, port)
    wait_for(port, "up", count, 60)
    stage.switch("close")
    wait_for(port, "down", count, 90)
    stage.switch("open")
    wait_for(port, "up", count, 120)
    received = until("each change to arrive", 30, lambda: (found := stage.call("/received")) and len(found) >= 2 * count and found)
    delays = sorted(message["arrived"] - message["at"] for message in received)
    bench.stop(child)
    bench.stop(stage.child)
    return {"changes": len(delays), "p50_s": delays[len(delays) // 2], "p95_s": delays[int(len(delays) * 0.95)], "max_s": delays[-1]}


def all_down_at_once(bench) -> dict:
    count = bench.scaled(10_000, 1_000)
    stage = Stage(bench)
    channels = {"team": stage.hook("team"), "oncall": stage.hook("oncall")}
    notify = [{"to": ["team", "oncall"], "together": "10s"}, {"to": "team", "on": ["down"], "together": "10s"}]
    fleet = stage.fleet(bench, "crowd", count, "10s", channels, notify)
    child, port = stoker.serve(bench, fleet)
    stoker.until_healthy(child, port, 60)
    wait_for(port, "up", count, 120)
    before = child.rss()
    closed = stage.switch("close")
    peak = before
    received = []
    end = time.monotonic() + 60
    while time.monotonic() < end and len(received) < 3:
        time.sleep(0.25)
        peak = max(peak, child.rss())
        received = stage.call("/received")
    time.sleep(10)  # a second message about them would come now
    received = stage.call("/received")
    peak = max(peak, child.rss())
    down = verdicts(port).get("down")
    bench.stop(child)
    bench.stop(stage.child)
    if not received:
        raise Unmeasurable(f"no message came; {down} targets are down")
    return {"targets": count, "down": down, "messages": len(received), "told": min(m["count"] for m in received),
            "seconds": max(m["arrived"] for m in received) - closed, "rss_before_mib": before, "rss_peak_mib": peak}


def run(bench):
    python = bench.python("light", ["httpx", "apscheduler<4", "fastapi", "uvicorn[standard]"])
    _, port, _ = bench.nginx()
    messages = bench.scaled(10_000, 1_000)
    count = iter(range(100))

    def outbox():
        return bench.stoker_bench(
            "notices", "--messages", messages, "--port", port, "--data", bench.scratch / f"notices-{next(count)}", seconds=300)

    def loop():
        return bench.figures("notice-loop", [python, HERE / "peers" / "notice_loop.py", port, messages], 300)

    found = bench.interleaved({"outbox": outbox, "loop": loop})
    for name, rounds in found.items():
        for figures in rounds:
            if figures["delivered"] != messages:
                raise Unmeasurable(f"{name} delivered {figures['delivered']} of {messages} messages")
            figures["per_second"] = messages / figures["wall_seconds"]
    mine, theirs = median(found["outbox"], "per_second"), median(found["loop"], "per_second")
    late, crowd = from_verdict_to_attempt(bench), all_down_at_once(bench)
    bench.say(f"from verdict to attempt: {late}")
    bench.say(f"all down at once: {crowd}")
    grown = crowd["rss_peak_mib"] - crowd["rss_before_mib"]
    if crowd["told"] != crowd["targets"]:
        raise Unmeasurable(f"a message told of {crowd['told']} of {crowd['targets']} targets: {crowd}")
    return [
        at_least(
            NAME, f"{number(messages)} messages to a webhook on loopback, times faster", mine / theirs, 1, " ×",
            stoker=f"{number(mine)}/s, each on the disk before it is sent", against=f"httpx without durability {number(theirs)}/s",
            figures=found, note="one httpx.Client that keeps its connection, one message after the other, nothing written down"),
        at_most(
            NAME, f"from verdict to first attempt, p95 of {late['changes']} changes", late["p95_s"], 2, " s",
            stoker=f"p50 {number(late['p50_s'])} s, longest {number(late['max_s'])} s", figures=late),
        at_most(
            NAME, f"{number(crowd['targets'])} targets down at once: messages for three pairs of rule and channel", crowd["messages"], 3,
            stoker=f"each tells of {number(crowd['told'])}; {number(grown)} MiB more memory meanwhile", figures=crowd),
        at_most(
            NAME, f"{number(crowd['targets'])} targets down at once: until the last message arrived", crowd["seconds"], 30, " s",
            stoker="`together: 10s`, each target is looked at every 10 s", figures=crowd),
    ]
