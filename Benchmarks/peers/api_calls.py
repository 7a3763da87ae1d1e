"""Calls paths of a server at a steady rate, whether or not it keeps up: a call's time begins when it is due.

usage: api_calls.py PORT CALLS_PER_SECOND SECONDS CONNECTIONS PATH_FILE

The paths, one a line, are taken in turn. Prints one line of JSON: calls, those that were answered 200, and their times in milliseconds.
"""

import asyncio
import json
import sys
import time

port, rate, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
with open(sys.argv[5]) as file:
    paths = [line.strip() for line in file if line.strip()]
requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n".encode() for path in paths]
total = int(rate * seconds)
times: list[float] = []
good, statuses = 0, {}


async def call(reader, writer, request) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
    else:
        while True:
            size = int(await reader.readline(), 16)
            await reader.readexactly(size + 2)
            if size == 0:
                break
    return head[9:12]


async def lane(begin: float, due) -> None:
    global good
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (number := next(due, None)) is not None:
        at = begin + number / rate
        if (wait := at - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        status = await call(reader, writer, requests[number % len(requests)])
        times.append(time.monotonic() - at)
        good += status == b"200"
        statuses[status.decode()] = statuses.get(status.decode(), 0) + 1
    writer.close()


async def main() -> None:
    due = iter(range(total))
    begin = time.monotonic() + 0.2
    await asyncio.gather(*(lane(begin, due) for _ in range(connections)))
    times.sort()
    print(json.dumps({
        "calls": len(times), "good": good, "statuses": statuses, "per_second": len(times) / max(0.001, time.monotonic() - begin),
        "p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[int(len(times) * 0.99)] * 1000, "worst_ms": times[-1] * 1000}))


asyncio.run(main())
