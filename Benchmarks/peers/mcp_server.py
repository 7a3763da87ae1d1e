"""`fleet_status` with the official Python SDK of MCP in its fastest mode: the era of 2026-07-28, JSON answers.

usage: mcp_server.py PORT ANSWER_JSON

The answer is what Stoker's tool gives, kept in memory; the SDK checks and writes it for each call.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

state = json.loads(Path(sys.argv[2]).read_text())
server = MCPServer("fleet", log_level="ERROR")


@server.tool()
def fleet_status(limit: int = 20) -> dict[str, Any]:
    """What is believed about every check of the monitored fleet."""
    return {**state, "checks": state["checks"][:limit]}


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=True)
