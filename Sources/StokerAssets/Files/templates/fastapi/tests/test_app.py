import socket
import time

from fastapi.testclient import TestClient

from app import main
from app.database import Database, connection_info


def test_health_without_a_database() -> None:
    with TestClient(main.app) as client:
        assert client.get("/health").json() == {"status": "alive", "database": "not configured"}
        assert client.head("/health").status_code == 200
        assert client.get("/ready").status_code == 200


def test_a_failure_tells_a_stranger_nothing() -> None:
    @main.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a password may stand here")

    with TestClient(main.app) as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error", "request": answer.headers["x-request-id"]}


def test_encryption_is_asked_for() -> None:
    assert "sslmode=require" in connection_info("postgresql://user@db.example.com/app")
    assert "sslmode=disable" in connection_info("postgresql://user@localhost/app?sslmode=disable")


def test_a_silent_database_delays_nobody(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/app"
        monkeypatch.setattr(main, "database", Database(url))
        with TestClient(main.app) as client:
            began = time.monotonic()
            assert client.get("/health").json()["database"] == "unreachable"
            assert client.get("/ready").status_code == 503
            assert time.monotonic() - began < 10
