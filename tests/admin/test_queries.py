"""`usage`, `requests` and `audit`: what a query asks of the data plane, and which queries are refused."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.control_server import ENTRY, HEAD, RECORD, ROW
from tests.admin.test_keys import error

DAY = 86_400 * 1_000_000


def test_usage_is_of_the_last_30_days_if_no_time_is_given(plane: Plane, client: httpx.Client) -> None:
    assert client.get("/admin/v1/usage").json() == {"data": [ROW], "next": None}
    asked = plane.control.last("usage")["with"]
    assert (asked["by"], asked["per"], asked["filter"], asked["limit"]) == ([], None, {}, 1000)
    assert asked["to_us"] - asked["from_us"] == 30 * DAY
    assert abs(asked["to_us"] - time.time() * 1e6) < DAY


def test_usage_by_two_dimensions(plane: Plane, client: httpx.Client) -> None:
    query = "by=team,model&per=day&from=2026-11-01&to=1795267200000000&route=fast&user=a%20b&limit=5&after=c"
    assert client.get(f"/admin/v1/usage?{query}").status_code == 200
    assert plane.control.last("usage")["with"] == {
        "by": ["team", "model"],
        "per": "day",
        "from_us": 1793491200000000,
        "to_us": 1795267200000000,
        "filter": {"route": "fast", "user": "a b"},
        "limit": 5,
        "after": "c",
    }


@pytest.mark.parametrize("dimension", ["user", "agent", "tag", "team", "provider"])
def test_usage_by_one_dimension(plane: Plane, client: httpx.Client, dimension: str) -> None:
    assert client.get("/admin/v1/usage", params={"by": dimension}).status_code == 200
    assert plane.control.last("usage")["with"]["by"] == [dimension]


def test_a_search_by_any_field(plane: Plane, client: httpx.Client) -> None:
    query = {
        "team": "data-science",
        "user": "'; drop table requests; --",
        "stream": "true",
        "status.gte": "400",
        "status.lte": "499",
        "total_us.gte": "1000000",
        "tags": "nightly",
        "session": "",
        "attempts.class": "timeout",
        "tokens.input.gte": "1000",
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-11-02",
        "order": "asc",
        "limit": "500",
        "after": "abc",
    }
    found = client.get("/admin/v1/requests", params=query)
    assert found.json() == {"data": [RECORD], "next": "c", "scanned": 1}
    assert plane.control.last("requests.search")["with"] == {
        "filter": {
            "team": "data-science",
            "user": "'; drop table requests; --",
            "stream": True,
            "status": {"gte": 400, "lte": 499},
            "total_us": {"gte": 1000000},
            "tags": "nightly",
            "session": None,
            "attempts.class": "timeout",
            "tokens.input": {"gte": 1000},
        },
        "from_us": 1793491200000000,
        "to_us": 1793577600000000,
        "order": "asc",
        "limit": 500,
        "after": "abc",
    }


def test_a_search_for_everything(plane: Plane, client: httpx.Client) -> None:
    assert client.get("/admin/v1/requests").status_code == 200
    assert plane.control.last("requests.search")["with"] == {"filter": {}, "order": "desc", "limit": 50}


def test_one_request_with_its_payload(plane: Plane, client: httpx.Client) -> None:
    found = client.get(f"/admin/v1/requests/{RECORD['id']}").json()
    assert found["payload"] == {"request": "{}", "response": "{}"}
    assert plane.control.last("requests.show")["with"] == {"id": RECORD["id"]}


def test_the_audit_log(plane: Plane, client: httpx.Client) -> None:
    query = {"limit": "5", "actor": "admin:ada", "action": "patch", "object": "x", "after": "9"}
    assert client.get("/admin/v1/audit", params=query).json() == {"data": [ENTRY], "next": None}
    assert plane.control.last("audit.search")["with"] == {**query, "limit": 5}
    assert client.get("/admin/v1/audit/head").json() == HEAD
    assert client.get("/admin/v1/audit/verify").json() == {"ok": True, "entries": 1, "first_bad": None}
    assert plane.control.last("audit.verify")["with"] == {}
    plane.control.answers["audit.verify"] = {
        "ok": {"ok": False, "entries": 3, "first_bad": {"seq": 2, "why": "its hash is not that of its fields"}}
    }
    against = client.post("/admin/v1/audit/verify", json=HEAD)
    assert against.json()["first_bad"]["seq"] == 2
    assert plane.control.last("audit.verify")["with"] == {"head": HEAD}


@pytest.mark.parametrize(
    ("path", "query", "param", "hint"),
    [
        ("usage", "by=teem", "by", 'did you mean "team"'),
        ("usage", "by=team,model,route", "by", "at most two of"),
        ("usage", "by=team,user", "by", "cannot be combined"),
        ("usage", "by=team,team", "by", "twice"),
        ("usage", "by=team,", "by", "no dimension"),
        ("usage", "per=week", "per", "hour"),
        ("usage", "from=yesterday", "from", "2027-01-31T12:00:00Z"),
        ("usage", "from=2026-01-02&to=2026-01-01", "from", "before"),
        ("usage", "from=2026-01-01&to=2026-01-01", "from", "before"),
        ("usage", "to=9999-01-01", "to", "too far"),
        ("usage", "from=99999999999999999999999", "from", "time"),
        ("usage", "from=%C2%B2", "from", "time"),
        ("usage", "limit=0", "limit", "1"),
        ("usage", "limit=1001", "limit", "1000"),
        ("usage", "limit=ten", "limit", "an integer"),
        ("usage", "limit=1e3", "limit", "an integer"),
        ("usage", "teem=a", "teem", "did you mean `team`"),
        ("usage", "team=a&team=b", "team", "twice"),
        ("usage", "team=%00", "team", ""),
        ("requests", "limit=501", "limit", "500"),
        ("requests", "order=up", "order", "asc"),
        ("requests", "status=ok", "status", "an integer"),
        ("requests", "status=-1", "status", "0"),
        ("requests", "status=200&status.gte=100", "status", "bound"),
        ("requests", "status.gt=100", "status.gt", "did you mean `status.gte`"),
        ("requests", "stream=perhaps", "stream", "true or false"),
        ("requests", "team=" + "x" * 501, "team", "500"),
        ("requests", "after=%20", "after", ""),
        ("requests", "after=" + "x" * 1001, "after", "1000"),
        ("requests", "from_=2026-01-01", "from_", "did you mean `from`"),
        ("tail", "after=-1", "after", "0"),
        ("tail", "after=99999999999999999999", "after", ""),
        ("tail", "order=asc", "order", "no field"),
        ("audit", "who=me", "who", "no field"),
        ("keys", "state=dead", "state", "active"),
        ("keys", "limit=", "limit", "an integer"),
        ("teams", "name=a", "name", "no field"),
    ],
)
def test_a_wrong_query_is_named(shared: Plane, path: str, query: str, param: str, hint: str) -> None:
    before = len(shared.control.calls)
    with shared.client() as client:
        answer = client.get(f"/admin/v1/{path}?{query}")
    assert error(answer) == (422, "invalid", param), answer.text
    assert hint in answer.json()["error"]["message"], answer.text
    assert len(shared.control.calls) == before


@pytest.mark.parametrize("body", [{}, {**HEAD, "seq": "1"}, {**HEAD, "hash": "zz"}, {**HEAD, "more": 1}])
def test_a_head_that_is_none(client: httpx.Client, body: dict[str, Any]) -> None:
    assert error(client.post("/admin/v1/audit/verify", json=body))[:2] == (422, "invalid")
