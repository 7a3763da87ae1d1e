"""The official Python SDK of MCP against Stoker: every mode, both transports. Prints one line of JSON; ends with 1 at the first surprise.

Wants STOKER (the program), MCP_URL and MCP_TOKEN (a server), HF_ENDPOINT and HF_TOKEN (a Hub), SPACE (one that runs), CHECK (a check of the fleet).
"""
import asyncio
import json
import os
import sys

import httpx2
import jsonschema
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SPACE = os.environ["SPACE"]
MODES = ["legacy", "auto", "2026-07-28"]


def stdio():
    keep = ("HF_ENDPOINT", "HF_TOKEN", "STOKER_DATA", "HOME", "PATH", "STOKER_MCP_SECRETS", "FROM_OUTSIDE")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment["STOKER_TOKEN"] = os.environ["MCP_TOKEN"]
    return StdioServerParameters(
        command=os.environ["STOKER"], args=["mcp", "--server", os.environ["MCP_URL"].removesuffix("/mcp")], env=environment
    )


def http():
    headers = {"authorization": f"Bearer {os.environ['MCP_TOKEN']}"}
    return streamable_http_client(os.environ["MCP_URL"], http_client=httpx2.AsyncClient(headers=headers, timeout=60))


class Visit:
    """One client; every answer is held to its tool's schema."""

    def __init__(self, client, name):
        self.client, self.name, self.schemas, self.calls = client, name, {}, 0

    async def tools(self):
        listed = (await self.client.list_tools()).tools
        self.schemas = {tool.name: tool.output_schema for tool in listed}
        text = json.dumps([tool.model_dump(by_alias=True, exclude_none=True) for tool in listed], separators=(",", ":"))
        assert len(listed) <= 24, len(listed)
        assert len(text.encode()) <= 24 * 1024, len(text.encode())
        for tool in listed:
            for schema in filter(None, (tool.input_schema, tool.output_schema)):
                assert schema["type"] == "object" and "properties" in schema
                assert not {"oneOf", "anyOf", "allOf", "$schema", "$ref"} & set(schema)
                jsonschema.Draft202012Validator.check_schema(schema)
            assert (tool.output_schema is not None) == tool.annotations.read_only_hint, tool.name
        return [tool.name for tool in listed]

    async def call(self, tool, arguments=None, fails=False, **more):
        result = await self.client.call_tool(tool, arguments or {}, **more)
        self.calls += 1
        whole = len(result.model_dump_json(by_alias=True, exclude_none=True).encode())
        assert whole <= 32 * 1024, (tool, whole)
        assert bool(result.is_error) == fails, (self.name, tool, arguments, result)
        text = result.content[0].text
        if fails:
            assert result.structured_content is None
            return text
        assert json.loads(text) == result.structured_content
        if schema := self.schemas.get(tool):
            jsonschema.validate(result.structured_content, schema, jsonschema.Draft202012Validator)
        return result.structured_content


async def look(visit, logs_too):
    status = await visit.call("fleet_status", {"limit": 5})
    assert status["checks"][0]["name"] and status["sentence"]
    history = await visit.call("check_history", {"check": os.environ["CHECK"]})
    assert len(history["buckets"]) == 24 and "uptime" in history
    for name in (SPACE, f"https://huggingface.co/spaces/{SPACE}"):
        runtime = await visit.call("get_space_runtime", {"space_id": name})
        assert runtime["state"] == "RUNNING" and runtime["space"] == SPACE and "raw" not in runtime
    health = await visit.call("check_space_health", {"space_id": SPACE})
    assert health["status"] == "healthy" and health["status_code"] == 200 and health["response_time_ms"] > 0, health
    told = []

    async def progress(done, total, message):
        told.append(done)

    ready = await visit.call(
        "wait_for_space_ready", {"space_id": SPACE, "timeout": 20, "poll_interval": 1}, progress_callback=progress
    )
    assert ready["ready"] is True and told == sorted(told)
    wrong = await visit.call("get_space_runtime", {"space": SPACE}, fails=True)
    assert "space_id" in wrong
    missing = await visit.call("get_space_runtime", {"space_id": "maren/nobody"}, fails=True)
    assert "maren/nobody" in missing
    # Logs are read until they are silent, which takes seconds.
    if logs_too:
        logs = await visit.call("get_space_logs", {"space_id": SPACE, "lines": 3})
        assert len(logs["lines"]) <= 3 and logs["untrusted"] == ["lines"] and logs["notice"]
        diagnosis = await visit.call("diagnose_space", {"space_id": SPACE})
        assert diagnosis["verdict"] in ("found", "unknown", "nothing")


