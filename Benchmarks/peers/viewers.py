"""Many browsers with the page open: reads server-sent events and counts them.

usage: viewers.py PORT PATH COUNT

Prints one JSON line each second: viewers connected, messages and bytes per second and viewer since the line before.
"""

import asyncio
import json
import sys
import time

port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connected = messages = received = 0


async def view() -> None:
    global connected, messages, received
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit(f"viewer was answered {head[:80]!r}")
    connected += 1
    while data := await reader.read(65536):
        received += len(data)
        messages += data.count(b"\ndata:") + data.startswith(b"data:")
    connected -= 1


async def main() -> None:
    global messages, received
    tasks = [asyncio.create_task(view()) for _ in range(count)]
    while True:
        begin = time.monotonic()
        await asyncio.sleep(1)
        for task in tasks:
            if task.done() and task.exception():
                raise task.exception()
        seconds = time.monotonic() - begin
        if connected == count:
            print(json.dumps({"connected": connected, "events_per_second": messages / seconds / count,
                              "bytes_per_second": received / seconds / count}), flush=True)
        elif all(task.done() for task in tasks):
            return
        messages = received = 0


asyncio.run(main())
