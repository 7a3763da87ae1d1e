"""Fixtures with which the official client's own tests run against a simulated Hub.

The source distribution has the tests without their fixtures: these here do what the tests ask of theirs, by our own words. They are
read from elsewhere and never kept in this repository. Names and tokens that the tests use are entered as accounts of the simulator.

Wants HF_ENDPOINT (a `stoker hub-simulator --scene empty`) and OFFICIAL_REPORT (a file for the outcomes, a JSON line each).
"""
import json
import os
import tempfile
import urllib.request

from typing import Any, Callable

import pytest

from . import testing_constants as names

ENDPOINT = os.environ["HF_ENDPOINT"]
REPORT = os.environ["OFFICIAL_REPORT"]
# Before any test reads it.
names.ENDPOINT_STAGING = ENDPOINT
# What the tests call the type of the fixture of that name.
RepoFactory = Callable[..., Any]


def admin(path, body):
    request = urllib.request.Request(
        f"{ENDPOINT}/-/admin/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()


def pytest_configure(config):
    config.addinivalue_line("markers", "production: asks the real Hub")
    for name in ("api", "transfer", "inference", "xet", "no_xet", "deprecated", "git_lfs"):
        config.addinivalue_line("markers", f"{name}: of the official suite")
    if hasattr(config, "workerinput"):
        return
    for name, token, plan in (
        (names.USER, names.TOKEN, "pro"), (names.OTHER_USER, names.OTHER_TOKEN, "pro"),
        (names.ENTERPRISE_USER, names.ENTERPRISE_TOKEN, "enterprise"),
    ):
        admin("accounts", {"name": name, "plan": plan, "canPay": True, "fullName": getattr(names, "FULL_NAME", name)})
        admin("tokens", {"secret": token, "account": name})
    admin("organisations", {"name": "valid_org_hub", "fullName": "Dummy Hub Org", "members": {names.USER: "admin"}})
    admin("organisations", {
        "name": names.ENTERPRISE_ORG, "plan": "enterprise", "members": {names.ENTERPRISE_USER: "admin"},
        "defaultVisibility": "private"})


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("production"):
            item.add_marker(pytest.mark.skip(reason="asks the real Hub"))
        if item.get_closest_marker("xet"):
            item.add_marker(pytest.mark.skip(reason="needs Xet"))
        if item.get_closest_marker("inference"):
            item.add_marker(pytest.mark.skip(reason="another product"))
        if item.get_closest_marker("git_lfs"):
            item.add_marker(pytest.mark.skip(reason="needs git-lfs and half a gigabyte"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    outcome = report.outcome
    # A test is written once: when it ran, or when what comes before or after it did not work.
    if report.when == "call" or outcome != "passed":
        why = ""
        if outcome == "skipped" and isinstance(report.longrepr, tuple):
            why = report.longrepr[2]
        elif call.excinfo is not None:
            why = f"{call.excinfo.typename}: {call.excinfo.value}"
        with open(REPORT, "a") as file:
            file.write(json.dumps({"test": item.nodeid, "outcome": outcome, "when": report.when, "why": why[:600]}) + "\n")


@pytest.fixture(autouse=True)
def own_home(monkeypatch):
    from huggingface_hub import constants
    from huggingface_hub.utils import _auth

    with tempfile.TemporaryDirectory() as home:
        for name, place in (
            ("HF_HOME", ""), ("HF_HUB_CACHE", "hub"), ("HUGGINGFACE_HUB_CACHE", "hub"), ("HF_XET_CACHE", "xet"),
            ("HF_ASSETS_CACHE", "assets"), ("HF_TOKEN_PATH", "token"), ("HF_STORED_TOKENS_PATH", "stored_tokens"),
        ):
            monkeypatch.setattr(constants, name, os.path.join(home, place) if place else home)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_EXPERIMENTAL_WARNING", True)
        for name in ("_OAUTH_REFRESH_CACHE", "_OAUTH_REFRESH_WARNED"):
            if hasattr(_auth, name):
                monkeypatch.setattr(_auth, name, None if name.endswith("CACHE") else False)
        yield


@pytest.fixture(autouse=True)
def steady_output(monkeypatch):
    """Nobody's agent, no colours, one width."""
    from huggingface_hub.cli._output import out
    from huggingface_hub.utils import _detect_agent

    monkeypatch.setattr(_detect_agent, "_registry", _detect_agent._EMPTY_REGISTRY)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    out.set_mode()
    out.set_no_truncate(False)


@pytest.fixture(autouse=True)
def expected_warnings(request):
    names = [name for marker in request.node.iter_markers("deprecated") for name in marker.args]
    if not names:
        yield
        return
    with pytest.warns(FutureWarning):
        yield


@pytest.fixture(scope="session")
def api():
    from huggingface_hub import HfApi

    return HfApi(endpoint=ENDPOINT, token=names.TOKEN)


@pytest.fixture(scope="session")
def api_prod():
    pytest.skip("asks the real Hub")


@pytest.fixture
def repo_factory(api):
    """Makes repositories that are gone after the test."""
    from .testing_utils import repo_name

    made = []

    def make(repo_type="model", repo_id=None, **more):
        if repo_type == "space":
            more.setdefault("space_sdk", "gradio")
        url = api.create_repo(repo_id or repo_name(prefix=repo_type or "model"), repo_type=repo_type, **more)
        made.append((url.repo_id, repo_type, more.get("token")))
        return url

    yield make
    for repo_id, repo_type, token in made:
        api.delete_repo(repo_id, repo_type=repo_type, token=token, missing_ok=True)


@pytest.fixture
def new_repo_id(api):
    """A name that is free, and free again after the test."""
    from .testing_utils import repo_name

    repo_id = f"{names.USER}/{repo_name()}"
    yield repo_id
    api.delete_repo(repo_id, missing_ok=True)
