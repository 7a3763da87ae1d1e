"""The loop people run today: one APScheduler job per Space, one httpx client per ping.

usage: ping_loop.py PORT PINGS_PER_SECOND SECONDS

Ten seconds between two pings of a target; as many targets as the rate asks for. Prints one JSON line.
"""

import asyncio
import json
import logging
import os
import sys
import time
from datetime import datetime, timezone

import httpx
from apscheduler.schedulers.asyncio import AsyncIOScheduler

EVERY = 10
done = failed = 0


async def ping(url: str) -> None:
    global done, failed
    try:
        async with httpx.AsyncClient(timeout=120) as client:
            answer = await client.get(url)
        if answer.status_code == 200:
            done += 1
        else:
            failed += 1
    except httpx.HTTPError:
        failed += 1


async def main() -> None:
    port, rate, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    logging.disable(logging.CRITICAL)
    scheduler = AsyncIOScheduler()
    targets = rate * EVERY
    begin = time.time() + 1
    for n in range(targets):
        first = datetime.fromtimestamp(begin + n / targets * EVERY, timezone.utc)
        url = f"http://127.1.{n // 256}.{n % 256}:{port}/"
        scheduler.add_job(ping, "interval", args=[url], seconds=EVERY, next_run_time=first, misfire_grace_time=None,
                          max_instances=1, coalesce=True)
    scheduler.start()
    await asyncio.sleep(max(0, begin - time.time()))
    wall, cpu = time.monotonic(), os.times()
    await asyncio.sleep(seconds)
    end = os.times()
    print(json.dumps({"asked_per_second": rate, "done": done, "failed": failed, "wall_seconds": time.monotonic() - wall,
                      "cpu_seconds": end.user + end.system - cpu.user - cpu.system}), flush=True)
    os._exit(0)  # thousands of pings may be under way in the overloaded case; nobody waits for them


asyncio.run(main())
