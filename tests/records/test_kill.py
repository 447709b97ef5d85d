"""kill -9 at any moment: every request that was answered is found, and found once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.records.load import Callers
from tests.records.looking import everything, requests_counted, shipped
from tests.support.gateway import RunningGateway, minimal
from tests.support.postgres import Postgres
from tests.support.waiting import eventually

MOCK = {"mock": {"type": "mock", "chunks": 6, "chunk_gap": "1ms"}}
ROUTE = {"m": {"provider": "mock", "model": "mock", "max_retries": 0}}


def _configuration(store: str, port: int) -> str:
    # Small segments and quick syncs, so that kills meet rotations, deletions and commits.
    return minimal(
        "http://127.0.0.1:9",
        server={"listen": f"127.0.0.1:{port}"},
        providers=MOCK,
        routes=ROUTE,
        store={"url": store, "journal_max": "2MiB", "fsync": "5ms"},
    )


def _killed(folder: Path, store: str, times: int) -> None:
    """Kill a gateway `times` times under load, then compare what its callers saw with what it remembers."""
    draw = random.Random(times)  # noqa: S311 - when to kill, the same in each run
    address = ("127.0.0.1", _free_port())
    text = _configuration(store, address[1])
    with Callers(address) as callers:
        for _ in range(times):
            gateway = RunningGateway(text, folder)
            time.sleep(draw.uniform(0.0, 0.25))
            os.kill(gateway.pid, signal.SIGKILL)
            gateway.kill()
        gateway = RunningGateway(text, folder)
        eventually(lambda: len(callers.answered) > 200, "requests are answered", 60)
    with gateway:
        gateway.settled()
        shipped(gateway)
        found = Counter(record["id"] for record in everything(gateway))
        missing = [one for one in callers.answered if one not in found]
        assert not missing, f"{len(missing)} of {len(callers.answered)} answered requests are gone: {missing[:5]}"
        assert max(found.values()) == 1
        assert set(Counter(callers.answered).values()) == {1}
        assert requests_counted(gateway) == len(found), "the roll-ups count each request once"
        assert gateway.admin.get("/admin/v1/audit/verify").json()["ok"] is True


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_thirty_kills_with_sqlite(tmp_path: Path) -> None:
    _killed(tmp_path, "sqlite:tollway.db", 30)
    with contextlib.closing(sqlite3.connect(tmp_path / "tollway.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_ten_kills_with_postgres(tmp_path: Path, postgres: Postgres) -> None:
    _killed(tmp_path, postgres.url, 10)


@pytest.mark.soak
def test_a_thousand_kills(tmp_path: Path) -> None:
    _killed(tmp_path, "sqlite:tollway.db", 1000)
