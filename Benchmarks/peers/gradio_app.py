"""A master as it is usually written: FastAPI for /health and /status, APScheduler for the pings, Gradio for the page.

usage: gradio_app.py PORT TARGETS_PORT
"""

import os
import sys
import time

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import httpx
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI

port, targets_port = int(sys.argv[1]), int(sys.argv[2])
targets = {f"t{n}": f"http://127.1.0.{n}:{targets_port}/" for n in range(5)}
state: dict[str, dict] = {}
began = time.time()


async def ping(name: str, url: str) -> None:
    begin = time.time()
    async with httpx.AsyncClient(timeout=120) as client:
        answer = await client.get(url)
    state[name] = {"status": answer.status_code, "ms": round((time.time() - begin) * 1000), "at": begin}


app = FastAPI()


@app.on_event("startup")
async def start() -> None:
    scheduler = AsyncIOScheduler()
    for name, url in targets.items():
        scheduler.add_job(ping, "interval", args=[name, url], minutes=45)
    scheduler.start()


@app.get("/health")
async def health() -> dict:
    return {"status": "ok", "uptime_seconds": round(time.time() - began)}


@app.get("/status")
async def status() -> dict:
    return {"targets": state}


def rows() -> list[list]:
    return [[name, each.get("status"), each.get("ms")] for name, each in state.items()]


with gr.Blocks(title="Pinger") as page:
    gr.Markdown("# Pinger")
    gr.Dataframe(rows, headers=["target", "status", "ms"], every=30)

app = gr.mount_gradio_app(app, page, path="/")
uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
