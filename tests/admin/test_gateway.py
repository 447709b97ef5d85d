"""The admin API of the real gateway: what it changes holds at once, is recorded, and survives a restart."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admin.test_keys import error
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import answer
from tests.support.reply import error as failing
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually

SECRET = re.compile(r"tw-([a-z0-9]{12})-[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        running.otherwise = answer()
        yield running


def configuration(upstream: ScriptedUpstream) -> str:
    return minimal(
        upstream.url,
        teams={"declared": {"models": ["m"]}},
        keys={"test": {"secret": "env:TEST_KEY", "team": "declared"}},
    )


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(configuration(upstream), tmp_path_factory.mktemp("gateway")) as running:
        yield running


def create(gateway: RunningGateway, **settings: object) -> dict[str, Any]:
    made = gateway.admin.post("/admin/v1/keys", json=settings)
    assert made.status_code == 201, made.text
    key: dict[str, Any] = made.json()
    return key


def chat(gateway: RunningGateway, secret: str, **members: object) -> tuple[int, str | None]:
    got = gateway.chat(chat_body(**members), key=secret)  # type: ignore[arg-type]
    return got.status, got.json()["error"]["code"] if got.status >= 400 else None


def test_a_key_from_the_first_to_the_last(gateway: RunningGateway) -> None:
    made = create(gateway, team="declared", name="Ünïcode")
    key, secret = made["id"], made["secret"]
    found = SECRET.fullmatch(secret)
    assert found is not None
    assert (found[1], made["source"], made["state"], made["version"]) == (key, "store", "active", 1)
    assert made["settings"] == {"team": "declared", "name": "Ünïcode"}
    assert chat(gateway, secret) == (200, None)
    path = f"/admin/v1/keys/{key}"
    shown = gateway.admin.get(path).json()
    assert {**shown, "secret": secret} == made
    assert shown in gateway.admin.get("/admin/v1/keys", params={"limit": 1000}).json()["data"]

    # A change of policy holds for the next request, in both directions.
    assert gateway.admin.patch(path, json={"models": []}).json()["settings"]["models"] == []
    assert chat(gateway, secret) == (403, "model_not_allowed")
    changed = gateway.admin.patch(path, json={"models": None}).json()
    assert (changed["settings"], changed["version"]) == (made["settings"], 3)
    assert chat(gateway, secret) == (200, None)

    rotated = gateway.admin.post(f"{path}/rotate", json={"grace": "1h"}).json()
    assert rotated["id"] == key
    assert SECRET.fullmatch(rotated["secret"])
    assert rotated["secret"] != secret
    assert rotated["previous_until_us"] > time.time() * 1e6 + 3_500e6
    assert (chat(gateway, secret), chat(gateway, rotated["secret"])) == ((200, None), (200, None))
    again = gateway.admin.post(f"{path}/rotate").json()
    assert chat(gateway, again["secret"]) == (200, None)
    assert chat(gateway, secret)[0] == 401
    assert chat(gateway, rotated["secret"])[0] == 401

    assert gateway.admin.delete(path).json()["state"] == "revoked"
    assert chat(gateway, again["secret"]) == (401, "key_revoked")
    assert gateway.admin.get(path).json()["revoked_us"] is not None
    assert error(gateway.admin.post(f"{path}/rotate"))[0] == 409


def test_a_key_ends_by_itself(gateway: RunningGateway) -> None:
    made = create(gateway, expires="2020-01-01")
    assert made["state"] == "expired"
    assert chat(gateway, made["secret"]) == (401, "key_expired")
    gateway.admin.patch(f"/admin/v1/keys/{made['id']}", json={"expires": None})
    assert chat(gateway, made["secret"]) == (200, None)
    listed = gateway.admin.get("/admin/v1/keys", params={"state": "expired", "limit": 1000}).json()["data"]
    assert made["id"] not in [key["id"] for key in listed]


def test_pages_hold_every_key_once(gateway: RunningGateway) -> None:
    made = {create(gateway, project="paged")["id"] for _ in range(7)}
    query: dict[str, Any] = {"project": "paged", "limit": 3}
    seen: list[str] = []
    while True:
        page = gateway.admin.get("/admin/v1/keys", params=query).json()
        assert len(page["data"]) <= 3
        seen += [key["id"] for key in page["data"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "keys/test", {"team": "declared"}),
        ("DELETE", "keys/test", None),
        ("POST", "keys/test/rotate", {}),
        ("PATCH", "teams/declared", {"models": ["m"]}),
        ("DELETE", "teams/declared", None),
        ("POST", "teams", {"name": "declared"}),
    ],
)
def test_what_the_file_declares_is_read_only(
    gateway: RunningGateway, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = gateway.admin.request(method, f"/admin/v1/{path}", json=body)
    assert error(answer)[:2] == (409, "read_only")
    assert gateway.admin.get("/admin/v1/keys/test").json()["source"] == "config"
    assert chat(gateway, gateway.key) == (200, None)


@pytest.mark.parametrize("kind", ["projects", "environments", "tenants", "organisations", "users", "agents", "teams"])
def test_scopes(gateway: RunningGateway, kind: str) -> None:
    every, one = f"/admin/v1/{kind}", f"/admin/v1/{kind}/of-a-test"
    made = gateway.admin.post(every, json={"name": "of-a-test", "limits": {"rpm": 5}})
    assert made.status_code == 201, made.text
    assert made.json()["settings"] == {"limits": {"rpm": 5}}
    assert error(gateway.admin.post(every, json={"name": "of-a-test"}))[:2] == (409, "conflict")
    assert "of-a-test" in [scope["name"] for scope in gateway.admin.get(every).json()["data"]]
    changed = gateway.admin.patch(one, json={"limits": None, "budgets": [{"usd": 1.5, "per": "day"}]}).json()
    assert changed["settings"] == {"budgets": [{"usd": 1.5, "per": "day", "mode": "hard"}]}
    assert gateway.admin.delete(one).status_code == 204
    assert error(gateway.admin.get(one))[:2] == (404, "not_found")
    assert error(gateway.admin.delete(one))[:2] == (404, "not_found")


def test_a_team_of_the_store_narrows_its_keys(gateway: RunningGateway) -> None:
    assert gateway.admin.post("/admin/v1/teams", json={"name": "narrow", "models": []}).status_code == 201
    made = create(gateway, team="narrow")
    assert chat(gateway, made["secret"]) == (403, "model_not_allowed")
    assert gateway.admin.patch("/admin/v1/teams/narrow", json={"models": ["m"]}).status_code == 200
    assert chat(gateway, made["secret"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "param", "hint"),
    [
        ({"models": ["mm"]}, "models[0]", 'did you mean "m"'),
        ({"team": "declard"}, "team", 'did you mean "declared"'),
    ],
)
def test_names_that_are_not_there(gateway: RunningGateway, body: dict[str, Any], param: str, hint: str) -> None:
    answer = gateway.admin.post("/admin/v1/keys", json=body)
    assert error(answer) == (422, "invalid", param)
    assert hint in answer.json()["error"]["message"]


def test_every_request_is_found_and_counted(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    made = create(gateway, project="counted", environment="dev", user="ada", tags=["night"])
    upstream.script(answer(), failing(500, "No."))
    ids = []
    for _ in range(2):
        got = gateway.chat(chat_body(), key=made["secret"])
        ids.append(got.header("x-request-id"))
    assert chat(gateway, made["secret"], model="none-such") == (404, "model_not_found")
    query = {"key": made["id"]}
    admin = gateway.admin

    def found() -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = admin.get("/admin/v1/requests", params=query).json()["data"]
        return records if len(records) == 3 else []

    records = eventually(found, "three records are in the store")
    assert [record["status"] for record in records] == [404, 502, 200]
    assert {record["id"] for record in records} > set(ids)
    assert records[2]["attempts"][0]["class"] == "ok"
    assert (records[0]["project"], records[0]["user"], records[0]["tags"]) == ("counted", "ada", ["night"])
    one = admin.get(f"/admin/v1/requests/{ids[0]}").json()
    assert {**one, "payload": False} == records[2]
    failed = admin.get("/admin/v1/requests", params={**query, "status.gte": 400, "order": "asc"}).json()
    assert [record["status"] for record in failed["data"]] == [502, 404]
    assert failed["scanned"] >= 2
    for query in ({}, {"by": "project,route", "project": "counted"}, {"by": "user"}, {"by": "tag"}):
        rows = admin.get("/admin/v1/usage", params=query).json()["data"]
        assert sum(row["requests"] for row in rows) >= 3, query
    [row] = admin.get("/admin/v1/usage", params={"by": "key", "key": made["id"], "per": "day"}).json()["data"]
    assert (row["requests"], row["errors"], row["key"]) == (3, 2, made["id"])
    assert row["start_us"] % 86_400_000_000 == 0


def test_pages_of_a_search_hold_every_request_once(gateway: RunningGateway) -> None:
    made = create(gateway)
    ids = [gateway.chat(chat_body(), key=made["secret"]).header("x-request-id") for _ in range(9)]
    query: dict[str, Any] = {"key": made["id"], "limit": 4, "order": "asc"}
    admin = gateway.admin
    eventually(
        lambda: len(admin.get("/admin/v1/requests", params={"key": made["id"]}).json()["data"]) == 9, "all are stored"
    )
    seen = []
    while True:
        page = admin.get("/admin/v1/requests", params=query).json()
        seen += [record["id"] for record in page["data"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert seen == ids


def test_the_tail_shows_a_request_as_it_ends(gateway: RunningGateway) -> None:
    admin = gateway.admin
    start = admin.get("/admin/v1/tail").json()
    assert start["data"] == []
    made = create(gateway)
    with admin.stream("GET", f"/admin/v1/tail?key={made['id']}", headers={"accept": "text/event-stream"}) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(":")
        request = gateway.chat(chat_body(), key=made["secret"]).header("x-request-id")
        data = next(line for line in lines if line.startswith("data: "))
        assert json.loads(data.removeprefix("data: "))["id"] == request
    page = admin.get("/admin/v1/tail", params={"after": start["next"], "key": made["id"]}).json()
    assert [record["id"] for record in page["data"]] == [request]
    assert page["data"][0]["seq"] <= page["next"]
    assert admin.get("/admin/v1/tail", params={"after": page["next"], "key": made["id"]}).json()["data"] == []


def test_every_change_leaves_an_entry(gateway: RunningGateway) -> None:
    admin = gateway.admin
    actor = {"x-tollway-actor": "Ada Lovelace"}
    made = admin.post("/admin/v1/keys", json={"team": "declared"}, headers=actor).json()
    path = f"/admin/v1/keys/{made['id']}"
    admin.patch(path, json={"team": None, "project": "p"}, headers=actor)
    admin.post(f"{path}/rotate")
    admin.delete(path)
    entries = admin.get("/admin/v1/audit", params={"object": made["id"]}).json()["data"]
    assert [entry["action"] for entry in entries] == ["revoke", "rotate", "patch", "create"]
    assert [entry["actor"] for entry in entries] == ["admin", "admin", "admin:Ada Lovelace", "admin:Ada Lovelace"]
    changed = entries[2]
    assert (changed["before"]["settings"], changed["after"]["settings"]) == ({"team": "declared"}, {"project": "p"})
    assert entries[3]["before"] is None
    for entry, earlier in itertools.pairwise(entries):
        if entry["seq"] == earlier["seq"] + 1:
            assert entry["previous"] == earlier["hash"]
    rotations = admin.get("/admin/v1/audit", params={"action": "rotate"}).json()["data"]
    assert {entry["action"] for entry in rotations} == {"rotate"}
    head = admin.get("/admin/v1/audit/head").json()
    assert admin.get("/admin/v1/audit/verify").json()["ok"] is True
    assert admin.post("/admin/v1/audit/verify", json=head).json()["ok"] is True
    for forged in ({"signature": "0" * len(head["signature"])}, {"seq": head["seq"] + 1}, {"hash": "0" * 64}):
        assert error(admin.post("/admin/v1/audit/verify", json={**head, **forged}))[:2] == (422, "invalid")


def test_a_refused_change_leaves_none(gateway: RunningGateway) -> None:
    admin = gateway.admin
    before = admin.get("/admin/v1/audit/head").json()["seq"]
    assert admin.post("/admin/v1/keys", json={"tema": "x"}).status_code == 422
    assert admin.delete("/admin/v1/keys/test").status_code == 409
    assert admin.get("/admin/v1/keys/nobody").status_code == 404
    assert admin.get("/admin/v1/audit/head").json()["seq"] == before


def test_routes_say_where_their_settings_were_made(gateway: RunningGateway) -> None:
    lines = gateway.config.read_text().splitlines()
    [route] = gateway.admin.get("/admin/v1/routes").json()
    place = route["origin"]["targets[0].max_retries"]
    assert place.startswith(f"{gateway.config}:")
    assert lines[int(place.rpartition(":")[2]) - 1] == '"max_retries" = 0'
    assert route["origin"]["targets[0].timeout_ms"] == "default"


def test_health_tells_of_store_journal_and_keys(gateway: RunningGateway) -> None:
    health = gateway.health()
    assert health["store"]["state"] == "ok"
    assert health["journal"]["state"] == "ok"
    assert health["journal"]["dropped"] == 0
    assert health["journal"]["max_bytes"] > 0
    assert health["keys"]["state"] == "fresh"


def test_a_search_that_looks_through_too_much_is_bounded(gateway: RunningGateway) -> None:
    answer = gateway.admin.get("/admin/v1/usage", params={"per": "hour", "from": "2020-01-01", "to": "2026-11-01"})
    assert error(answer)[:2] == (400, "too_broad")
    page = gateway.admin.get("/admin/v1/requests", params={"session": "nobody's"}).json()
    assert page["data"] == []
    assert page["scanned"] <= 200_000


HOSTILE = [
    "' OR 1=1 --",
    "'; DROP TABLE tollway_keys; --",
    '"; SELECT pg_sleep(10); --',
    "\\'; --",
    "%",
    "_",
    "$1",
    "?1",
    ":name",
    "é\u0301\u202e☂",
    "x" * 500,
    "\n\r\t",
    "\\x00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_sql_in_every_string(gateway: RunningGateway, text: str) -> None:
    """Each answer is a plain one, and afterwards everything is as it was."""
    admin = gateway.admin
    before = _keys(admin)
    for path in ("requests", "usage", "audit", "keys", "teams", "tail"):
        for name in ("after", "team", "key", "user", "tags", "actor", "object", "model", "error", "by", "state"):
            got = admin.get(f"/admin/v1/{path}", params={name: text})
            assert got.status_code in (200, 422), (path, name, got.text)
    for path in ("keys", "teams", "requests", "agents"):
        quoted = httpx.QueryParams({"x": text})["x"].encode()
        target = "".join(f"%{byte:02x}" for byte in quoted)
        assert admin.get(f"/admin/v1/{path}/{target}").status_code == 404
    for body in ({"name": text}, {"metadata": {"note": text}}, {"team": text}, {"tags": [text]}, {text: 1}):
        assert admin.post("/admin/v1/keys", json=body).status_code in (201, 422)
    after = _keys(admin)
    assert {key: after[key] for key in before} == before
    for key in after.keys() - before:
        assert text in str(list(after[key]["settings"].values())) or repr(text)[1:-1] in str(after[key]["settings"])
    assert admin.get("/admin/v1/audit/verify").json()["ok"] is True


def _keys(admin: httpx.Client) -> dict[str, dict[str, Any]]:
    listed = admin.get("/admin/v1/keys", params={"limit": 1000}).json()["data"]
    return {key["id"]: key for key in listed}


def test_no_secret_is_anywhere_but_in_its_one_answer(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with RunningGateway(configuration(upstream), tmp_path) as gateway:
        made = create(gateway, team="declared", name="canary")
        rotated = gateway.admin.post(f"/admin/v1/keys/{made['id']}/rotate", json={"grace": 60}).json()
        secrets = [made["secret"][16:], rotated["secret"][16:]]
        assert all(len(secret) == 43 for secret in secrets)
        for secret in (made["secret"], rotated["secret"]):
            assert chat(gateway, secret) == (200, None)
            assert chat(gateway, f"{secret}x")[0] == 401
        assert error(gateway.admin.get(f"/admin/v1/keys/{made['secret']}"))[0] == 404
        assert gateway.admin.get("/admin/v1/requests", params={"key": "x"}).status_code == 200
        seen = {
            path: gateway.admin.get(path).text
            for path in (
                "/admin/v1/keys",
                f"/admin/v1/keys/{made['id']}",
                "/admin/v1/audit",
                "/admin/v1/audit/head",
                "/admin/v1/requests",
                "/admin/v1/usage",
                "/admin/v1/tail?after=0",
                "/admin/v1/health",
                "/admin/v1/routes",
                "/admin/openapi.json",
                "/metrics",
            )
        }
        eventually(
            lambda: len(gateway.admin.get("/admin/v1/requests").json()["data"]) >= 4, "the requests are in the store"
        )
    seen["log"] = gateway.log
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("db" in file.name for file in files)
    for file in files:
        seen[str(file)] = file.read_bytes().decode("latin-1")
    for place, text in seen.items():
        for secret in secrets:
            assert secret not in text, place


def test_keys_survive_a_restart(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with RunningGateway(configuration(upstream), tmp_path) as gateway:
        made = create(gateway, team="declared")
        gone = create(gateway)
        gateway.admin.delete(f"/admin/v1/keys/{gone['id']}")
    with RunningGateway(configuration(upstream), tmp_path) as again:
        assert chat(again, made["secret"]) == (200, None)
        assert chat(again, gone["secret"]) == (401, "key_revoked")
        shown = again.admin.get(f"/admin/v1/keys/{made['id']}").json()
        assert {**shown, "secret": made["secret"]} == made
