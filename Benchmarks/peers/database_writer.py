"""An app with a live SQLite database in data/app.db: three tables, rows all over it.

usage: database_writer.py MEGABYTES TRANSACTIONS_PER_SECOND|on-request

With a rate each transaction changes a row anywhere of one table and adds a row to the two others, until SIGTERM, then prints one JSON line. On request it prints "ready", and changes 1 % of
the pages once when a file `change` appears.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time

megabytes, rate = int(sys.argv[1]), sys.argv[2]
os.makedirs("data", exist_ok=True)
db = sqlite3.connect("data/app.db", isolation_level=None, timeout=30)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=NORMAL")
rows = megabytes * 1_000_000 // (3 * 1_060)
numbers = random.Random(3)
for table in "abc":
    db.execute(f"CREATE TABLE {table} (n INTEGER PRIMARY KEY, words BLOB)")
    db.execute("BEGIN")
    db.executemany(f"INSERT INTO {table} VALUES (?, ?)", ((n, numbers.randbytes(1_000)) for n in range(rows)))
    db.execute("COMMIT")
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def change(table, n):
    db.execute(f"UPDATE {table} SET words = ? WHERE n = ?", (numbers.randbytes(1_000), n))


if rate == "on-request":
    print("ready", flush=True)
    while not os.path.exists("change"):
        time.sleep(0.02)
    db.execute("BEGIN")
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    for _ in range(pages // 100):
        change(numbers.choice("abc"), numbers.randrange(rows))
    db.execute("COMMIT")
    print("changed", flush=True)
    signal.pause()

stop = False


def asked(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, asked)
waits, begin = [], time.monotonic()
while not stop:
    at = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    change("a", numbers.randrange(rows))
    for table in "bc":
        db.execute(f"INSERT INTO {table} (words) VALUES (?)", (numbers.randbytes(60),))
    db.execute("COMMIT")
    waits.append(time.monotonic() - at)
    time.sleep(max(0, begin + len(waits) / float(rate) - time.monotonic()))
waits.sort()
print(json.dumps({
    "commit_p99_ms": waits[int(len(waits) * 0.99)] * 1_000, "commit_max_ms": waits[-1] * 1_000,
    "transactions_per_second": len(waits) / (time.monotonic() - begin)}), flush=True)
