"""Start to first /health, and idle resident memory, against FastAPI + APScheduler + Gradio in one process"""

import socket
import time

import stoker
from machine import HERE, free_port
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "start"


def first_answer(child, port: int, begin: float) -> float:
    """Milliseconds from `begin` to the first 200 on /health."""
    while time.monotonic() < begin + 30:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in connection.recv(4096).split(b"\r\n")[0] + b" ":
                    return (time.monotonic() - begin) * 1000
        except OSError:
            pass
        if not child.alive():
            break
        time.sleep(0.001)
    raise Unmeasurable(f"{child.name} did not answer /health: {child.output()[-600:]}")


def run(bench):
    python = bench.python("gradio", ["gradio", "apscheduler<4", "fastapi", "uvicorn[standard]", "httpx"])
    _, targets = bench.targets()
    fleet = stoker.fleet(bench, "small", targets, 5, "45m")
    idle = bench.scaled(5, 2)

    def measured(launch):
        def measure():
            begin = time.monotonic()
            child, port = launch()
            milliseconds = first_answer(child, port, begin)
            time.sleep(idle)
            figures = {"first_ms": milliseconds, "rss_mib": child.rss()}
            figures["stop_s"] = bench.stop(child)
            return figures
        return measure

    def peer():
        port = free_port()
        return bench.start("gradio", [python, HERE / "peers" / "gradio_app.py", port, targets], cwd=bench.scratch), port
    if not bench.quick:
        bench.rounds = 5
    found = bench.interleaved({"peer": measured(peer), "stoker": measured(lambda: stoker.serve(bench, fleet))})
    mine, theirs = median(found["stoker"], "first_ms"), median(found["peer"], "first_ms")
    small, large = median(found["stoker"], "rss_mib"), median(found["peer"], "rss_mib")
    return [
        at_least(NAME, "start to first /health, times sooner", theirs / mine, 25, " ×", stoker=f"{number(mine)} ms",
                 against=f"FastAPI + APScheduler + Gradio {number(theirs)} ms", figures=found),
        at_most(NAME, "idle resident memory", small / large, 1 / 3, " ×", stoker=f"{number(small)} MiB",
                against=f"FastAPI + APScheduler + Gradio {number(large)} MiB", figures=found),
    ]
