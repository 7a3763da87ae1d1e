"""The release binary as users run it."""

import json
import urllib.request
from pathlib import Path

from machine import free_port, loopback
from processes import Bench, Child


def fleet(bench: Bench, name: str, port: int, targets: int, every: str, **settings) -> Path:
    """A fleet file of loopback targets. JSON is YAML enough."""
    document = {
        "version": 1,
        "targets": {
            f"t{n:06}": {"url": f"http://{loopback(n)}:{port}/", "every": every, **settings} for n in range(targets)},
        "serve": {"self_ping": "off"},
    }
    path = bench.scratch / f"{name}.yaml"
    path.write_text(json.dumps(document))
    return path


def serve(bench: Bench, fleet_file: Path, name: str = "stoker", **options) -> tuple[Child, int]:
    """Starts `stoker serve` on a free port with its own data folder; does not wait for it."""
    port = free_port()
    data = bench.scratch / f"{name}-data-{port}"
    data.mkdir()
    child = bench.start(name, [
        bench.product("stoker"), "serve", "--fleet", fleet_file, "--port", port, "--host", "127.0.0.1", "--data", data,
    ], cwd=bench.scratch, **options)
    return child, port


def get(port: int, path: str, timeout: float = 10) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def until_healthy(child: Child, port: int, seconds: float = 30) -> None:
    def healthy() -> bool:
        try:
            get(port, "/health", timeout=2)
            return True
        except OSError:
            return False
    child._wait(healthy, "did not answer /health", seconds)