async def change(visit, space):
    made = await visit.call("create_space", {"space_id": space, "sdk": "static", "private": True})
    assert made["created"] is True and made["next_steps"]
    files = [{"path": "index.html", "text": "<h1>hello</h1>"}]
    sent = await visit.call("upload_space", {"space_id": space, "files": files})
    assert sent["next_steps"]
    await visit.call("set_space_variables", {"space_id": space, "variables": {"COLOUR": "blue"}})
    secret = await visit.call("set_space_secrets", {"space_id": space, "secrets": {"KEY": "s3cr3t-of-mine"}, "dry_run": True})
    assert "s3cr3t" not in json.dumps(secret)
    refused = await visit.call("set_space_secrets", {"space_id": space, "from_environment": ["HF_TOKEN"]}, fails=True)
    assert "HF_TOKEN" in refused and os.environ["HF_TOKEN"] not in refused
    outside = await visit.call("set_space_secrets", {"space_id": SPACE, "from_environment": ["FROM_OUTSIDE"]})
    assert outside["set"] + outside["unchanged"] == ["FROM_OUTSIDE"], outside
    assert os.environ["FROM_OUTSIDE"] not in json.dumps(outside)
    ready = await visit.call("wait_for_space_ready", {"space_id": SPACE, "timeout": 40, "poll_interval": 1})
    assert ready["ready"] is True, ready
    # What costs comes back as a plan with its price.
    paid = await visit.call("set_space_hardware", {"space_id": SPACE, "hardware": "t4-small"})
    assert paid["plan"]["reason"] == "costs" and paid["done"] is False
    # What destroys: a plan, for these inputs, once.
    plan = await visit.call("delete_space", {"space_id": space})
    assert plan["done"] is False and space in plan["plan"]["question"] and plan["next_steps"]
    other = await visit.call("delete_space", {"space_id": SPACE, "plan_id": plan["plan_id"]}, fails=True)
    assert "other inputs" in other
    strange = await visit.call("delete_space", {"space_id": space, "plan_id": plan["plan_id"][:-4] + "AAAA"}, fails=True)
    assert "not made here" in strange
    gone = await visit.call("delete_space", {"space_id": space, "plan_id": plan["plan_id"]})
    assert gone["deleted"] is True
    again = await visit.call("delete_space", {"space_id": space, "plan_id": plan["plan_id"]}, fails=True)
    assert "before" in again, again


async def read(visit):
    resources = (await visit.client.list_resources()).resources
    assert [r.uri for r in resources][:2] == ["stoker://fleet", "stoker://docs/deploy"]
    templates = (await visit.client.list_resource_templates()).resource_templates
    assert len(templates) == 3
    fleet = await visit.client.read_resource("stoker://fleet")
    assert json.loads(fleet.contents[0].text)["checks"]
    page = await visit.client.read_resource("stoker://docs/mcp")
    assert page.contents[0].text.startswith("# ")
    target = await visit.client.read_resource(f"stoker://targets/{os.environ['CHECK']}")
    assert json.loads(target.contents[0].text)["name"] == os.environ["CHECK"]
    try:
        await visit.client.read_resource("stoker://targets/nothing-of-the-kind")
        raise AssertionError("a resource that is not there was read")
    except AssertionError:
        raise
    except Exception as error:
        assert "no such resource" in str(error), error
    prompts = (await visit.client.list_prompts()).prompts
    assert [p.name for p in prompts] == ["why_is_down", "ship_folder", "is_fleet_safe"]
    prompt = await visit.client.get_prompt("why_is_down", {"target": SPACE})
    assert SPACE in prompt.messages[0].content.text


async def main():
    seen, calls = {}, 0
    for transport in (stdio, http):
        for mode in MODES:
            async with Client(transport(), mode=mode) as client:
                visit = Visit(client, f"{transport.__name__} {mode}")
                seen[visit.name] = await visit.tools()
                # Once in each era and over each transport.
                whole = visit.name in ("stdio legacy", "http 2026-07-28")
                await look(visit, whole)
                await read(visit)
                if whole:
                    await change(visit, f"maren/mcp-{transport.__name__}-{mode}")
                calls += visit.calls
    for name, tools in seen.items():
        assert [tool for tool in seen["stdio legacy"] if tool in tools] == tools, name
        assert set(seen["stdio legacy"]) - set(tools) == (set() if name.startswith("stdio") else {"restore"}), name
    print(json.dumps({"visits": len(seen), "tools": len(seen["stdio legacy"]), "calls": calls}))


try:
    asyncio.run(asyncio.wait_for(main(), 100))
except BaseException as error:  # a group of errors hides the one that matters
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    import traceback

    traceback.print_exception(error, limit=-6)
    sys.exit(1)
