"""Who may do what: the token, the Host, the bounds, and paths that are nearly right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.admin.conftest import TOKEN, Plane
from tollway.admin import reading
from tollway.admin.app import create_app
from tollway.admin.control import ControlClient
from tollway.admin.operation import Context, Operation
from tollway.admin.operations import OPERATIONS
from tollway.admin.settings import Access

OPEN = {"/", "/health/live", "/health/ready", "/metrics"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.template}")
def test_every_operation_needs_the_token_unless_it_is_meant_to_be_open(plane: Plane, operation: Operation) -> None:
    path, method = operation.path, operation.method
    with plane.client(None) as client:
        answer = client.request(method, path)
    if path in OPEN:
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"] == {
        "message": "The admin token is missing or wrong.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_admin_token",
    }


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", TOKEN)],
        [("authorization", f"Basic {TOKEN}")],
        [("authorization", f"Bearer {TOKEN[:-1]}")],
        [("authorization", f"Bearer {TOKEN}x")],
        [("authorization", f"Bearer {TOKEN.upper()}")],
        [("authorization", "Bearer \u00e9\u00e9")],
        [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")],
        [("x-api-key", TOKEN)],
    ],
)
def test_what_is_nearly_the_token_is_refused(plane: Plane, headers: list[tuple[str, str]]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    answer = plane.raw(
        f"GET /admin/v1/health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n".encode("latin-1")
    )
    assert answer.split()[1] == b"401"
    assert TOKEN.encode() not in answer


def test_the_scheme_is_not_case_sensitive(plane: Plane) -> None:
    answer = httpx.get(f"{plane.url}/admin/v1/health", headers={"authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/admin/v1/keys/",
        "//admin/v1/keys",
        "/admin//v1/keys",
        "/health/../admin/v1/keys",
        "/health/live/../../admin/v1/keys",
        "/ADMIN/v1/keys",
        "/admin/v1/%6beys",
        "/admin%2fv1%2fkeys",
        "/admin/v1/keys%00",
        "/admin/v1/keys;/health/live",
        "/admin/v1/keys?x=/health/live",
        "http://localhost/admin/v1/keys",
        "/metrics/../admin/v1/keys",
    ],
)
def test_no_spelling_of_a_path_gets_around_the_token(plane: Plane, target: str) -> None:
    answer = plane.raw(f"GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
    assert answer.split()[1] in (b"401", b"404")
    assert b"location:" not in answer.lower()
    assert b"k3v9x2m4q8ta" not in answer


def test_an_unknown_path_and_a_wrong_method(client: httpx.Client) -> None:
    unknown = client.get("/admin/v1/nothing")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    wrong = client.delete("/admin/v1/keys")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert set(client.put("/admin/v1/keys/a").headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "PATCH"}
    assert client.get("/admin/v1/reload").status_code == 405
    for error in (unknown, wrong):
        assert set(error.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "hosts", [["localhost"], ["tollway_1:8081"], ["127.0.0.1:1"], ["[::1]:8081"], ["[::1]"], ["a.b-c.example."]]
)
def test_a_valid_host_is_accepted(plane: Plane, hosts: list[str]) -> None:
    assert _status(plane, hosts) == b"200"


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["a", "a"],
        ["a", "b"],
        ["a b"],
        ["a/admin"],
        ["a?x"],
        ["user@a"],
        ["a:port"],
        ["a:123456"],
        ["-"],
        ["[x]"],
    ],
)
def test_any_other_host_is_refused(plane: Plane, hosts: list[str]) -> None:
    assert _status(plane, hosts) == b"400"


def _status(plane: Plane, hosts: list[str]) -> bytes:
    lines = "".join(f"host: {host}\r\n" for host in hosts)
    return plane.raw(f"GET /health/live HTTP/1.1\r\n{lines}connection: close\r\n\r\n".encode()).split()[1]


def test_http_1_0_needs_no_host(plane: Plane) -> None:
    assert plane.raw(b"GET /health/live HTTP/1.0\r\n\r\n").split()[1] == b"200"


def test_http_2(plane: Plane) -> None:
    with plane.client(http2=True) as client:
        answer = client.get("/admin/v1/health")
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)


def test_a_body_has_a_bound(client: httpx.Client) -> None:
    said = client.post("/admin/v1/reload", content=b" " * 65537)
    assert (said.status_code, said.json()["error"]["code"]) == (413, "request_too_large")
    unsaid = client.post("/admin/v1/reload", content=iter([b" " * 40000, b" " * 40000]))
    assert (unsaid.status_code, unsaid.json()["error"]["code"]) == (413, "request_too_large")
    assert client.post("/admin/v1/reload", content=b" " * 65536).status_code == 200


async def test_a_body_has_to_arrive_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BODY_TIMEOUT", 0.01)
    access = Access.parse({"token": TOKEN, "metrics_open": True})
    app = create_app(Context(ControlClient(Path("/nowhere")), access, "0.1.0"))
    transport = httpx.ASGITransport(app)

    async def never() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.Event().wait()

    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        answer = await client.post("/admin/v1/reload", content=never())
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "request_timeout")


def test_nothing_is_kept_by_a_browser_or_framed_by_a_site(client: httpx.Client) -> None:
    for path in ("/", "/admin/v1/keys", "/nothing"):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
