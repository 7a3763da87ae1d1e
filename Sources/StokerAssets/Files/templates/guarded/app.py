"""An app with state: it counts its visits in a SQLite database. It knows nothing of vaults."""

import os
import signal
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.makedirs("data", exist_ok=True)
database = sqlite3.connect("data/app.db", isolation_level=None, check_same_thread=False)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE IF NOT EXISTS visit (at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)")
lock = threading.Lock()


class Visits(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/":
            self.send_error(404)
            return
        with lock:
            database.execute("INSERT INTO visit DEFAULT VALUES")
            count = database.execute("SELECT COUNT(*) FROM visit").fetchone()[0]
        body = f"{{name}}: visit {count}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Queries may hold keys: the log has methods and states only."""
        print(self.command, arguments[1] if len(arguments) > 1 else "", file=sys.stderr)


# The guard listens for visitors: only it has to reach the app.
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Visits)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"serving on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
database.close()
