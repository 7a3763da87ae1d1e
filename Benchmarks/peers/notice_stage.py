"""What messages are about and where they go: targets that can be switched off, and a webhook that notes when each message arrived.

usage: notice_stage.py WEBHOOK_PORT TARGET_PORT

Targets are one listening socket on every address of loopback. `POST /targets/close` and `/targets/open` on the webhook's port switch it,
`GET /received` tells the messages so far, oldest first. Prints `ready`.
"""

import asyncio
import json
import resource
import socket
import sys
import time
from datetime import datetime

webhook, targets = int(sys.argv[1]), int(sys.argv[2])
# Each look of a fleet is a connection, and many may be open at a time.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
received: list[dict] = []
listener: asyncio.Server | None = None


async def look(reader, writer):
    writer.close()


async def switch(on: bool) -> None:
    global listener
    if on and listener is None:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", targets))
        listener = await asyncio.start_server(look, sock=sock, backlog=4096)
    elif not on and listener is not None:
        listener.close()
        listener = None


def note(body: bytes) -> None:
    message = json.loads(body)
    at = datetime.fromisoformat(message["at"].replace("Z", "+00:00")).timestamp()
    received.append({
        "arrived": time.time(), "at": at, "kind": message["kind"], "count": message["count"], "key": message["key"],
        "targets": [target["check"] for target in message["targets"]]})


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line, *fields = head.decode().split("\r\n")
            length = next((int(f.split(":")[1]) for f in fields if f.lower().startswith("content-length:")), 0)
            body = await reader.readexactly(length) if length else b""
            method, path, _ = line.split(" ")
            answer = b"{}"
            if path == "/received":
                answer = json.dumps(received).encode()
            elif path.startswith("/targets/"):
                await switch(path.endswith("open"))
            elif method == "POST":
                note(body)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    await switch(True)
    server = await asyncio.start_server(serve, "127.0.0.1", webhook)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
