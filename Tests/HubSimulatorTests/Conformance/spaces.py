"""What the official client does with Spaces, done to the simulator.

Usage: spaces.py api|cli EDGE_PORT      with HF_ENDPOINT set. Exit 0 when everything holds.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import warnings

import hf_command
from huggingface_hub import CommitOperationAdd, HfApi, Volume
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

ENDPOINT = os.environ["HF_ENDPOINT"]
EDGE = f"http://127.0.0.1:{sys.argv[2]}"
api = HfApi(endpoint=ENDPOINT, token="hf_maren")


def admin(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENDPOINT}/-/admin/{path}", data=data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def visit(space, path="/health", headers={}):
    """Status, body, and whether the container answered."""
    host = api.space_info(space).subdomain + ".hf.space"
    request = urllib.request.Request(EDGE + path, headers={"Host": host, **headers})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), "x-proxied-replica" in answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), "x-proxied-replica" in error.headers


def status(call):
    """The status of the error a call ends with."""
    try:
        call()
    except HfHubHTTPError as error:
        return error.response.status_code
    return None


def settled(space):
    return api.wait_for_space(space, timeout=30, poll_interval=0.05)


def card(sdk, title="Orbit API", more=""):
    return f"---\ntitle: {title}\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: {sdk}\n{more}---\n\n# {title}\n".encode()


def ship(space, files, message="Deploy"):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(space, operations, commit_message=message, repo_type="space").oid


def made(name, token=None, **more):
    """A docker Space that runs."""
    space = f"maren/{name}"
    api.create_repo(space, repo_type="space", space_sdk="docker", **more)
    ship(space, {"README.md": card("docker"), "Dockerfile": b"FROM scratch\n"})
    assert settled(space).stage == "RUNNING", api.get_space_runtime(space)
    return space


# --- the client's methods ---------------------------------------------------------------------------------------------


def builds_and_redeploys():
    space = "maren/orbit-api"
    api.create_repo(space, repo_type="space", space_sdk="docker")
    runtime = api.get_space_runtime(space)
    assert runtime.stage == "NO_APP_FILE", runtime
    assert runtime.hardware is None and runtime.requested_hardware == "cpu-basic", runtime
    first = ship(space, {"README.md": card("docker"), "Dockerfile": b"FROM scratch\n"})
    runtime = api.get_space_runtime(space)
    assert runtime.stage == "BUILDING" and "sha" not in runtime.raw, runtime
    # As recorded of production: nothing more and nothing less.
    assert set(runtime.raw) == {"stage", "hardware", "storage", "gcTimeout", "replicas", "devMode", "domains"}
    assert runtime.raw["gcTimeout"] == 172800 and runtime.raw["replicas"] == {"requested": 1}
    code, _, isApp = visit(space)
    assert (code, isApp) == (503, False)
    runtime = settled(space)
    assert runtime.stage == "RUNNING" and runtime.raw["sha"] == first and runtime.hardware == "cpu-basic", runtime
    assert json.loads(visit(space)[1])["sha"] == first

    second = ship(space, {"Dockerfile": b"FROM scratch\nRUN true\n"})
    runtime = api.get_space_runtime(space)
    assert runtime.stage == "RUNNING_BUILDING" and runtime.raw["sha"] == first, runtime.raw
    assert json.loads(visit(space)[1])["sha"] == first, "the old container serves while the new one is built"
    assert settled(space).raw["sha"] == second
    code, body, isApp = visit(space)
    assert (code, isApp, json.loads(body)["sha"]) == (200, True, second)


def pauses_and_restarts():
    space = made("pausing")
    assert api.pause_space(space).stage == "PAUSED"
    code, _, isApp = visit(space)
    assert (code, isApp) == (503, False)
    assert api.get_space_runtime(space).stage == "PAUSED", "a visit does not wake"
    assert api.restart_space(space).stage == "BUILDING"
    assert settled(space).stage == "RUNNING"
    assert api.restart_space(space).stage == "APP_STARTING"
    settled(space)
    assert api.restart_space(space, factory_reboot=True).stage == "BUILDING"
    assert settled(space).stage == "RUNNING"


def changes_hardware_and_sleep():
    space = made("hardware")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert api.set_space_sleep_time(space, 60).sleep_time == 172800, "fixed on free hardware"
        assert any(issubclass(w.category, UserWarning) for w in seen)
    runtime = api.request_space_hardware(space, "t4-small", sleep_time=3600)
    assert (runtime.requested_hardware, runtime.hardware, runtime.sleep_time) == ("t4-small", "cpu-basic", 3600)
    runtime = settled(space)
    assert (runtime.hardware, runtime.stage) == ("t4-small", "RUNNING")
    assert api.set_space_sleep_time(space, -1).sleep_time is None
    assert status(lambda: api.request_space_hardware(space, "abacus")) == 400
    assert "t4-small" in [flavor.name for flavor in api.list_spaces_hardware()]
    assert api.list_spaces_hardware()[0].unit_label == "minute"


def keeps_secrets_and_variables():
    space = made("settings")
    boots = admin(f"spaces/{space}")["boots"]
    api.add_space_secret(space, "TOKEN", "s3cr3t", description="call-back")
    secrets = api.get_space_secrets(space)
    assert list(secrets) == ["TOKEN"] and secrets["TOKEN"].description == "call-back"
    assert secrets["TOKEN"].updated_at is not None
    assert api.get_space_runtime(space).stage in ("RUNNING_APP_STARTING", "RUNNING")
    settled(space)
    assert admin(f"spaces/{space}")["boots"] == boots + 1, "a change restarts"
    assert status(lambda: api.add_space_secret(space, "1-bad", "x")) == 400
    api.delete_space_secret(space, "TOKEN")
    api.delete_space_secret(space, "NEVER_THERE")
    assert api.get_space_secrets(space) == {}
    assert api.add_space_variable(space, "MODE", "live")["MODE"].value == "live"
    both = api.add_space_variable(space, "REGION", "eu", description="where")
    assert set(both) == {"MODE", "REGION"} and both["REGION"].description == "where"
    assert set(api.delete_space_variable(space, "MODE")) == {"REGION"}
    assert set(api.get_space_variables(space)) == {"REGION"}
    settled(space)
    # The same name in both is refused by the platform when the container is made.
    api.add_space_secret(space, "REGION", "x")
    assert settled(space).stage == "CONFIG_ERROR"
    api.delete_space_secret(space, "REGION")
    assert settled(space).stage == "RUNNING"


def mounts_volumes():
    space = made("volumes")
    api.set_space_volumes(space, [Volume(type="bucket", source="maren/store", mount_path="/data"),
                                  Volume(type="model", source="maren/net", mount_path="/models")])
    volumes = settled(space).volumes
    assert [(v.mount_path, v.read_only) for v in volumes] == [("/data", False), ("/models", True)]
    api.delete_space_volumes(space)
    assert not settled(space).volumes
    assert status(lambda: api.delete_space_volumes(space)) == 400


def enters_dev_mode():
    space = made("developing")
    assert api.enable_space_dev_mode(space).dev_mode is True
    assert settled(space).stage == "RUNNING"
    assert api.disable_space_dev_mode(space).dev_mode is False
    admin("spaces", {"id": "tobi/free", "sdk": "gradio"})
    tobi = HfApi(endpoint=ENDPOINT, token="hf_tobi")
    assert status(lambda: tobi.enable_space_dev_mode("tobi/free")) == 402
    assert tobi.disable_space_dev_mode("tobi/free").dev_mode is False
    assert status(lambda: tobi.request_space_hardware("tobi/free", "t4-small")) == 402


def duplicates():
    space = made("original", space_variables=[{"key": "MODE", "value": "live"}],
                 space_secrets=[{"key": "TOKEN", "value": "s3cr3t"}])
    assert list(api.get_space_secrets(space)) == ["TOKEN"]
    url = api.duplicate_repo(space, "maren/copy", repo_type="space", private=True)
    assert url.repo_id == "maren/copy"
    assert set(api.get_space_variables("maren/copy")) == {"MODE"} and api.get_space_secrets("maren/copy") == {}
    assert settled("maren/copy").stage == "RUNNING"
    assert visit("maren/copy")[0] == 404, "private without a token"
    assert visit("maren/copy", headers={"X-HF-Authorization": "Bearer hf_maren"})[0] == 200
    assert visit("maren/copy", headers={"Authorization": "Bearer hf_tobi"})[0] == 404
    request = urllib.request.Request(f"{ENDPOINT}/api/spaces/maren/copy/jwt", headers={"Authorization": "Bearer hf_maren"})
    with urllib.request.urlopen(request) as answer:
        assert visit("maren/copy", f"/health?__sign={json.load(answer)['token']}")[0] == 200


def lists_and_describes():
    space = made("described")
    listed = {s.id: s for s in api.list_spaces(author="maren", expand=["runtime", "sha"])}
    assert listed[space].runtime.stage == "RUNNING" and listed[space].sha == listed[space].runtime.raw["sha"]
    info = api.space_info(space)
    assert info.sdk == "docker" and info.runtime.stage == "RUNNING" and info.subdomain == "maren-described"
    assert info.host and info.card_data["title"] == "Orbit API"
    with urllib.request.urlopen(f"{ENDPOINT}/api/spaces/{space}/host") as answer:
        assert json.load(answer)["host"] == info.host
    with urllib.request.urlopen(f"{ENDPOINT}/api/spaces/by-subdomain/{info.subdomain}") as answer:
        assert json.load(answer)["id"] == space
    assert api.get_zero_gpu_quota().remaining > 0
    assert [t.repo_id for t in api.list_space_templates()]
    assert space in [found.id for found in api.search_spaces("described")]


def streams_logs():
    space = made("talking")
    # The client leaves out what is younger than the answer's Date, which a busy machine gives late: ask again.
    for _ in range(20):
        build = list(api.fetch_space_logs(space, build=True))
        if any("Pushing image" in line for line in build):
            break
        time.sleep(0.2)
    assert build[0].startswith("===== Build Queued at") and any("Pushing image" in line for line in build), build
    run = []
    for line in api.fetch_space_logs(space, follow=True):
        run.append(line)
        if "listening" in line:
            admin(f"spaces/{space}/log", {"text": "one\n"})
        if line == "one\n":
            # Mid-line: the client comes back and skips what it has.
            admin(f"spaces/{space}/action", {"action": "cut-logs"})
            admin(f"spaces/{space}/log", {"text": "two\n"})
            api.pause_space(space)
    assert run[0].startswith("===== Application Startup"), run
    assert run.count("one\n") == 1 and run[-1] == "two\n", run
    assert status(lambda: list(HfApi(endpoint=ENDPOINT, token="hf_tobi").fetch_space_logs(space))) == 403


def refuses_static():
    space = "maren/landing"
    api.create_repo(space, repo_type="space", space_sdk="static")
    runtime = api.get_space_runtime(space)
    assert runtime.raw == {"stage": "RUNNING", "hardware": {"current": None, "requested": None}, "storage": None,
                           "replicas": {"requested": 1, "current": 1}}, runtime.raw
    for call in [api.pause_space, api.restart_space, api.enable_space_dev_mode]:
        try:
            call(space)
            raise AssertionError("static Spaces have no container")
        except BadRequestError:
            pass
    assert status(lambda: api.set_space_volumes(space, [Volume(type="model", source="a/b", mount_path="/m")])) == 400


def refuses_strangers():
    space = made("guarded")
    tobi = HfApi(endpoint=ENDPOINT, token="hf_tobi")
    for call in [tobi.pause_space, tobi.restart_space, tobi.get_space_secrets]:
        assert status(lambda: call(space)) == 403
    assert tobi.get_space_runtime(space).stage == "RUNNING"
    assert status(lambda: HfApi(endpoint=ENDPOINT, token="hf_maren_read").pause_space(space)) == 403
    admin("tokens", {"secret": "hf_oauth_maren", "account": "maren", "role": "oauth", "scopes": ["manage-repos"]})
    oauth = HfApi(endpoint=ENDPOINT, token="hf_oauth_maren")
    assert status(lambda: oauth.restart_space(space)) == 401
    assert status(lambda: oauth.set_space_sleep_time(space, -1)) == 401
    assert status(lambda: oauth.request_space_hardware(space, "t4-small")) == 401
    assert oauth.pause_space(space).stage == "PAUSED"
    api.update_repo_settings(space, private=True, repo_type="space")
    for stranger in [tobi, HfApi(endpoint=ENDPOINT, token=False)]:
        try:
            stranger.get_space_runtime(space)
            raise AssertionError("a private Space does not exist for strangers")
        except RepositoryNotFoundError:
            pass


def meets_fates():
    space = made("unlucky")
    admin(f"spaces/{space}/fate", {"next": ["build-error", "start-error", "stay-old"]})
    old = api.get_space_runtime(space).raw["sha"]
    ship(space, {"a": b"1"})
    runtime = settled(space)
    assert runtime.stage == "BUILD_ERROR" and "exit code" in runtime.raw["errorMessage"], runtime
    # The client leaves out what is younger than the answer's Date, which a busy server gives late: ask again.
    for _ in range(20):
        if any("ERROR" in line for line in api.fetch_space_logs(space, build=True)):
            break
        time.sleep(0.2)
    else:
        raise AssertionError("the build log tells the error")
    assert visit(space)[:2] == (503, "Your space is in error, check its status on hf.co")
    ship(space, {"a": b"2"})
    runtime = settled(space)
    assert runtime.stage == "RUNTIME_ERROR" and runtime.raw["errorMessage"].startswith("Exit code: 1")
    admin(f"spaces/{space}/fate", {"next": []})
    api.restart_space(space)
    before = settled(space).raw["sha"]
    assert before != old
    admin(f"spaces/{space}/fate", {"next": ["stay-old"]})
    new = ship(space, {"a": b"3"})
    runtime = settled(space)
    assert (runtime.stage, runtime.raw["sha"]) == ("RUNNING", before) and before != new
    admin(f"spaces/{space}/action", {"action": "flag"})
    runtime = api.get_space_runtime(space)
    assert runtime.stage == "PAUSED" and runtime.raw["errorMessage"] == "Flagged as abusive" and "abuse" in runtime.raw
    assert api.restart_space(space).stage == "PAUSED", "a restart does not lift a flag"
    admin(f"spaces/{space}/action", {"action": "clear"})
    admin(f"spaces/{space}/stage", {"stage": "MIGRATING"})
    assert api.get_space_runtime(space).stage == "MIGRATING"
    ship(space, {"README.md": b"no front matter"})
    admin(f"spaces/{space}/action", {"action": "clear"})
    api.restart_space(space)
    assert api.get_space_runtime(space).stage == "CONFIG_ERROR"


def sleeps_and_wakes():
    space = made("sleepy")
    admin(f"spaces/{space}/stage", {"stage": "SLEEPING"})
    assert api.get_space_runtime(space).stage == "SLEEPING"
    code, _, isApp = visit(space)
    assert (code, isApp) == (200, True), "the edge holds the visit until the app answers"
    assert api.get_space_runtime(space).stage == "RUNNING"


def survives_faults():
    space = made("faulty")
    path = f"/api/spaces/{space}"
    for fault, code in [
        ({"kind": "window", "seconds": 9}, 429), ({"kind": "action", "message": "Rate limit exceeded (5 per hour)"}, 429),
        ({"kind": "status", "status": 503}, 503), ({"kind": "html", "status": 502}, 502), ({"kind": "bad-token"}, 401),
        ({"kind": "status", "status": 403}, 403), ({"kind": "status", "status": 402}, 402),
    ]:
        admin("faults", {**fault, "path": path + "/runtime"})
        assert status(lambda: api.get_space_runtime(space)) == code, fault
    assert api.get_space_runtime(space).stage == "RUNNING"
    restarts = admin(f"spaces/{space}")["restarts"]
    admin("faults", {"kind": "lost", "method": "POST", "path": path + "/restart"})
    try:
        api.restart_space(space)
        raise AssertionError("the answer was lost")
    except Exception as error:
        assert not isinstance(error, (HfHubHTTPError, AssertionError)), error
    assert admin(f"spaces/{space}")["restarts"] == restarts + 1, "the effect took place"
    # The client tries lists again by itself.
    admin("faults", {"kind": "status", "status": 500, "path": "/api/spaces"})
    assert space in [s.id for s in api.list_spaces(author="maren")]
    met = admin("journal?method=POST&path=/api/spaces/*/*/restart")
    mine = [e for e in met if e["path"] == path + "/restart"]
    assert [(e["fault"], e["account"]) for e in mine] == [("lost", "maren")], mine
    admin("incident", {"kind": "edge", "status": 503})
    settled(space)
    assert visit(space)[0] == 503
    admin("incident", {"kind": None})
    assert visit(space)[0] == 200


def moves_and_goes():
    space = made("moving")
    api.move_repo(space, "maren/moved", repo_type="space")
    assert settled("maren/moved").stage == "RUNNING"
    assert visit("maren/moved")[0] == 200
    api.delete_repo("maren/moved", repo_type="space")
    try:
        api.get_space_runtime("maren/moved")
        raise AssertionError("it is gone")
    except RepositoryNotFoundError:
        pass


def speaks_plain_http():
    """What the client has no method for. Arbiter: hub-docs and huggingface.js."""
    space = made("plain", space_hardware="t4-small", space_sleep_time=3600)

    def call(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer hf_maren", "Content-Type": "application/json"}
        return urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/api/spaces/{space}/{path}", data, headers), timeout=20)

    def first(path):
        with call(path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream"), answer.headers
            for line in answer:
                if line.startswith(b"data:") and line[5:].strip():
                    return json.loads(line[5:])
        raise AssertionError(f"{path} told nothing")

    with call("replicas", {"replicas": 2}) as answer:
        assert answer.status == 200
    assert api.get_space_runtime(space).raw["replicas"]["requested"] == 2
    runtime = api.get_space_runtime(space)
    assert (runtime.requested_hardware, runtime.sleep_time) == ("t4-small", 3600), "hardware asked for at creation"
    assert first("events"), "the stage comes at once"
    assert first("metrics"), "and the use of the machine"


API = [
    builds_and_redeploys, pauses_and_restarts, changes_hardware_and_sleep, keeps_secrets_and_variables, mounts_volumes,
    enters_dev_mode, duplicates, lists_and_describes, streams_logs, refuses_static, refuses_strangers, meets_fates,
    sleeps_and_wakes, survives_faults, moves_and_goes, speaks_plain_http,
]


# --- the command line -------------------------------------------------------------------------------------------------


def hf(*arguments, code=0):
    ended, output, errors = hf_command.run(*arguments)
    assert ended == code, f"hf {' '.join(arguments)}: {ended}\n{output}\n{errors}"
    return output


def commands():
    space = "maren/by-hand"
    hf("repos", "create", space, "--type", "space", "--sdk", "docker")
    ship(space, {"README.md": card("docker"), "Dockerfile": b"FROM scratch\n"})
    hf("spaces", "wait", space, "--timeout", "30s")
    assert space in hf("spaces", "ls", "--author", "maren", "--format", "quiet")
    assert json.loads(hf("spaces", "info", space, "--format", "json"))["runtime"]["stage"] == "RUNNING"
    assert "Dockerfile" in hf("spaces", "ls", space)
    assert "Orbit API" in hf("spaces", "card", space)
    assert "Build Queued" in hf("spaces", "logs", space, "--build")
    hf("spaces", "secrets", "add", space, "-s", "TOKEN=abc")
    assert "TOKEN" in hf("spaces", "secrets", "ls", space)
    hf("spaces", "secrets", "delete", space, "TOKEN", "--yes")
    hf("spaces", "variables", "add", space, "-e", "MODE=live")
    assert "live" in hf("spaces", "variables", "ls", space)
    hf("spaces", "variables", "delete", space, "MODE", "--yes")
    hf("spaces", "volumes", "set", space, "-v", "hf://buckets/maren/store:/data")
    assert "/data" in hf("spaces", "volumes", "ls", space)
    hf("spaces", "volumes", "delete", space, "--yes")
    hf("spaces", "settings", space, "--hardware", "t4-small", "--sleep-time", "3600")
    assert "t4-small" in hf("spaces", "hardware")
    hf("spaces", "dev-mode", space)
    hf("spaces", "dev-mode", space, "--stop")
    hf("spaces", "pause", space)
    hf("spaces", "wait", space, code=1)
    hf("spaces", "restart", space)
    hf("spaces", "wait", space, "--timeout", "30s")
    hf("spaces", "templates")
    hf("spaces", "zero-gpu", "quota")
    assert space in hf("spaces", "search", "by-hand")
    hf("repos", "delete", space, "--type", "space", "--yes")
    hf("spaces", "info", space, code=1)


def main():
    failed = 0
    for step in {"api": API, "cli": [commands]}[sys.argv[1]]:
        if len(sys.argv) > 3 and step.__name__ not in sys.argv[3:]:
            continue
        begun = time.monotonic()
        try:
            step()
            print(f"ok     {step.__name__} {time.monotonic() - begun:.1f} s", flush=True)
        except Exception as error:
            import traceback

            failed += 1
            print(f"failed {step.__name__}: {error!r}", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)


main()
