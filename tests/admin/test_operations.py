"""What the operations answer, also while the data plane is away or talks nonsense."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.control_server import ENTRY, HEALTH, KEY, METRICS, ROUTE, SCOPE, TARGET
from tollway.admin.audit import Entry
from tollway.admin.models import Health, Route, Target
from tollway.admin.models_keys import Key, Scope
from tollway.admin.settings import ORIGINS


def test_what_the_data_plane_says_is_passed_on(client: httpx.Client) -> None:
    assert client.get("/admin/v1/health").json() == HEALTH
    assert client.get("/admin/v1/routes").json() == [ROUTE | {"origin": {}}]
    assert client.get("/admin/v1/targets").json() == [TARGET]


def test_a_route_says_where_its_settings_were_made(plane: Plane, client: httpx.Client) -> None:
    file = plane.control.path.with_name(ORIGINS)
    file.write_text(json.dumps({"fast": {"strategy": "tollway.toml:7"}, "gone": {}}))
    try:
        assert client.get("/admin/v1/routes").json()[0]["origin"] == {"strategy": "tollway.toml:7"}
        file.write_text("half")
        assert client.get("/admin/v1/routes").json()[0]["origin"] == {}
    finally:
        file.unlink()


def test_a_hash_cannot_slip_out(plane: Plane, client: httpx.Client) -> None:
    leaky = KEY | {"hash": "canary", "secret": "canary", "previous_hash": "canary"}
    plane.control.answers["keys.show"] = {"ok": leaky}
    plane.control.answers["keys.list"] = {"ok": {"data": [leaky], "next": None}}
    assert client.get("/admin/v1/keys/k3v9x2m4q8ta").json() == KEY
    assert client.get("/admin/v1/keys").json()["data"] == [KEY]


def test_metrics_are_prometheus_text(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.text == METRICS
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_large_metrics(plane: Plane, client: httpx.Client) -> None:
    text = "tollway_in_flight 1\n" * 500_000
    plane.control.answers["metrics"] = {"ok": text}
    assert client.get("/metrics").text == text


def test_a_reload(plane: Plane, client: httpx.Client) -> None:
    assert client.post("/admin/v1/reload").json() == {"generation": 4}
    assert client.post("/admin/v1/reload", json={}).json() == {"generation": 4}
    assert plane.control.calls[-2:] == ["reload", "reload"]


def test_a_refused_reload_tells_every_diagnostic(plane: Plane, client: httpx.Client) -> None:
    report = "tollway.toml:3:1: unknown key `lisen`\n  did you mean `listen`?\n\n1 error"
    plane.control.answers["reload"] = {"error": report}
    answer = client.post("/admin/v1/reload")
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "message": report,
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_configuration",
    }


def test_a_reload_takes_no_settings(plane: Plane, client: httpx.Client) -> None:
    before = plane.control.calls.count("reload")
    answer = client.post("/admin/v1/reload", json={"server": {"listen": "0.0.0.0:1"}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert plane.control.calls.count("reload") == before


@pytest.mark.parametrize(
    "answer", [b"", b"\n", b"nonsense\n", b"[]\n", b"{}\n", b'{"ok":', b"\xff\xfe\n", b'{"error": 1}\n']
)
def test_a_data_plane_that_talks_nonsense_is_away(plane: Plane, client: httpx.Client, answer: bytes) -> None:
    plane.control.answers |= dict.fromkeys(plane.control.answers, answer)
    for method, path in (("GET", "/admin/v1/keys"), ("GET", "/metrics"), ("POST", "/admin/v1/reload")):
        got = client.request(method, path)
        assert (got.status_code, got.json()["error"]["code"]) == (503, "data_plane_away")
        assert got.headers["retry-after"] == "1"
    assert client.get("/health/ready").status_code == 503


def test_a_data_plane_that_goes_and_comes_back(plane: Plane, client: httpx.Client) -> None:
    plane.control.stop()
    try:
        assert client.get("/admin/v1/keys").status_code == 503
        assert client.get("/health/live").json() == {"status": "live"}
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "unready", "data_plane": "away"})
    finally:
        plane.control.start()
    assert client.get("/admin/v1/keys").status_code == 200
    assert client.get("/health/ready").json() == {"status": "ready", "data_plane": "ready"}


def test_while_draining_it_is_not_ready(plane: Plane, client: httpx.Client) -> None:
    plane.control.answers["health"] = {"ok": HEALTH | {"status": "draining"}}
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unready", "data_plane": "draining"})


def test_an_answer_of_another_shape_is_a_fault_that_tells_nothing(plane: Plane, client: httpx.Client) -> None:
    plane.control.answers["keys.list"] = {"ok": {"data": [{"id": "canary"}], "next": None}}
    answer = client.get("/admin/v1/keys")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "canary" not in answer.text
    assert client.get("/admin/v1/health").status_code == 200


def test_the_page_names_the_version(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "Tollway 0.1.0" in answer.text


def test_head(client: httpx.Client) -> None:
    answer = client.head("/health/live")
    assert (answer.status_code, answer.content) == (200, b"")


def test_many_at_once(plane: Plane) -> None:
    """More than the control socket serves at a time, so that some wait their turn."""
    with plane.client() as client, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: client.get("/admin/v1/keys").json()["data"], range(200)))
    assert answers == [[KEY]] * 200


def test_the_models_and_the_fixture_agree() -> None:
    """The answers above hold every field that the models declare, so that none goes untested."""
    assert set(Health.model_fields) == set(HEALTH)
    assert set(Key.model_fields) == set(KEY)
    assert set(Scope.model_fields) == set(SCOPE)
    assert set(Entry.model_fields) == set(ENTRY)
    assert set(Target.model_fields) == set(TARGET)
    assert set(Route.model_fields) == {*ROUTE, "origin"}
