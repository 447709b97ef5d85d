"""`/admin/v1/teams`, `/projects`, …: all seven kinds, with the same words."""

from __future__ import annotations

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.control_server import SCOPE
from tests.admin.test_keys import error
from tollway.admin.scopes import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(plane: Plane, client: httpx.Client, kind: str) -> None:
    every, one = f"/admin/v1/{kind}s", f"/admin/v1/{kind}s/a/b@c"
    assert client.get(every, params={"limit": 3, "after": "x"}).json() == {"data": [SCOPE], "next": None}
    assert plane.control.last("scopes.list")["with"] == {"kind": kind, "limit": 3, "after": "x"}
    made = client.post(every, json={"name": "a/b@c", "limits": {"rpm": 1}, "budgets": None})
    assert (made.status_code, made.json()) == (201, SCOPE)
    asked = plane.control.last("scopes.create")["with"]
    assert asked == {"kind": kind, "name": "a/b@c", "settings": {"limits": {"rpm": 1}}}
    assert client.get(one).json() == SCOPE
    assert plane.control.last("scopes.show")["with"] == {"kind": kind, "name": "a/b@c"}
    assert client.patch(one, json={"limits": None}).json() == SCOPE
    asked = plane.control.last("scopes.patch")["with"]
    assert asked == {"kind": kind, "name": "a/b@c", "changes": {"limits": None}}
    gone = client.delete(one, headers={"x-tollway-actor": "ada"})
    assert (gone.status_code, gone.content) == (204, b"")
    asked = plane.control.last("scopes.delete")
    assert (asked["with"], asked["actor"]) == ({"kind": kind, "name": "a/b@c"}, "admin:ada")


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_team_narrows_routes(client: httpx.Client, kind: str) -> None:
    answer = client.post(f"/admin/v1/{kind}s", json={"name": "a", "models": ["fast"]})
    if kind == "team":
        assert answer.status_code == 201
    else:
        assert error(answer) == (422, "invalid", "models")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "a", "limit": {}}, "limit"),
        ({"name": "a", "models": ["fst"]}, "models[0]"),
        ({"name": "a", "budgets": [{"usd": 1, "per": "day", "environment": "nowhere"}]}, "budgets[0].environment"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, body: dict[str, object], param: str) -> None:
    assert error(client.post("/admin/v1/teams", json=body)) == (422, "invalid", param)


def test_a_name_is_not_changed(client: httpx.Client) -> None:
    assert error(client.patch("/admin/v1/teams/a", json={"name": "b"})) == (422, "invalid", "name")


def test_what_the_configuration_declares_is_read_only(plane: Plane, client: httpx.Client) -> None:
    refusal = {"error": "The configuration declares the team `a`: change it there.", "code": "read_only", "param": None}
    plane.control.answers |= {"scopes.patch": refusal, "scopes.delete": refusal, "scopes.create": refusal}
    for answer in (
        client.patch("/admin/v1/teams/a", json={"limits": {"rpm": 1}}),
        client.delete("/admin/v1/teams/a"),
        client.post("/admin/v1/teams", json={"name": "a"}),
    ):
        assert error(answer) == (409, "read_only", None)


def test_tags_are_no_kind_of_the_api(client: httpx.Client) -> None:
    assert client.get("/admin/v1/tags").status_code == 404
