"""a worker's six perspectives on a repository of 100,000 lines: seconds of all looks together, memory with its tools"""

import json
import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import stoker
from processes import Unmeasurable
from report import at_most, number

NAME = "workshop"
LINES = 100_000
FILES = 320
COMMITS = 400
HEAD = 1_793_534_400


def function(language, name, step):
    """Some twenty lines with eight ways through them."""
    tests = ["a < 0", "b > 9", "a == b", "c in b", "a != 3", "b <= c", "not c"]
    if language == "py":
        body = "".join(f"    {'if' if n == 0 else 'elif'} {test}:\n        c = a + {n + step}\n" for n, test in enumerate(tests))
        return f"def {name}(a, b, c=None):\n    \"\"\"What {name} does.\"\"\"\n{body}    return c\n\n\n"
    if language == "go":
        body = "".join(f"\tif a > {n + step} {{\n\t\tb += {n}\n\t}}\n" for n in range(7))
        return f"func {name}(a int, b int) int {{\n{body}\treturn b\n}}\n\n"
    body = "".join(f"  if (a > {n + step}) {{\n    b += {n};\n  }}\n" for n in range(7))
    return f"export function {name}(a, b) {{\n{body}  return b;\n}}\n\n"


def content(number, step):
    language = ("py", "go", "ts")[number % 3]
    path = f"src/part{number % 16}/module{number}.{language}"
    text = "package main\n\n" if language == "go" else ""
    index = 0
    while text.count("\n") < LINES // FILES:
        text += function(language, f"work{number}x{index}", step if index % 5 == step % 5 else 0)
        index += 1
    return path, text


def repository(folder):
    """A bare repository: three years of commits on a tree of 100,000 lines, always the same."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    stream = bytearray()

    def commit(n, subject, files):
        when = HEAD - (COMMITS - n) * 2 * 86_400
        author = f"dev{n % 7} <dev{n % 7}@example.com> {when} +0000"
        stream.extend(f"commit refs/heads/main\nauthor {author}\ncommitter {author}\ndata {len(subject)}\n{subject}\n".encode())
        for path, text in files:
            data = text.encode()
            stream.extend(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")

    workflow = "name: ci\non: [pull_request]\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v6\n"
    commit(0, "Begin", [content(n, 0) for n in range(FILES)] + [(".github/workflows/ci.yml", workflow)])
    for n in range(1, COMMITS):
        # The first files are worked on most.
        commit(n, f"Fix the wrong sum {n}", [content((n * k) % 40 if k < 3 else (n * 7 + k) % FILES, n) for k in range(1, 5)])
    subprocess.run(["git", "--git-dir", folder, "fast-import", "--quiet"], input=bytes(stream), check=True)
    tree = subprocess.run(["git", "--git-dir", folder, "grep", "-c", "", "main"], capture_output=True, text=True, check=True)
    return sum(int(line.rsplit(":", 1)[1]) for line in tree.stdout.splitlines())


def run(bench):
    for tool in ("git", "ctags"):
        if not shutil.which(tool):
            raise Unmeasurable(f"{tool} is not installed")
    python = bench.python("workshop", ["lizard==1.24.3", "zizmor==1.32.0"])
    folder = bench.scratch / "large.git"
    lines = repository(folder)
    fleet = bench.scratch / "workshop.yaml"
    fleet.write_text(json.dumps({
        "version": 1, "serve": {"self_ping": "off"},
        "workers": {"large": {"repository": str(folder), "every": "5s", "tools": ["ctags", "lizard", "zizmor"]}}}))
    environment = dict(os.environ, STOKER_TOOLS=str(Path(python).parent))
    child, port = stoker.serve(bench, fleet, env=environment)
    stoker.until_healthy(child, port)
    looks, most, end = {}, 0.0, time.monotonic() + 600
    while True:
        worker = json.loads(stoker.get(port, "/api/v1/workers/large"))
        most = max(most, child.rss())
        if worker["started"] and worker["beat"] and worker["beat"] >= worker["started"]:
            looks[worker["started"]] = worker["beat"]
        if worker["state"] == "trouble":
            raise Unmeasurable(worker["text"])
        if worker["state"] == "complete":
            break
        if time.monotonic() > end:
            raise Unmeasurable(f"not complete after 600 s: {worker['text']}")
        time.sleep(0.05)

    def instant(text):
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    seconds = sum(instant(over) - instant(begun) for begun, over in looks.items())
    note = f"{lines} lines in {FILES} files, {COMMITS} commits; {len(looks)} looks, the first with the copy of the repository"
    figures = {"stoker": [{"seconds": seconds, "mib": most, "looks": len(looks)}]}
    return [
        at_most(NAME, f"s for all perspectives of {lines // 1000},000 lines", seconds, 30, " s", note=note, figures=figures,
                stoker=f"{number(seconds)} s"),
        at_most(NAME, "MiB with all tools at the worst moment", most, 500, " MiB", figures=figures, stoker=f"{number(most)} MiB"),
    ]
