"""Calls `fleet_status` over and over, each connection kept open, and counts.

usage: mcp_calls.py PORT SECONDS CONNECTIONS

Prints one line of JSON: how many calls were answered well, how many were not, and how long an answer is.
"""

import json
import socket
import sys
import threading
import time

port, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
body = json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "tools/call",
    "params": {
        "name": "fleet_status", "arguments": {"limit": 20},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}).encode()
request = (
    f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
    f"Mcp-Name: fleet_status\r\nContent-Length: {len(body)}\r\n\r\n"
).encode() + body
end = time.monotonic() + seconds
good, bad, length, lock = 0, 0, 0, threading.Lock()


def calls() -> None:
    global good, bad, length
    own_good = own_bad = size = 0
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    while time.monotonic() < end:
        connection.sendall(request)
        while b"\r\n\r\n" not in rest:
            rest += connection.recv(65536)
        head, rest = rest.split(b"\r\n\r\n", 1)
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(rest) < size:
            rest += connection.recv(65536)
        answer, rest = rest[:size], rest[size:]
        if head.startswith(b"HTTP/1.1 200") and b'"isError":false' in answer.replace(b" ", b"") and answer.count(b'"verdict"') >= 20:
            own_good += 1
        else:
            own_bad += 1
    with lock:
        good, bad, length = good + own_good, bad + own_bad, size


threads = [threading.Thread(target=calls) for _ in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"good": good, "bad": bad, "bytes": length}))
