"""The candidates that several rows compare. Each returns probes, good, wall_seconds, cpu_seconds, and the two below."""

from machine import HERE, free_port
from processes import Bench, Unmeasurable

ADDRESSES = 20_000
CONCURRENCY = 256


def judged(figures: dict, name: str) -> dict:
    """A probe that failed is cheap: figures count only when (nearly) all were good."""
    if figures["probes"] == 0 or figures["good"] < 0.999 * figures["probes"]:
        raise Unmeasurable(f"{name}: only {figures['good']} of {figures['probes']} probes were good")
    figures["cpu_per_10k"] = figures["cpu_seconds"] / figures["probes"] * 10_000
    figures["per_second"] = figures["probes"] / figures["wall_seconds"]
    return figures


def c_client(bench: Bench, port: int, probes: int):
    return lambda: judged(
        bench.figures("epoll-client", [bench.tool("epoll-client"), 2, CONCURRENCY, probes, port, ADDRESSES]), "epoll-client")


def engine(bench: Bench, scheme: str, port: int, probes: int):
    return lambda: judged(bench.stoker_bench(
        "engine", "--scheme", scheme, "--port", port, "--addresses", ADDRESSES, "--probes", probes,
        "--concurrency", CONCURRENCY), "engine")


def pipeline(bench: Bench, scheme: str, port: int, seconds: float):
    count = iter(range(1000))
    return lambda: judged(bench.stoker_bench(
        "pipeline", "--scheme", scheme, "--port", port, "--addresses", ADDRESSES, "--seconds", seconds,
        "--concurrency", CONCURRENCY, "--data", bench.scratch / f"pipeline-{scheme}-{next(count)}"), "pipeline")


def wrk_close(bench: Bench, url: str, seconds: int):
    return lambda: judged(bench.wrk(url, seconds, CONCURRENCY, HERE / "wrk" / "close.lua"), "wrk")


def blackbox(bench: Bench, scheme: str, target_port: int, seconds: int):
    """blackbox_exporter has no timetable: wrk asks it for one probe after the other."""
    def measure() -> dict:
        port = free_port()
        exporter = bench.start("blackbox_exporter", [
            "prometheus-blackbox-exporter", f"--config.file={HERE / 'peers' / 'blackbox.yml'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
        exporter.until_port(port)
        before = exporter.cpu()
        figures = bench.wrk(f"http://127.0.0.1:{port}", seconds, CONCURRENCY, HERE / "wrk" / "blackbox.lua",
                            scheme, str(target_port), str(ADDRESSES))
        figures["cpu_seconds"] = exporter.cpu() - before
        bench.stop(exporter)
        return judged(figures, "blackbox_exporter")
    return measure
