"""/health and /status with FastAPI, answering the JSON that Stoker answers, from a state kept in memory.

usage: status_app.py PORT STATUS_JSON HEALTH_JSON

uvicorn with uvloop and httptools, one process, no access log: its defaults at their fastest.
"""

import json
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

status_state = json.loads(Path(sys.argv[2]).read_text())
health_state = json.loads(Path(sys.argv[3]).read_text())
app = FastAPI()


@app.get("/health")
async def health() -> dict:
    return dict(health_state)


@app.get("/status")
async def status() -> dict:
    return dict(status_state)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False, loop="uvloop", http="httptools")
