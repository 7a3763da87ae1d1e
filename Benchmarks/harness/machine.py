"""What this machine is, and the few things of it that the benchmarks use."""

import os
import platform
import random
import resource
import socket
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
TOOLS = HERE / ".build"
RESULTS = HERE / "results"


def describe() -> dict:
    """Everything a reader needs to judge the absolute figures."""
    def first(path: str, key: str) -> str:
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
        return "unknown"

    def said(*command: str) -> str:
        try:
            out = subprocess.run(command, capture_output=True, text=True, timeout=20)
            return (out.stdout + out.stderr).strip().splitlines()[0]
        except (OSError, IndexError, subprocess.TimeoutExpired):
            return "unknown"

    release = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    return {
        "cpu": first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{release}, Linux {platform.release()}",
        "swift": said("swift", "--version"),
        "python": platform.python_version(),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    }


def raise_open_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    """A free port below the ephemeral range.

    Inside that range a client that polls a closed loopback port can connect to itself, and then holds the port.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, min(lowest, 32_000))
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue


def loopback(number: int) -> str:
    """Address `number` of the fleet, counted from 127.1.0.0 like the C programs do."""
    value = 0x7F010000 + number
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
