"""What people write in its place: a loop that posts messages with one httpx client and remembers nothing.

usage: notice_loop.py PORT MESSAGES

Prints one JSON line.
"""

import json
import os
import sys
import time

import httpx

port, messages = int(sys.argv[1]), int(sys.argv[2])
wall, cpu = time.monotonic(), os.times()
delivered = 0
with httpx.Client(timeout=30) as client:
    for number in range(messages):
        answer = client.post(f"http://127.0.0.1:{port}/hook", json={
            "key": f"bench-{number}", "kind": "down", "title": f"target-{number % 1000} is down", "sentence": "connection refused",
            "targets": [{"check": f"target-{number % 1000}", "verdict": "down"}]})
        delivered += answer.status_code == 200
end = os.times()
print(json.dumps({"messages": messages, "delivered": delivered, "wall_seconds": time.monotonic() - wall,
                  "cpu_seconds": end.user + end.system - cpu.user - cpu.system}), flush=True)
