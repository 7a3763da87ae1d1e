"""stoker guard: start to exec, idle memory, its proxy against nginx as one, added latency, a websocket through it"""

import os
import statistics
import sys
import time

from machine import HERE, free_port
from processes import Unmeasurable
from report import at_least, at_most, median, number

NAME = "guard"
CONNECTIONS = 64
RATE = 1_000

PROXY = """daemon off;
worker_processes 1;
pid @SCRATCH@/proxy.pid;
error_log @SCRATCH@/proxy-error.log crit;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path @SCRATCH@/proxy-body;
    proxy_temp_path @SCRATCH@/proxy-temp;
    fastcgi_temp_path @SCRATCH@/proxy-fastcgi;
    uwsgi_temp_path @SCRATCH@/proxy-uwsgi;
    scgi_temp_path @SCRATCH@/proxy-scgi;
    keepalive_requests 100000000;
    upstream app { server 127.0.0.1:@APP@; keepalive 128; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:@PORT@;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
"""


def guarded(bench, name, key, *more, app):
    """The command of a guard with an empty vault and a key in a file, and the folder of its own that it runs in."""
    place = bench.scratch / f"{name}-{time.monotonic_ns()}"
    place.mkdir()
    (place / "key").write_text(key)
    command = [bench.product("stoker"), "guard", "--vault", f"folder:{place}/vault", "--key-file", place / "key",
               "--path", "data", "--data", place / "own", "--log-level", "error", *more, "--", *app]
    return command, place


def random_key(bench):
    """A key of `stoker key new`: a passphrase would be stretched, which takes a third of a second on purpose."""
    path = bench.scratch / "random.key"
    child = bench.start("key", [bench.product("stoker"), "key", "new", "--out", path])
    if child.wait(20) != 0:
        raise Unmeasurable(f"stoker key new: {child.output()[-300:]}")
    bench.stop(child)
    return path.read_text()


def start_to_exec(bench, key):
    """Milliseconds from the start of the guard to the first moment of its app."""
    command, place = guarded(bench, "exec", key, app=["date", "+%s.%N"])
    begin = time.time()
    child = bench.start("exec", command, cwd=place)
    child.wait(30)
    words = [line for line in child.output().splitlines() if line.replace(".", "", 1).isdigit()]
    if not words:
        raise Unmeasurable(f"the app said nothing: {child.output()[-400:]}")
    bench.stop(child)
    return (float(words[0]) - begin) * 1_000


def run(bench):
    key = random_key(bench)
    starts = [start_to_exec(bench, key) for _ in range(bench.scaled(21, 3))]
    bench.say(f"start to exec: {', '.join(number(ms) for ms in sorted(starts))} ms")

    # The app behind both proxies is nginx itself, so that the proxy is what is slow.
    _, app, _ = bench.nginx()
    port, peer = free_port(), free_port()
    command, place = guarded(bench, "proxy", key, "--proxy", app, "--host", "127.0.0.1", "--port", port, app=["sleep", "1000000"])
    guard = bench.start("guard", command, cwd=place)
    guard.until_port(port)
    time.sleep(bench.scaled(15, 3))
    idle, resident = guard.own_memory(), guard_resident(guard)

    configuration = bench.scratch / "proxy.conf"
    configuration.write_text(
        PROXY.replace("@SCRATCH@", str(bench.scratch)).replace("@APP@", str(app)).replace("@PORT@", str(peer)))
    proxy = bench.start("nginx-proxy", ["nginx", "-p", bench.scratch, "-c", configuration, "-e", bench.scratch / "proxy-error.log"])
    proxy.until_port(peer)
    seconds = bench.scaled(10, 2)

    def load(process, where):
        def measure():
            before = process.cpu()
            figures = bench.wrk(f"http://127.0.0.1:{where}/", seconds, CONNECTIONS)
            if figures["good"] != figures["probes"] or not figures["good"]:
                raise Unmeasurable(f"{process.name}: {figures}")
            figures["per_second"] = figures["good"] / figures["wall_seconds"]
            figures["cpu_us"] = (process.cpu() - before) / figures["good"] * 1e6
            return figures
        return measure

    throughput = bench.interleaved({"nginx": load(proxy, peer), "guard": load(guard, port)})

    def paced(where):
        def measure():
            figures = bench.figures(
                "paced", [sys.executable, "-B", HERE / "peers" / "paced_client.py", where, RATE, seconds], seconds + 30)
            if figures["bad"]:
                raise Unmeasurable(f"paced client at {where}: {figures}")
            return figures
        return measure

    latency = bench.interleaved({"direct": paced(app), "guard": paced(port)})
    added = median(latency["guard"], "p99_ms") - median(latency["direct"], "p99_ms")

    # A websocket for as long as the platform lets one live.
    echo_port, tunnel = free_port(), free_port()
    echo = bench.start("echo", [sys.executable, "-B", HERE / "peers" / "websocket.py", "serve", echo_port])
    echo.until_port(echo_port)
    command, place = guarded(
        bench, "socket", key, "--proxy", echo_port, "--host", "127.0.0.1", "--port", tunnel, app=["sleep", "1000000"])
    bench.start("guard-socket", command, cwd=place).until_port(tunnel)
    length = bench.scaled(57, 5)
    socket = bench.figures(
        "websocket", [sys.executable, "-B", HERE / "peers" / "websocket.py", "call", tunnel, length], length + 60)

    mine, theirs = throughput["guard"], throughput["nginx"]
    return [
        at_most(NAME, "start to exec of the app without state, key from a file", statistics.median(starts), 50, " ms",
                stoker=f"median of {len(starts)}, longest {number(max(starts))} ms", figures={"ms": starts}),
        at_most(NAME, "idle, own memory (RssAnon)", idle, 25, " MiB", stoker=f"resident with its files {number(resident)} MiB"),
        at_least(NAME, f"proxied requests/s over {CONNECTIONS} connections, share of nginx' as a proxy",
                 median(mine, "per_second") / median(theirs, "per_second"), 0.35,
                 stoker=f"{number(median(mine, 'per_second'))}/s, {number(median(mine, 'cpu_us'))} µs CPU",
                 against=f"nginx {number(median(theirs, 'per_second'))}/s, {number(median(theirs, 'cpu_us'))} µs CPU", figures=throughput),
        at_most(NAME, f"added p99 at {RATE:,} requests/s", added, 1, " ms",
                stoker=f"{number(median(latency['guard'], 'p99_ms'))} ms",
                against=f"without it {number(median(latency['direct'], 'p99_ms'))} ms", figures=latency),
        at_most(NAME, f"messages lost of a websocket in {length} s", socket["sent"] - socket["good"], 0,
                stoker=f"{socket['sent']:,} messages, {number(socket['mib'])} MiB each way", figures=socket),
    ]


def guard_resident(child):
    with open(f"/proc/{child.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
