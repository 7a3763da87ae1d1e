"""The database that DATABASE_URL names. Nobody waits for it longer than CHECK_SECONDS."""

import asyncio
import logging

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

CHECK_SECONDS = 2.0

log = logging.getLogger(__name__)


def connection_info(url: str) -> str:
    """The address with encryption, unless it says otherwise, and with limits for a network that swallows everything."""
    parts = conninfo_to_dict(url)
    for name, value in {"sslmode": "require", "connect_timeout": "5", "tcp_user_timeout": "10000"}.items():
        parts.setdefault(name, value)
    return make_conninfo("", **parts)


class Database:
    """A pool of connections, and what is known of the database behind it."""

    def __init__(self, url: str | None) -> None:
        self.pool: AsyncConnectionPool | None = None
        self._check: asyncio.Task[str] | None = None
        self._wrong_url = False
        if not url:
            return
        try:
            # No connection is held while nobody asks: a database that goes to sleep by itself may.
            self.pool = AsyncConnectionPool(
                connection_info(url), min_size=0, max_size=4, timeout=CHECK_SECONDS, open=False
            )
        except psycopg.Error:
            # The error quotes the address, which holds the password.
            log.error("DATABASE_URL is no address of a PostgreSQL database")
            self._wrong_url = True

    async def open(self) -> None:
        """Does not wait for the database: the port has to be open before it answers."""
        if self.pool is not None:
            await self.pool.open(wait=False)

    async def close(self) -> None:
        if self.pool is not None:
            await self.pool.close(timeout=CHECK_SECONDS)

    async def state(self) -> str:
        """`connected`, `unreachable`, `wrong address` or `not configured`; known after CHECK_SECONDS at most."""
        if self._wrong_url:
            return "wrong address"
        if self.pool is None:
            return "not configured"
        # One question at a time, however many visitors ask. It is left alone when it takes longer: the limits of the connection end it.
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._ask(self.pool))
        done, _ = await asyncio.wait({self._check}, timeout=CHECK_SECONDS)
        return self._check.result() if done else "unreachable"

    async def _ask(self, pool: AsyncConnectionPool) -> str:
        try:
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
            return "connected"
        except Exception as error:
            log.warning("the database does not answer", extra={"kind": type(error).__name__})
            return "unreachable"
