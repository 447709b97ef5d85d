"""The store goes away and comes back; traffic goes on, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.records.load import Callers
from tests.records.looking import everything, shipped
from tests.support.gateway import RunningGateway, minimal
from tests.support.postgres import Postgres
from tests.support.waiting import eventually
from tests.support.wire import ask, request

MOCK = {"mock": {"type": "mock", "chunks": 4}}
ROUTE = {"m": {"provider": "mock", "model": "mock"}}


def _text(url: str, **store: object) -> str:
    return minimal("http://127.0.0.1:9", providers=MOCK, routes=ROUTE, store={"url": url, **store})


def _ready(gateway: RunningGateway) -> tuple[int, dict[str, Any]]:
    answer = ask(gateway.address, request(None, key=None, target="/health/ready", method="GET"))
    return answer.status, answer.json()


def _made(gateway: RunningGateway, **settings: object) -> tuple[str, str]:
    """A new key's id and secret."""
    answer = gateway.admin.post("/admin/v1/keys", json=settings)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["secret"]


def _degraded(gateway: RunningGateway, word: str) -> Callable[[], bool]:
    return lambda: word in _ready(gateway)[1]["degraded"]


def test_traffic_goes_on_while_postgres_is_away_and_all_is_there_afterwards(tmp_path: Path, postgres: Postgres) -> None:
    with RunningGateway(_text(postgres.url), tmp_path) as gateway:
        _, secret = _made(gateway, team="t")
        assert gateway.chat(key=secret).status == 200
        postgres.stop()
        try:
            with Callers(gateway.address) as callers:
                eventually(_degraded(gateway, "store"), "readiness says that the store is away")
                before = len(callers.answered)
                eventually(lambda: len(callers.answered) > before + 200, "requests are served")
                assert gateway.chat(key=secret).status == 200, "a key that was made before goes on"
                unknown = gateway.chat(key="tw-" + "a" * 12 + "-" + "b" * 43)
                assert (unknown.status, unknown.json()["error"]["code"]) == (503, "store_unavailable")
                assert unknown.header("retry-after") is not None
                assert gateway.chat(key="not-one-that-is-made-here").status == 401
                assert _ready(gateway)[0] == 200
                refused = gateway.admin.post("/admin/v1/keys", json={})
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
            assert not callers.failed
        finally:
            postgres.start()
        eventually(lambda: _ready(gateway)[1]["degraded"] == [], "it recovers by itself", 30)
        assert gateway.chat(key="tw-" + "a" * 12 + "-" + "b" * 43).status == 401
        shipped(gateway)
        found = {record["id"] for record in everything(gateway)}
        assert found.issuperset(callers.answered)


def test_it_starts_without_its_store_and_knows_the_keys_from_before(tmp_path: Path, postgres: Postgres) -> None:
    with RunningGateway(_text(postgres.url), tmp_path) as gateway:
        kept, secret = _made(gateway)
        revoked, gone = _made(gateway)
        assert gateway.admin.delete(f"/admin/v1/keys/{revoked}").status_code == 200
    postgres.stop()
    try:
        with RunningGateway(_text(postgres.url), tmp_path) as gateway:
            assert set(_ready(gateway)[1]["degraded"]) == {"store", "keys-local"}
            assert gateway.chat(key=secret).status == 200
            assert gateway.chat(key=gone).json()["error"]["code"] == "key_revoked"
            assert gateway.chat(key="tw-" + "a" * 12 + "-" + "b" * 43).status == 503
            postgres.start()
            eventually(lambda: _ready(gateway)[1]["degraded"] == [], "it recovers by itself", 30)
            assert gateway.admin.get(f"/admin/v1/keys/{kept}").json()["state"] == "active"
    finally:
        if not postgres.answers():
            postgres.start()


