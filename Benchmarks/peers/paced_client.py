"""Asks at a fixed rate over kept connections, whatever the answers do, and says how long each waited since it was due.

    paced_client.py PORT RATE SECONDS
"""

import json
import socket
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: app\r\n\r\n"
CONNECTIONS = 16


def ask(port: int, first: float, gap: float, until: float, waits: list[float], bad: list[int]) -> None:
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.settimeout(10)
    due, buffer = first, b""
    while due < until:
        pause = due - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        try:
            line.sendall(REQUEST)
            while b"\r\n\r\n" not in buffer:
                buffer += line.recv(65_536) or bad.append(1) or b"\r\n\r\n"
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            length = next(int(field.split(b":")[1]) for field in head.split(b"\r\n") if field.lower().startswith(b"content-length"))
            while len(buffer) < length:
                buffer += line.recv(65_536)
            buffer = buffer[length:]
            if not head.startswith(b"HTTP/1.1 200"):
                bad.append(1)
        except (OSError, StopIteration):
            bad.append(1)
            return
        waits.append(time.monotonic() - due)
        due += gap


def main() -> None:
    port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    sys.setswitchinterval(0.0005)
    begin = time.monotonic() + 0.2
    gap = CONNECTIONS / rate
    waits: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    bad: list[int] = []
    threads = [
        threading.Thread(target=ask, args=(port, begin + number / rate, gap, begin + seconds, waits[number], bad))
        for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The first second is the way there: connections, caches.
    late = sorted(wait for own in waits for wait in own[max(1, len(own) // 10):])
    if not late:
        sys.exit("no answer")
    print(json.dumps({
        "good": sum(map(len, waits)), "bad": len(bad), "p50_ms": late[len(late) // 2] * 1e3,
        "p99_ms": late[min(len(late) - 1, len(late) * 99 // 100)] * 1e3}))


main()
