"""10,000 messages through the durable outbox to a webhook on loopback, against a loop with httpx that remembers nothing"""

from machine import HERE
from processes import Unmeasurable
from report import at_least, median, number

NAME = "notices"


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
    return [at_least(
        NAME, f"{number(messages)} messages to a webhook on loopback, times faster", mine / theirs, 1, " ×",
        stoker=f"{number(mine)}/s, each on the disk before it is sent", against=f"httpx without durability {number(theirs)}/s",
        figures=found, note="one httpx.Client that keeps its connection, one message after the other, nothing written down")]
