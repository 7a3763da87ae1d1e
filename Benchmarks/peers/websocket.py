"""A websocket that echoes, and one that calls it and counts what comes back (RFC 6455, with nothing but the standard library).

    websocket.py serve PORT
    websocket.py call PORT SECONDS
"""

import asyncio
import base64
import hashlib
import json
import os
import struct
import sys
import time

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest())


def frame(payload: bytes, mask: bytes = b"") -> bytes:
    head = bytes([0x82])
    size = len(payload)
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    return head + mask + (masked(payload, mask) if mask else payload)


def masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


async def read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    if size == 126:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", await reader.readexactly(8))[0]
    mask = await reader.readexactly(4) if head[1] & 0x80 else b""
    payload = await reader.readexactly(size)
    return masked(payload, mask) if mask else payload


async def serve(port: int) -> None:
    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            key = {name.lower(): value for name, value in fields.items()}[b"sec-websocket-key"]
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + accept(key) + b"\r\n\r\n")
            while True:
                writer.write(frame(await read(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, KeyError):
            writer.close()
    server = await asyncio.start_server(visit, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


async def call(port: int, seconds: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16))
    writer.write(b"GET /live HTTP/1.1\r\nHost: app\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0] or accept(key) not in head:
        sys.exit(f"no websocket: {head[:200]!r}")
    sent, good, size = 0, 0, 0
    waiting: list[bytes] = []
    done = asyncio.Event()

    async def listen() -> None:
        nonlocal good
        while not done.is_set() or waiting:
            answer = await read(reader)
            if answer != waiting.pop(0):
                sys.exit(f"message {good} came back as another")
            good += 1

    listener = asyncio.create_task(listen())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # Mostly small, now and then one that does not fit any buffer.
        payload = os.urandom(200_000 if sent % 500 == 499 else 20 + sent % 900)
        waiting.append(payload)
        writer.write(frame(payload, os.urandom(4)))
        await writer.drain()
        sent += 1
        size += len(payload)
        await asyncio.sleep(0.002)
    done.set()
    try:
        await asyncio.wait_for(listener, 10)
    except (TimeoutError, asyncio.IncompleteReadError):
        pass
    writer.close()
    print(json.dumps({"sent": sent, "good": good, "mib": size / (1 << 20)}))


if sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
else:
    asyncio.run(call(int(sys.argv[2]), float(sys.argv[3])))
