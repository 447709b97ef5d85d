"""`/admin/v1/keys`: what is asked of the data plane, what is answered, and what is refused before it is asked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.control_server import KEY, SCOPE, SECRET

ID = "k3v9x2m4q8ta"


def error(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert body["message"]
    return answer.status_code, body["code"], body["param"]


def test_create_tells_the_secret_once(plane: Plane, client: httpx.Client) -> None:
    made = client.post("/admin/v1/keys", json={"team": "data-science", "models": ["fast"]})
    assert (made.status_code, made.json()) == (201, {**KEY, "secret": SECRET})
    assert made.headers["cache-control"] == "no-store"
    asked = plane.control.last("keys.create")
    assert asked["with"] == {"settings": {"team": "data-science", "models": ["fast"]}}
    assert asked["actor"] == "admin"


def test_what_is_kept_is_what_was_given(plane: Plane, client: httpx.Client) -> None:
    """Times become seconds, tables of their own get their defaults, a null is as good as nothing."""
    given = {
        "name": "Ünïcode ☂ name",
        "expires": "2027-01-31T12:00:00+01:00",
        "budgets": [{"usd": 0.1, "per": "day"}, {"usd": 50, "per": "month", "alert_at": 0.8, "mode": "soft"}],
        "limits": {"rpm": 5},
        "guardrails": [{"type": "pii", "entities": ["email"]}],
        "data_policy": {"regions": ["eu"]},
        "tags": ["a"],
        "metadata": {"owner": "Ada"},
        "project": None,
        "priority": "batch",
    }
    assert client.post("/admin/v1/keys", json=given).status_code == 201
    assert plane.control.last("keys.create")["with"]["settings"] == {
        "name": "Ünïcode ☂ name",
        "expires": 1801393200,
        "budgets": [
            {"usd": 0.1, "per": "day", "mode": "hard"},
            {"usd": 50, "per": "month", "alert_at": 0.8, "mode": "soft"},
        ],
        "limits": {"rpm": 5},
        "guardrails": [
            {
                "type": "pii",
                "entities": ["email"],
                "on": "both",
                "action": "mask",
                "restore": False,
                "on_failure": "closed",
            }
        ],
        "data_policy": {"regions": ["eu"], "require_tags": []},
        "tags": ["a"],
        "metadata": {"owner": "Ada"},
        "priority": "batch",
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"  \n"])
def test_a_key_needs_no_settings(plane: Plane, client: httpx.Client, body: bytes) -> None:
    assert client.post("/admin/v1/keys", content=body).status_code == 201
    assert plane.control.last("keys.create")["with"] == {"settings": {}}


def test_patch_changes_only_what_it_names_and_null_clears(plane: Plane, client: httpx.Client) -> None:
    changed = client.patch(f"/admin/v1/keys/{ID}", json={"team": None, "expires": 1801393200, "models": []})
    assert (changed.status_code, changed.json()) == (200, KEY)
    asked = plane.control.last("keys.patch")
    assert asked["with"] == {"id": ID, "changes": {"team": None, "expires": 1801393200, "models": []}}


@pytest.mark.parametrize(
    ("body", "seconds"),
    [({}, 0), ({"grace": "1h"}, 3600), ({"grace": 90}, 90), ({"grace": "500ms"}, 1), (None, 0), ({"grace": 0}, 0)],
)
def test_rotate(plane: Plane, client: httpx.Client, body: object, seconds: int) -> None:
    path = f"/admin/v1/keys/{ID}/rotate"
    rotated = client.post(path, json=body) if body is not None else client.post(path)
    assert (rotated.status_code, rotated.json()["secret"]) == (200, SECRET)
    assert plane.control.last("keys.rotate")["with"] == {"id": ID, "grace_s": seconds}


@pytest.mark.parametrize("grace", ["91d", "1 hour", -1, 1.5, None, "forever"])
def test_a_grace_period_that_is_none(client: httpx.Client, grace: object) -> None:
    assert error(client.post(f"/admin/v1/keys/{ID}/rotate", json={"grace": grace})) == (422, "invalid", "grace")


def test_delete_revokes(plane: Plane, client: httpx.Client) -> None:
    gone = client.delete(f"/admin/v1/keys/{ID}")
    assert (gone.status_code, gone.json()["state"]) == (200, "revoked")
    assert plane.control.last("keys.revoke")["with"] == {"id": ID}


def test_list(plane: Plane, client: httpx.Client) -> None:
    assert client.get("/admin/v1/keys").json() == {"data": [KEY], "next": None}
    assert plane.control.last("keys.list")["with"] == {"limit": 100}
    query = {"limit": "7", "after": "abc", "team": "t", "project": "p", "environment": "e", "state": "expired"}
    assert client.get("/admin/v1/keys", params=query).status_code == 200
    assert plane.control.last("keys.list")["with"] == {**query, "limit": 7}


@pytest.mark.parametrize("name", ["old-key", "a/b", "crew/rotate", "%", "a?b", "a#b", ".."])
def test_any_name_of_the_configuration_can_be_asked_for(plane: Plane, client: httpx.Client, name: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in name.encode())
    answer = plane.raw(
        f"GET /admin/v1/keys/{quoted} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        f"authorization: {client.headers['authorization']}\r\n\r\n".encode()
    )
    assert answer.split()[1] == b"200", answer
    assert plane.control.last("keys.show")["with"] == {"id": name}


@pytest.mark.parametrize("name", ["%20", "a%20b", "%00", "%c3%bc", "%7f", "x" * 201, ""])
def test_a_name_that_nothing_can_have_is_not_found_and_not_asked_for(
    plane: Plane, client: httpx.Client, name: str
) -> None:
    before = len(plane.control.calls)
    for method in ("GET", "DELETE"):
        assert client.request(method, f"/admin/v1/keys/{name}").status_code == 404
    assert len(plane.control.calls) == before


@pytest.mark.parametrize(
    ("body", "param", "hint"),
    [
        ({"tema": "a"}, "tema", "did you mean `team`"),
        ({"secret": "canary-secret"}, "secret", "no field `secret`"),
        ({"budgets": [{"usd": 1, "per": "day", "mood": "soft"}]}, "budgets[0].mood", "did you mean `mode`"),
        ({"limits": {"rpms": 1}}, "limits.rpms", "did you mean `rpm`"),
        ({"team": 7}, "team", "must be a string"),
        ({"team": ""}, "team", "visible ASCII"),
        ({"team": "two words"}, "team", "visible ASCII"),
        ({"team": "ü"}, "team", "visible ASCII"),
        ({"name": "a\nb"}, "name", ""),
        ({"name": "x" * 201}, "name", "200"),
        ({"models": "fast"}, "models", "must be an array"),
        ({"models": [["fast"]]}, "models[0]", "must be a string"),
        ({"models": ["fst"]}, "models[0]", 'did you mean "fast"'),
        ({"models": ["fast", "nothing-like-it"]}, "models[1]", "one of: fast"),
        ({"expires": "tomorrow"}, "expires", "2027-01-31T12:00:00Z"),
        ({"expires": True}, "expires", "not a time"),
        ({"expires": -1}, "expires", "not a time"),
        ({"expires": 1.5}, "expires", "not a time"),
        ({"expires": 1 << 60}, "expires", "not a time"),
        ({"expires": "2027-01-31T12:00:00"}, "expires", "no time zone"),
        ({"priority": "urgent"}, "priority", "interactive"),
        ({"budgets": {"usd": 1}}, "budgets", "must be an array"),
        ({"budgets": [{"usd": -1, "per": "day"}]}, "budgets[0].usd", "out of range"),
        ({"budgets": [{"usd": "1", "per": "day"}]}, "budgets[0].usd", "a number of US dollars"),
        ({"budgets": [{"per": "day"}]}, "budgets[0].usd", "is missing"),
        ({"budgets": [{"usd": 1, "per": "decade"}]}, "budgets[0].per", ""),
        ({"limits": {"rpm": -1}}, "limits.rpm", "greater than or equal to 0"),
        ({"limits": {"rpm": 1.5}}, "limits.rpm", "an integer"),
        ({"limits": {"rpm": "1"}}, "limits.rpm", "must be an integer"),
        ({"limits": {"rpm": 10**30}}, "limits.rpm", ""),
        ({"guardrails": [{"type": "pii", "entities": []}]}, "guardrails[0].entities", "at least 1"),
        ({"guardrails": [{}]}, "guardrails[0].type", "is missing"),
        ({"data_policy": []}, "data_policy", "must be an object"),
        ({"tags": ["x"] * 33}, "tags", "32"),
        ({"metadata": {"a": 1}}, "metadata.a", "must be a string"),
        ({"metadata": {"a b": "c"}}, "metadata.a b", "visible ASCII"),
        ({"metadata": {"a": "x" * 501}}, "metadata.a", "500"),
        ({"metadata": {str(n): "x" for n in range(33)}}, "metadata", "32"),
        ({"team": "data-sciense"}, "team", 'did you mean "data-science"'),
    ],
)
def test_a_wrong_field_is_named(
    plane: Plane, client: httpx.Client, body: dict[str, Any], param: str, hint: str
) -> None:
    before = plane.control.calls.count("keys.create") + plane.control.calls.count("keys.patch")
    for method, path in (("POST", "/admin/v1/keys"), ("PATCH", f"/admin/v1/keys/{ID}")):
        answer = client.request(method, path, json=body)
        assert error(answer) == (422, "invalid", param), answer.text
        assert hint in answer.json()["error"]["message"]
        assert "canary-secret" not in answer.text
    assert plane.control.calls.count("keys.create") + plane.control.calls.count("keys.patch") == before


def test_every_mistake_is_told_at_once(client: httpx.Client) -> None:
    answer = client.post("/admin/v1/keys", json={"tema": 1, "models": 2, "expires": "x", "limits": {"rpm": "y"}})
    message = answer.json()["error"]["message"]
    assert all(f"`{name}`" in message for name in ("tema", "models", "expires", "limits.rpm"))


def test_scopes_stand_for_themselves_where_none_is_declared(plane: Plane, client: httpx.Client) -> None:
    plane.control.answers["scopes.list"] = {"ok": {"data": [], "next": None}}
    body = {"team": "anyone", "project": "any", "budgets": [{"usd": 1, "per": "day", "environment": "dev"}]}
    assert client.post("/admin/v1/keys", json=body).status_code == 201
    asked = [asked["with"]["kind"] for asked in plane.control.asked[-4:-1]]
    assert asked == ["team", "project", "environment"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ({"error": "There is no key of that id.", "code": "not_found", "param": "id"}, 404),
        ({"error": "The configuration declares it.", "code": "read_only", "param": None}, 409),
        ({"error": "It was changed meanwhile.", "code": "conflict", "param": "version"}, 409),
        ({"error": "No.", "code": "invalid", "param": "models"}, 422),
        ({"error": "Narrow it.", "code": "too_broad", "param": "from"}, 400),
        ({"error": "The store is away.", "code": "store_unavailable", "param": None}, 503),
    ],
)
def test_what_the_data_plane_refuses(
    plane: Plane, client: httpx.Client, refusal: dict[str, str | None], status: int
) -> None:
    plane.control.answers["keys.patch"] = refusal
    answer = client.patch(f"/admin/v1/keys/{ID}", json={"team": "data-science"})
    assert error(answer) == (status, refusal["code"], refusal["param"])
    assert answer.json()["error"]["message"] == refusal["error"]
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("code", ["internal", "news", None])
def test_a_fault_of_the_data_plane_tells_nothing(plane: Plane, client: httpx.Client, code: str | None) -> None:
    plane.control.answers["keys.show"] = {"error": "canary: disk path", "code": code}
    answer = client.get(f"/admin/v1/keys/{ID}")
    assert error(answer) == (500, "internal_error", None)
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("headers", "actor"),
    [
        ([], "admin"),
        ([("x-tollway-actor", "ada")], "admin:ada"),
        ([("x-tollway-actor", "Ada Lovelace (CI)")], "admin:Ada Lovelace (CI)"),
        ([("x-tollway-actor", "ü" * 128)], "admin:" + "ü" * 128),
    ],
)
def test_who_changes_something_is_told(
    plane: Plane, client: httpx.Client, headers: list[tuple[str, str]], actor: str
) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    for method, path, call in (
        ("POST", "keys", "keys.create"),
        ("PATCH", f"keys/{ID}", "keys.patch"),
        ("POST", f"keys/{ID}/rotate", "keys.rotate"),
        ("DELETE", f"keys/{ID}", "keys.revoke"),
    ):
        body: dict[str, object] | None = {} if method != "DELETE" else None
        answer = client.request(method, f"/admin/v1/{path}", json=body, headers=encoded)
        assert answer.status_code < 300, answer.text
        assert plane.control.last(call)["actor"] == actor


@pytest.mark.parametrize(
    "values", [[b""], [b"x" * 129], [b"a", b"b"], [b"\xff"], ["\u202egpj".encode()], [b"a\tb"], ["\u0085".encode()]]
)
def test_an_actor_that_is_none_is_refused_and_nothing_is_done(
    plane: Plane, client: httpx.Client, values: list[bytes]
) -> None:
    before = len(plane.control.calls)
    answer = client.delete(f"/admin/v1/keys/{ID}", headers=[(b"x-tollway-actor", value) for value in values])
    assert error(answer) == (400, "invalid_request", "x-tollway-actor")
    assert len(plane.control.calls) == before


def test_what_does_not_fit_into_a_line_is_too_large(plane: Plane, client: httpx.Client) -> None:
    # Within the bound of a body, but not with what is put around it.
    models = ["fast"] * ((65_536 - 12) // 7)
    answer = client.post("/admin/v1/keys", json={"models": models})
    assert error(answer)[:2] == (413, "request_too_large")
    assert plane.control.answers["scopes.show"] == {"ok": SCOPE}
