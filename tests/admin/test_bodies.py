"""Every operation that takes a body, with every kind of body that is none."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.test_keys import error
from tollway.admin.operations import OPERATIONS

TAKING = [operation for operation in OPERATIONS if operation.body is not None]
MALFORMED = {
    "nothing like JSON": b"team=a",
    "half": b'{"team": "a"',
    "more after it": b'{"team": "a"} x',
    "an array": b"[]",
    "a text": b'"team"',
    "null": b"null",
    "a number": b"1",
    "not UTF-8": b'{"team": "\xff"}',
    "a lone surrogate": b'{"team": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "NaN": b'{"team": NaN}',
    "Infinity": b'{"budgets": [{"usd": Infinity}]}',
    "a key twice": b'{"team": "a", "team": "b"}',
    "a key twice, deep": b'{"limits": {"rpm": 1, "rpm": 2}}',
    "a byte order mark": b'\xef\xbb\xbf{"team": "a"}',
    "nested too deep": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep enough": b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "UTF-16": '{"team": "a"}'.encode("utf-16"),
    "a NUL": b'{"team": "a\x00"}',
}
INVALID = {
    "an unknown field": {"no_such_field": 1},
    "a field of SQL": {"team'; drop table keys; --": 1},
    "a long name of a field": {"x" * 10_000: 1},
    "control characters": {"\x1b[31m": 1},
    "a prototype": {"__proto__": {"team": "a"}, "constructor": 1},
}


def path(template: str) -> str:
    return template.format(id="k3v9x2m4q8ta", name="data-science")


@pytest.mark.parametrize("operation", TAKING, ids=lambda operation: f"{operation.method} {operation.template}")
def test_what_is_no_object_is_refused(plane: Plane, client: httpx.Client, operation: object) -> None:
    before = len(plane.control.calls)
    for kind, body in MALFORMED.items():
        answer = client.request(operation.method, path(operation.template), content=body)  # type: ignore[attr-defined]
        assert answer.status_code in (400, 422), (kind, answer.text)
        assert answer.status_code == 400 or kind == "deep enough", kind
        assert len(answer.content) < 1_000
        error(answer)
    for kind, fields in INVALID.items():
        content = json.dumps(fields).encode()
        answer = client.request(operation.method, path(operation.template), content=content)  # type: ignore[attr-defined]
        assert error(answer)[:2] == (422, "invalid"), kind
        assert len(answer.content) < 1_000
        assert "\\u001b" not in answer.text
    assert len(plane.control.calls) == before


@pytest.mark.parametrize("operation", TAKING, ids=lambda operation: f"{operation.method} {operation.template}")
def test_a_body_that_must_be_there(client: httpx.Client, operation: object) -> None:
    answer = client.request(operation.method, path(operation.template), content=b" ")  # type: ignore[attr-defined]
    if operation.body_optional:  # type: ignore[attr-defined]
        assert answer.status_code < 300
    else:
        assert error(answer) == (400, "invalid_request", None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.template}")
def test_a_body_is_bounded_everywhere(client: httpx.Client, operation: object) -> None:
    content = b'{"metadata": "' + b"x" * 65_536 + b'"}'
    answer = client.request(operation.method, path(operation.template), content=content)  # type: ignore[attr-defined]
    assert error(answer)[:2] == (413, "request_too_large")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.template}")
def test_while_the_data_plane_is_away(plane: Plane, client: httpx.Client, operation: object) -> None:
    template: str = operation.template  # type: ignore[attr-defined]
    if template in ("/", "/health/live", "/admin/openapi.json", "/admin/v1/alerts/test"):
        return  # these do not need it
    plane.control.stop()
    try:
        bodies = {"/admin/v1/audit/verify": {"seq": 1, "hash": "00", "at_us": 1, "signature": "00"}}
        body = bodies.get(template, {"name": "a"} if template.count("/") == 3 and "keys" not in template else {})
        if operation.method in ("GET", "DELETE") or "reload" in template:  # type: ignore[attr-defined]
            body = {}
        answer = client.request(operation.method, path(template), json=body)  # type: ignore[attr-defined]
    finally:
        plane.control.start()
    assert answer.status_code == 503, answer.text
    if template != "/health/ready":
        assert error(answer) == (503, "data_plane_away", None)
        assert answer.headers["retry-after"] == "1"
