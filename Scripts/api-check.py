"""Runs schemathesis with all checks against a real server, then generates a client from the same document and lists the fleet with it.

usage: api-check.py STOKER SECONDS

The server has an account on a simulated Hub, so that operations on Spaces are carried out. Ends with 1 when a check finds something.
"""

import contextlib
import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request

stoker, seconds = sys.argv[1], int(sys.argv[2])
bin_folder = pathlib.Path(sys.executable).parent
TOKEN = "a-token-for-the-check-of-the-api"
FLEET = """
targets:
  website: {{ url: "http://127.0.0.1:{hub}/", every: 5m, group: web, retry: off, expect: {{ status: 200-499 }} }}
  port: {{ url: "tcp://127.0.0.1:{hub}", every: 5m }}
heartbeats: {{ nightly: {{ every: 24h }} }}
channels: {{ log: {{ command: ["/bin/true"] }} }}
notify: [{{ to: log }}]
serve: {{ self_ping: off }}
"""
# With one key for many requests nearly all of them would be refused as repetitions with other inputs, before anything of them is looked at.
HOOKS = """
import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, **kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,200}", key) and uuid.uuid4().int % 4:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
"""


def start(folder, *command, **more):
    """A program, and the port that its first line names."""
    log = open(folder / f"{command[1]}.log", "w+")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, **more)
    for line in child.stdout:
        if found := re.search(r"http://[\d.]+:(\d+)", line):
            return child, int(found[1])
    raise SystemExit(f"{command[1]} did not start; {log.name} says why")


def fleet_by_generated_client(folder, base):
    """What the client that is made from the document says of the fleet."""
    document = folder / "openapi.json"
    document.write_bytes(urllib.request.urlopen(f"{base}/openapi.json", timeout=10).read())
    subprocess.run(
        [bin_folder / "openapi-python-client", "generate", "--path", document, "--meta", "none", "--output-path", folder / "stoker_client",
         "--overwrite"], check=True, cwd=folder, env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"})
    subprocess.run([sys.executable, "-m", "compileall", "-q", folder / "stoker_client"], check=True)
    sys.path.insert(0, str(folder))
    client = importlib.import_module("stoker_client").AuthenticatedClient(base_url=base, token=TOKEN)
    modules = list((folder / "stoker_client" / "api").rglob("list_checks.py"))
    if len(modules) != 1:
        raise SystemExit("the generated client has no list_checks")
    name = ".".join(modules[0].relative_to(folder).with_suffix("").parts)
    page = importlib.import_module(name).sync(client=client)
    return sorted(check.name for check in page.items)


def main():
    with tempfile.TemporaryDirectory(prefix="stoker-api-") as place, contextlib.ExitStack() as ends:
        folder = pathlib.Path(place)
        hub, hub_port = start(folder, stoker, "hub-simulator", "--port", "0", "--scene", "small")
        ends.callback(stop, hub)
        (folder / "fleet.yaml").write_text(FLEET.format(hub=hub_port))
        environment = {
            **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{hub_port}", "HF_TOKEN": "hf_maren", "STOKER_TOKEN": TOKEN, "HOME": place}
        server, port = start(
            folder, stoker, "serve", "--fleet", str(folder / "fleet.yaml"), "--port", "0", "--host", "127.0.0.1", "--data", str(folder / "data"),
            env=environment)
        ends.callback(stop, server)
        base = f"http://127.0.0.1:{port}/api/v1"
        names = fleet_by_generated_client(folder, base)
        if names != ["nightly", "port", "website"]:
            raise SystemExit(f"the generated client lists {names}")
        print(f"the generated client compiles and lists {', '.join(names)}", flush=True)
        (folder / "api_check_hooks.py").write_text(HOOKS)
        environment |= {"SCHEMATHESIS_HOOKS": "api_check_hooks", "PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1"}
        found = subprocess.run(
            [bin_folder / "schemathesis", "run", f"{base}/openapi.json", "--checks", "all", "--max-time", str(seconds), "--workers", "2",
             "--header", f"Authorization: Bearer {TOKEN}", "--request-timeout", "60", "--max-response-time", "55",
             "--continue-on-failure", "--no-color",
             *os.environ.get("API_CHECK_OPTIONS", "").split()], cwd=folder, env=environment)
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            print(f"the server is well: {json.load(answer)}")
        raise SystemExit(found.returncode)


def stop(child):
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(15)
    except subprocess.TimeoutExpired:
        child.kill()


main()