def test_a_local_copy_that_was_changed_is_not_believed(tmp_path: Path, postgres: Postgres) -> None:
    with RunningGateway(_text(postgres.url), tmp_path) as gateway:
        _, secret = _made(gateway)
    copy = tmp_path / "tollway-journal" / "keys.local"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert secret.encode() not in copy.read_bytes()
    text = bytearray(copy.read_bytes())
    text[-2] ^= 1
    copy.write_bytes(text)
    postgres.stop()
    try:
        with RunningGateway(_text(postgres.url), tmp_path) as gateway:
            gateway.printed("keys.local-copy-refused")
            assert gateway.chat(key=secret).status == 503, "it cannot know"
    finally:
        postgres.start()


def test_a_full_journal_refuses_new_requests_and_recovers(tmp_path: Path, postgres: Postgres) -> None:
    with RunningGateway(_text(postgres.url, journal_max="1MiB"), tmp_path) as gateway:
        postgres.stop()
        try:
            with Callers(gateway.address, 8) as callers:
                eventually(lambda: 503 in callers.failed, "the journal is full", 60)
            refused = gateway.chat()
            assert (refused.status, refused.json()["error"]["code"]) == (503, "journal_full")
            assert "journal_max" in refused.json()["error"]["message"]
            assert _ready(gateway)[0] == 503
            served = len(callers.answered) - len(callers.failed)
        finally:
            postgres.start()
        eventually(lambda: gateway.chat().status == 200, "it serves again", 60)
        shipped(gateway)
        found = everything(gateway)
        assert len([record for record in found if record["status"] == 200]) >= served
        assert gateway.health()["journal"]["dropped"] == 0


def test_a_revoked_key_ends_in_every_gateway_on_the_store(tmp_path: Path, postgres: Postgres) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    text = _text(postgres.url)
    with RunningGateway(text, tmp_path / "one") as one, RunningGateway(text, tmp_path / "two") as two:
        made, secret = _made(one)
        assert one.chat(key=secret).status == 200, "at once where it was made"
        eventually(lambda: two.chat(key=secret).status == 200, "in the other one", 1.5)
        rotated = two.admin.post(f"/admin/v1/keys/{made}/rotate", json={"grace": "1h"})
        assert rotated.status_code == 200, rotated.text
        fresh = rotated.json()["secret"]
        eventually(lambda: one.chat(key=fresh).status == 200, "the new secret works", 1.5)
        assert one.chat(key=secret).status == 200, "the old one too, for an hour"
        assert one.admin.delete(f"/admin/v1/keys/{made}").status_code == 200
        assert one.chat(key=fresh).json()["error"]["code"] == "key_revoked"
        eventually(lambda: two.chat(key=fresh).status == 401, "in the other one", 1.5)
        assert two.chat(key=secret).status == 401


def test_two_gateways_do_not_share_a_journal(tmp_path: Path) -> None:
    text = _text("sqlite:tollway.db")
    with RunningGateway(text, tmp_path) as gateway:
        with pytest.raises(AssertionError, match=rf"belongs to process {gateway.pid}: stop that one"):
            RunningGateway(text, tmp_path)
        assert gateway.chat().status == 200


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    with RunningGateway(_text(postgres.url), tmp_path):
        pass
    postgres.query("INSERT INTO tollway_migrations SELECT 9999, name, checksum FROM tollway_migrations LIMIT 1")
    with pytest.raises(AssertionError, match=r"version 9999 .*newer Tollway"):
        RunningGateway(_text(postgres.url), tmp_path)


def test_an_upgrade_loses_no_record(tmp_path: Path) -> None:
    text = _text("sqlite:tollway.db")
    with RunningGateway(text, tmp_path) as gateway:
        with Callers(gateway.address) as callers:
            eventually(lambda: len(callers.answered) > 100, "requests are served")
            os.kill(gateway.pid, signal.SIGUSR2)
            gateway.printed("upgrade.done")
            before = len(callers.answered)
            eventually(lambda: len(callers.answered) > before + 200, "the new process serves")
        assert gateway.process.wait(30) == 0
        pid = int(re.findall(r'"upgrade.done", "pid": (\d+)', gateway.log)[-1])
        try:
            shipped(gateway)
            found = {record["id"] for record in everything(gateway)}
            assert found.issuperset(callers.answered)
        finally:
            os.kill(pid, signal.SIGTERM)
