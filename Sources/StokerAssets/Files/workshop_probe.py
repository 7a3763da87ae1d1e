"""Runs the tests of a repository for Stoker: which lines run, and which changes of a line no test notices.

Usage: workshop_probe.py JOB RESULT
JOB is a JSON document with `task`, RESULT is written as JSON. The working directory is a copy of the repository. Everything here runs where
the repository's own code runs, so its words are claims that the caller checks against the repository.
"""

import ast
import json
import os
import signal
import sys
import time

MOST_TESTS_OF_A_LINE = 40


def pytest_arguments(job, extra):
    plain = ["-q", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist", "-p", "no:randomly", "-W", "default",
             "--continue-on-collection-errors"]
    # The repository's own options may name plugins that are not here.
    return plain + (["-o", "addopts="] if job.get("plain_options") else []) + extra


def quiet():
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


class Recorder:
    """What became of each test, and when another begins."""

    def __init__(self, switch=None):
        self.tests = {}
        self.switch = switch
        self.errors = []

    def pytest_runtest_logstart(self, nodeid, location):
        if self.switch:
            self.switch(nodeid)

    def pytest_runtest_logfinish(self, nodeid, location):
        if self.switch:
            self.switch("")

    def pytest_runtest_logreport(self, report):
        test = self.tests.setdefault(report.nodeid, {"id": report.nodeid, "outcome": "passed", "seconds": 0.0})
        test["seconds"] += report.duration
        if report.outcome == "failed":
            test["outcome"] = "failed"
        elif report.outcome == "skipped" and test["outcome"] == "passed":
            test["outcome"] = "skipped"

    def pytest_collectreport(self, report):
        if report.failed and len(self.errors) < 5:
            self.errors.append(str(report.longrepr).strip().splitlines()[-1][:300] if report.longrepr else report.nodeid)


def measure(job):
    import coverage
    import pytest

    root = os.getcwd()
    recorder = Recorder()
    cov = None
    if job["coverage"]:
        cov = coverage.Coverage(data_file=None, config_file=False, include=[root + "/*"], messages=False)
        recorder.switch = cov.switch_context
        cov.start()
    begun = time.monotonic()
    status = int(pytest.main(pytest_arguments(job, job.get("paths", [])), plugins=[recorder]))
    seconds = time.monotonic() - begun
    result = {
        "status": status, "seconds": seconds, "tests": list(recorder.tests.values()), "errors": recorder.errors,
        "files": {}, "versions": ["python " + sys.version.split()[0], "pytest " + pytest.__version__],
    }
    if cov is None:
        return result
    cov.stop()
    result["versions"].append("coverage " + coverage.__version__)
    numbers = {name: number for number, name in enumerate(recorder.tests)}
    cost = [test["seconds"] for test in recorder.tests.values()]
    data = cov.get_data()
    for name in job["files"]:
        path = os.path.join(root, name)
        try:
            statements, excluded = cov.analysis2(path)[1:3]
        except Exception as error:
            result["files"][name] = {"error": str(error)[:200]}
            continue
        lines = {}
        for line, contexts in data.contexts_by_lineno(path).items():
            tests = sorted((numbers[name] for name in contexts if name in numbers), key=cost.__getitem__)
            lines[str(line)] = tests[:MOST_TESTS_OF_A_LINE]
        result["files"][name] = {"statements": statements, "excluded": excluded, "lines": lines}
    return result


# Functions and the changes of their lines

OPPOSITE = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", ">="), ast.GtE: (">=", "<"), ast.Gt: (">", "<="),
    ast.LtE: ("<=", ">"), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
TALK = {
    "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print", "echo", "secho", "logger",
    "logging", "warnings", "write_usage", "help",
}
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension)


def called(node):
    """The last name of what is called: `append` of `self.rows.append(row)`."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def own_nodes(function):
    """Nodes of a function without those of functions and classes inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


class Mutants:
    """At most one change of each line."""

    def __init__(self, text):
        # In bytes, as the positions of `ast` are.
        self.lines = [line.encode() for line in text.split("\n")]
        self.found = {}

    def slice(self, node):
        return self.lines[node.lineno - 1][node.col_offset:node.end_col_offset].decode()

    def add(self, rank, node, new, what):
        if node.lineno != node.end_lineno:
            return
        line = self.lines[node.lineno - 1]
        changed = (line[:node.col_offset] + new.encode() + line[node.end_col_offset:]).decode()
        known = self.found.get(node.lineno)
        if changed != line.decode() and (known is None or rank < known["rank"]):
            self.found[node.lineno] = {"line": node.lineno, "new": changed, "what": what, "rank": rank}

    def condition(self, node):
        if node.lineno != node.end_lineno:
            return
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITE:
            right = node.comparators[0]
            if node.left.end_lineno == right.lineno:
                line = self.lines[node.lineno - 1]
                between = line[node.left.end_col_offset:right.col_offset].decode()
                old, new = OPPOSITE[type(node.ops[0])]
                if between.count(old) == 1:
                    text = self.slice(node.left) + between.replace(old, new) + self.slice(right)
                    start = line[node.col_offset:node.left.col_offset].decode()
                    end = line[right.end_col_offset:node.end_col_offset].decode()
                    return self.add(0, node, start + text + end, old + " became " + new)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.add(0, node, "bool(" + self.slice(node.operand) + ")", "the condition was negated")
        self.add(0, node, "(not (" + self.slice(node) + "))", "the condition was negated")

    def visit(self, node):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            names = {inner.id for inner in ast.walk(node.test) if isinstance(inner, ast.Name)}
            if not names & {"TYPE_CHECKING", "__debug__"}:
                self.condition(node.test)
        elif isinstance(node, ast.Return) and node.value is not None:
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, bool):
                self.add(1, value, str(not value.value), f"{value.value} became {not value.value}")
            elif isinstance(value, ast.Compare):
                self.condition(value)
            elif not (isinstance(value, ast.Constant) and value.value is None):
                self.add(2, value, "None", "None is returned")
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            self.add(3, node, str(not node.value), f"{node.value} became {not node.value}")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.add(4, node, "None", f"the call of {called(node.value) or 'a function'} was left out")


