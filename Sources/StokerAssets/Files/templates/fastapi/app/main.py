"""The app: its routes, and what happens to every request."""

import logging
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from app import logs
from app.database import Database

logs.set_up(os.environ.get("LOG_LEVEL", "info"))
log = logging.getLogger("app")
database = Database(os.environ.get("DATABASE_URL"))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    await database.open()
    yield
    await database.close()


app = FastAPI(title="{{name}}", lifespan=lifespan)


@app.middleware("http")
async def handle(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """A log line for each request, and for what went wrong an answer that tells a stranger nothing but where to look."""
    request_id = uuid.uuid4().hex
    began = time.monotonic()
    # The query is left out: keys and names of people may stand in it.
    facts: dict[str, object] = {"request": request_id, "method": request.method, "path": request.url.path}
    try:
        response = await call_next(request)
    except Exception:
        log.exception("request failed", extra=facts)
        response = JSONResponse({"error": "internal error", "request": request_id}, status_code=500)
    facts["status"] = response.status_code
    facts["milliseconds"] = round((time.monotonic() - began) * 1000, 1)
    response.headers["x-request-id"] = request_id
    log.info("request", extra=facts)
    return response


@app.get("/")
async def index() -> dict[str, str]:
    return {"name": "{{name}}", "docs": "/docs"}


# Some who look whether an app lives ask by HEAD.
@app.head("/health", include_in_schema=False)
@app.get("/health")
async def health() -> dict[str, str]:
    """Whether this process serves. A restart of it heals no database, so that one is only told of."""
    return {"status": "alive", "database": await database.state()}


@app.get("/ready")
async def ready(response: Response) -> dict[str, str]:
    """Whether a visitor can be served."""
    state = await database.state()
    if state not in ("connected", "not configured"):
        response.status_code = 503
    return {"database": state}
