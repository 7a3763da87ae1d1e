"""A server that is restarted between two calls of the official Python SDK's clients, which do nothing about it.

usage: restarts.py COUNT FLEET_FILE FOLDER

Wants STOKER (the program). The port is open again before the next call. Prints one line of JSON; ends with 1 when a call failed.
"""
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from mcp import Client

count, fleet, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]


def start(number):
    child = subprocess.Popen(
        [os.environ["STOKER"], "serve", "--fleet", fleet, "--host", "127.0.0.1", "--port", str(port), "--data", f"{folder}/data"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(f"{folder}/serve.err", "ab"),
    )
    end = time.monotonic() + 30
    while time.monotonic() < end and child.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return child
        time.sleep(0.005)
    raise SystemExit(f"start {number}: the port does not open; {folder}/serve.err has more")


async def main():
    child = start(0)
    failed, slowest = [], 0.0
    try:
        url = f"http://127.0.0.1:{port}/mcp"
        async with Client(url, mode="legacy") as old, Client(url, mode="2026-07-28") as new:
            for client in (old, new):
                await client.call_tool("fleet_status", {})
            for number in range(1, count + 1):
                # Every tenth is killed; the others are asked to stop.
                child.send_signal(signal.SIGKILL if number % 10 == 0 else signal.SIGTERM)
                child.wait(20)
                child = start(number)
                for name, client in (("legacy", old), ("modern", new)):
                    began = time.monotonic()
                    try:
                        result = await asyncio.wait_for(client.call_tool("fleet_status", {}), 20)
                        if result.is_error:
                            failed.append(f"{number} {name}: {result.content[0].text}")
                    except Exception as error:
                        failed.append(f"{number} {name}: {error!r}")
                    slowest = max(slowest, time.monotonic() - began)
    finally:
        child.kill()
        child.wait()
    print(json.dumps({"restarts": count, "calls": 2 * count, "failed": len(failed), "slowest_seconds": round(slowest, 3)}))
    print("\n".join(failed[:10]), file=sys.stderr)
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