def is_talk(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and (
        called(node.value) in TALK
        or (isinstance(node.value.func, ast.Attribute) and isinstance(node.value.func.value, ast.Name)
            and node.value.func.value.id in TALK))


def functions(text):
    tree = ast.parse(text)
    source = text.split("\n")
    found = []

    def walk(node, scope):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                walk(child, scope + [child.name])
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.append(describe(child, scope))
                walk(child, scope + [child.name])
            else:
                walk(child, scope)

    def describe(function, scope):
        marks = {called(one) if isinstance(one, ast.Call) else getattr(one, "attr", getattr(one, "id", ""))
                 for one in function.decorator_list}
        nodes = list(own_nodes(function))
        mutants = Mutants(text)
        silent = set()
        for node in nodes:
            # What only talks, and what a function is called with.
            if is_talk(node) or isinstance(node, (ast.Raise, ast.Assert)):
                silent.update(range(node.lineno, node.end_lineno + 1))
        arguments = function.args
        for default in [*arguments.defaults, *[one for one in arguments.kw_defaults if one]]:
            silent.update(range(default.lineno, default.end_lineno + 1))
        if not marks & {"overload", "abstractmethod"} and function.name not in ("__repr__", "__str__", "__del__"):
            for node in nodes:
                mutants.visit(node)
        kept = []
        for line, one in sorted(mutants.found.items()):
            old = source[line - 1]
            if line in silent or "pragma" in old or "noqa" in old:
                continue
            kept.append({"line": line, "old": old, "new": one["new"], "what": one["what"]})
        return {
            "name": ".".join(scope + [function.name]), "first": function.lineno, "last": function.end_lineno,
            "paths": 1 + sum(isinstance(node, BRANCHES) for node in nodes)
            + sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp)),
            # Lines of functions inside are theirs.
            "inner": [[one.lineno, one.end_lineno] for one in nodes
                      if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))],
            "mutants": kept,
        }

    walk(tree, [])
    return found


def describe_files(job):
    result = {}
    for name in job["files"]:
        try:
            with open(name, encoding="utf-8") as file:
                result[name] = functions(file.read())
        except (SyntaxError, ValueError, RecursionError, OSError) as error:
            result[name] = {"error": str(error)[:200]}
    return {"files": result}


# Changes of a line, and the tests that run it


def run_tests(job, tests, seconds):
    """`green`, `red` or `slow`, in a child of its own: what it imports is as the files are now."""
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            quiet()
            import pytest

            recorder = Recorder()
            status = int(pytest.main(pytest_arguments(job, ["-x", *tests]), plugins=[recorder]))
            ran = [test for test in recorder.tests.values() if test["outcome"] == "passed"]
            os._exit(0 if status == 0 and len(ran) == len(set(tests)) else 1)
        except BaseException:
            os._exit(1)
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "green" if status == 0 else "red"
        if time.monotonic() > end:
            try:
                os.killpg(child, signal.SIGKILL)
            except OSError:
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "slow"
        time.sleep(0.01)


def mutate(job):
    import pytest  # noqa: F401: imported once for all children

    outcomes = []
    path = job["file"]
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    lines = text.split("\n")
    end = time.monotonic() + job["seconds"]
    begun = time.monotonic()
    base = run_tests(job, job["base"], job["base_seconds"])
    longest = max(5.0, (time.monotonic() - begun) * 5)
    if base == "green":
        for one in job["mutants"]:
            if time.monotonic() > end:
                break
            changed = list(lines)
            if changed[one["line"] - 1] != one["old"]:
                outcomes.append("gone")
                continue
            changed[one["line"] - 1] = one["new"]
            try:
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.write("\n".join(changed))
                outcomes.append(run_tests(job, one["tests"], longest))
            finally:
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
    return {"base": base, "outcomes": outcomes}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    task = {"measure": measure, "functions": describe_files, "mutate": mutate, "hello": hello}[job["task"]]
    result = task(job)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(result, file)
    # Threads that tests left behind keep nobody.
    os._exit(0)


def hello(job):
    import coverage
    import pytest

    return {"versions": ["python " + sys.version.split()[0], "pytest " + pytest.__version__, "coverage " + coverage.__version__]}


main()
