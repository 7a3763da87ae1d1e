"""Starting, watching and stopping what takes part in a benchmark. Nothing outlives its row, Ctrl-C included."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import HERE, REPOSITORY, TOOLS, free_port

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Unmeasurable(Exception):
    """This machine or this build cannot give the figure; the text says why."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also when the harness itself is killed


def _interrupt(*_) -> None:
    """Being told to stop unwinds like Ctrl-C does, so that everything is stopped on the way out."""
    raise KeyboardInterrupt


class Child:
    def __init__(self, name: str, command: list[str], log: Path, **options):
        self.name = name
        self.log = log
        self._log = open(log, "wb")
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=_die_with_parent, **options)

    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> list[int]:
        """The process and its descendants: nginx and uvicorn work in children."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = Path(f"/proc/{entry}/stat").read_text()
                    parents[int(entry)] = int(stat.rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError):
                    continue
        found = [self.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu(self) -> float:
        """CPU seconds so far, user and system, of the whole family."""
        total = 0
        for pid in self.family():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                continue
        return total / TICK

    def rss(self) -> float:
        """Resident MiB now, of the whole family."""
        total = 0
        for pid in self.family():
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            except OSError:
                continue
        return total / 1024 / 1024

    def own_memory(self) -> float:
        """MiB of the process itself that belong to no file (`RssAnon`); 0 when it has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon:")), 0)

    def alive(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def lines(self) -> list[dict]:
        """The JSON lines it has printed so far; others are ignored."""
        found = []
        for line in self.output().splitlines():
            if line.startswith("{") and line.endswith("}"):
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found

    def until(self, text: str, seconds: float = 20) -> None:
        """Waits until it has printed `text`."""
        self._wait(lambda: text in self.output(), f"did not print {text!r}", seconds)

    def until_port(self, port: int, host: str = "127.0.0.1", seconds: float = 20) -> None:
        def open_now() -> bool:
            try:
                socket.create_connection((host, port), timeout=1).close()
                return True
            except OSError:
                return False
        self._wait(open_now, f"did not open port {port}", seconds)

    def _wait(self, ready, complaint: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive() or time.monotonic() > end:
                raise Unmeasurable(f"{self.name} {complaint}: {self.output()[-600:].strip()}")
            time.sleep(0.01)

    def wait(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Unmeasurable(f"{self.name} did not end in {seconds:.0f} s") from None

    def stop(self, patience: float = 6) -> float:
        """SIGTERM, SIGKILL after `patience`; returns how long it took. Only ever its own session is signalled."""
        begin = time.monotonic()
        if self.alive():
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._log.close()
        return time.monotonic() - begin


class Bench:
    """What one row has at hand. Leaving it stops every process and removes the scratch folder."""

    def __init__(self, row: str, quick: bool):
        self.row = row
        self.quick = quick
        self.rounds = 1 if quick else 3
        self._children: list[Child] = []
        self._count = 0

    def __enter__(self) -> "Bench":
        self.scratch = Path(tempfile.mkdtemp(prefix="stoker-bench-"))
        os.chmod(self.scratch, 0o755)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        return self

    def __exit__(self, *_) -> None:
        for child in reversed(self._children):
            child.stop(patience=2)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def say(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    def scaled(self, full, quick):
        return quick if self.quick else full

    def start(self, name: str, command: list, **options) -> Child:
        self._count += 1
        child = Child(name, command, self.scratch / f"{self._count:03}-{name}.log", **options)
        self._children.append(child)
        return child

    def stop(self, child: Child) -> float:
        self._children.remove(child)
        return child.stop()

    def figures(self, name: str, command: list, seconds: float = 120, own_memory: bool = False, **options) -> dict:
        """Runs a program to its end and returns the last JSON line it printed; with `own_memory` also `own_mib`, the most memory that
        was its own (`RssAnon`: heap and stacks, no pages of files), looked at every few milliseconds."""
        child = self.start(name, command, **options)
        most, end = 0.0, time.monotonic() + seconds
        while own_memory and child.alive() and time.monotonic() < end:
            most = max(most, child.own_memory())
            time.sleep(0.004)
        status = child.wait(max(1, end - time.monotonic()))
        lines = child.lines()
        self.stop(child)
        if status != 0 or not lines:
            raise Unmeasurable(f"{name} ended with {status}: {child.output()[-600:].strip()}")
        return {**lines[-1], "own_mib": most} if own_memory else lines[-1]

    def interleaved(self, candidates: dict) -> dict[str, list]:
        """Every candidate once, then all again: what disturbs the machine disturbs all of them."""
        found = {name: [] for name in candidates}
        for number in range(self.rounds):
            for name, measure in candidates.items():
                figure = measure()
                found[name].append(figure)
                brief = {k: round(v, 3) if isinstance(v, float) else v for k, v in figure.items()}
                self.say(f"round {number + 1}/{self.rounds} {name}: {brief}")
        return found

    # Programs of this repository

    def tool(self, name: str) -> Path:
        return TOOLS / name

    def product(self, name: str) -> Path:
        path = REPOSITORY / ".build" / "release" / name
        if not path.exists():
            raise Unmeasurable(f"{name} is not built; run Scripts/release.sh {name}")
        return path

    def stoker_bench(self, *arguments, seconds: float = 120) -> dict:
        return self.figures(str(arguments[0]), [self.product("stoker-bench"), *arguments], seconds)

    def targets(self, *options: str) -> tuple[Child, int]:
        """A fleet that answers on every loopback address (c/targets.c)."""
        port = free_port()
        child = self.start("targets", [self.tool("targets"), port, *options])
        child.until("ready")
        return child, port

    # Peers

    def nginx(self) -> tuple[Child, int, int]:
        """One worker that answers 47 bytes of JSON on every loopback address: (process, HTTP port, TLS port)."""
        plain, secure = free_port(), free_port()
        key, certificate = self.scratch / "key.pem", self.scratch / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        configuration = self.scratch / "nginx.conf"
        configuration.write_text((HERE / "peers" / "nginx.conf").read_text()
                                 .replace("@SCRATCH@", str(self.scratch))
                                 .replace("@PLAIN@", str(plain)).replace("@SECURE@", str(secure)))
        child = self.start("nginx", ["nginx", "-p", self.scratch, "-c", configuration, "-e", self.scratch / "error.log"])
        child.until_port(plain)
        child.until_port(secure)
        return child, plain, secure

    def python(self, name: str, packages: list[str]) -> Path:
        """The interpreter of a venv with these packages. Heavy peers have their own, made when first asked for."""
        folder = HERE / (".venv" if name == "light" else f".venv-{name}")
        python, stamp = folder / "bin" / "python", folder / "packages.txt"
        wanted = "\n".join(packages)
        if not stamp.exists() or stamp.read_text() != wanted:
            self.say(f"installing {' '.join(packages)} into {folder.relative_to(REPOSITORY)}")
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            done = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Unmeasurable(f"pip could not install {' '.join(packages)}: {done.stderr[-300:]}")
            stamp.write_text(wanted)
        return python

    def wrk(self, url: str, seconds: int, connections: int, *options: str) -> dict:
        """wrk with one thread; its own CPU time and what it counted (wrk/report.lua prints it as JSON)."""
        begin = os.times()
        script = options[0] if options else HERE / "wrk" / "plain.lua"
        child = self.start("wrk", ["wrk", "-t2" if connections > 64 else "-t1", f"-c{connections}", f"-d{seconds}s",
                                   "--timeout", "10s", "-s", script, url, "--", *options[1:]])
        status = child.wait(seconds + 30)
        after = os.times()
        lines = child.lines()
        self.stop(child)
        if status != 0 or not lines:
            raise Unmeasurable(f"wrk ended with {status}: {child.output()[-400:].strip()}")
        # wrk was the only child that ended meanwhile, so the growth of the children's time is its own.
        cpu = after.children_user + after.children_system - begin.children_user - begin.children_system
        return {**lines[-1], "cpu_seconds": cpu}
