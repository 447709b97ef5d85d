"""Alerts reach those who are to be told: once while they last, once when they are over, signed, and through outages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from tests.operations.alerting import HEADER, PATH, SECRET, TAKEN, Start, alerting, drift, verified
from tests.operations.processes import control_plane
from tests.support.gateway import RunningGateway, chat_body
from tests.support.reply import Reply, answer, error
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tollway.config.schema_alerts import Kind


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def receiver() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as receiver:
        receiver.otherwise = TAKEN
        yield receiver


@pytest.fixture
def start(upstream: ScriptedUpstream, receiver: ScriptedUpstream, tmp_path: Path) -> Iterator[Start]:
    """Start a gateway that tells `receiver`, with these settings of `[alerts]`; it ends with the test."""
    with ExitStack() as running:

        def begin(**settings: Any) -> RunningGateway:  # noqa: ANN401
            text = alerting(upstream, receiver.url + PATH, **settings)
            secrets = {"TEST_WEBHOOK": SECRET, "TEST_WEBHOOK_HEADER": HEADER}
            return running.enter_context(RunningGateway(text, tmp_path, **secrets))

        yield begin


def alerts(gateway: RunningGateway, **query: str) -> list[dict[str, Any]]:
    """What the admin API tells."""
    answer = gateway.admin.get("/admin/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def metrics(gateway: RunningGateway) -> str:
    """The page."""
    return httpx.get(f"{gateway.admin_url}/metrics").text


def drifts(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """Let another model answer than the one that the route is pinned to."""
    upstream.script(drift("another"))
    assert gateway.chat(chat_body("p")).status == 200


def test_the_same_is_told_once_and_counted(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    for _ in range(3):
        drifts(gateway, upstream)
    said = verified(receiver.take())
    assert {**said, "id": "", "message": "", "first_at": "", "last_at": ""} == {
        "id": "",
        "kind": "pin_drift",
        "severity": "warning",
        "subject": "up/up-model",
        "message": "",
        "state": "firing",
        "count": 1,
        "first_at": "",
        "last_at": "",
        "version": said["version"],
    }
    [known] = alerts(gateway)
    assert (known["id"], known["count"], known["first_at"]) == (said["id"], 3, said["first_at"])
    assert alerts(gateway, state="resolved") == alerts(gateway, kind="dead_key") == []
    assert 'tollway_alerts_firing{kind="pin_drift"} 1\n' in metrics(gateway)
    counted = re.findall(r'tollway_alerts_firing{kind="(\w+)"}', metrics(gateway))
    assert counted == list(get_args(Kind)), "the data plane and the configuration know the same kinds"
    eventually(lambda: 'tollway_alert_deliveries_total{outcome="delivered"} 1\n' in metrics(gateway), "it is counted")
    assert gateway.admin.post("/admin/v1/alerts/test").json()["data"][0]["outcome"] == "delivered"
    assert verified(receiver.take())["kind"] == "test", "nothing came between"
    assert gateway.log.count('"event":"alert"') == 1


def test_a_key_that_serves_again_is_told_too(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    upstream.script(error(401))
    gateway.chat()
    said = verified(receiver.take())
    assert (said["kind"], said["severity"], said["state"]) == ("dead_key", "critical", "firing")
    assert gateway.chat().status == 200
    over = verified(receiver.take())
    assert (over["id"], over["state"]) == (said["id"], "resolved")
    assert [alert["state"] for alert in alerts(gateway)] == ["resolved"]
    assert 'tollway_alerts_firing{kind="dead_key"} 0\n' in metrics(gateway)


def test_a_breaker_that_opens_and_closes_is_told(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    upstream.otherwise = error(500)
    eventually(lambda: gateway.chat().status != 200 and alerts(gateway, kind="breaker_open"), "it opens")
    said = verified(receiver.take())
    assert (said["kind"], said["subject"], said["state"]) == ("breaker_open", "up/up-model", "firing")
    upstream.otherwise = answer()
    eventually(lambda: gateway.chat().status == 200 and alerts(gateway, state="resolved"), "it closes")
    over = verified(receiver.take())
    assert (over["id"], over["state"]) == (said["id"], "resolved")


def test_a_reload_keeps_alerts_and_ends_those_of_what_is_gone(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    drifts(gateway, upstream)
    said = verified(receiver.take())
    text = gateway.config.read_text()
    gateway.reload(text + "\n")
    drifts(gateway, upstream)
    eventually(lambda: [alert["count"] for alert in alerts(gateway, state="firing")] == [2], "it goes on")
    gateway.reload(text.replace("up-model", "other-model"))
    over = verified(receiver.take())
    assert (over["id"], over["state"]) == (said["id"], "resolved")


def test_what_a_receiver_cannot_take_now_is_posted_again(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    receiver.script(*(Reply(status, (("retry-after", "0"),)) for status in (503, 429, 500)))
    gateway = start()
    drifts(gateway, upstream)
    tries = [receiver.take() for _ in range(4)]
    assert len({json.dumps(verified(one)) for one in tries}) == 1
    assert len({one.header("x-tollway-delivery") for one in tries}) == 1
    eventually(lambda: 'deliveries_total{outcome="delivered"} 1\n' in metrics(gateway), "it is counted")
    eventually(lambda: "alerts.back" in gateway.log, "it is logged")
    assert "alerts" not in gateway.health()["degraded"]


@pytest.mark.parametrize("status", [400, 410, 307])
def test_what_a_receiver_refuses_is_dropped_and_redirects_are_not_followed(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream, status: int
) -> None:
    with ScriptedUpstream() as elsewhere:
        receiver.script(Reply(status, (("location", elsewhere.url),)))
        gateway = start()
        drifts(gateway, upstream)
        receiver.take()
        eventually(lambda: 'deliveries_total{outcome="refused"} 1\n' in metrics(gateway), "it is counted")
        assert "alerts.dropped" in gateway.log
        upstream.script(error(401))
        gateway.chat()
        assert verified(receiver.take())["kind"] == "dead_key", "the next is delivered"
        assert elsewhere.requests == []


def test_a_control_plane_that_is_killed_goes_on_where_it_was(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    drifts(gateway, upstream)
    first = verified(receiver.take())
    eventually(lambda: 'deliveries_total{outcome="delivered"} 1\n' in metrics(gateway), "it is settled")
    os.kill(control_plane(gateway.pid), signal.SIGKILL)
    upstream.script(error(401))
    gateway.chat()
    second = verified(receiver.take())
    assert (first["kind"], second["kind"]) == ("pin_drift", "dead_key")
    gateway.printed("control-plane.back")
    assert gateway.admin.post("/admin/v1/alerts/test").status_code == 200
    assert verified(receiver.take())["kind"] == "test", "nothing twice"


def test_only_the_kinds_that_are_wanted(start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream) -> None:
    gateway = start(webhook={"kinds": ["dead_key"]})
    drifts(gateway, upstream)
    upstream.script(error(401))
    gateway.chat()
    assert verified(receiver.take())["kind"] == "dead_key"
    assert len(alerts(gateway)) == 2


def test_a_reload_turns_webhooks_on_and_off(
    start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start()
    with ScriptedUpstream() as other:
        other.otherwise = TAKEN
        drifts(gateway, upstream)
        receiver.take()
        gateway.reload(alerting(upstream, other.url + PATH))
        eventually(
            lambda: gateway.admin.post("/admin/v1/alerts/test").status_code == 200 and other.requests, "it is in force"
        )
        upstream.script(error(401))
        gateway.chat()
        eventually(lambda: any(verified(one)["kind"] == "dead_key" for one in other.requests), "it is told")
        assert not any(verified(one)["kind"] == "pin_drift" for one in other.requests), "what was before is not"
        gateway.reload(alerting(upstream))
        eventually(lambda: gateway.admin.post("/admin/v1/alerts/test").json()["data"] == [], "it is off")
        assert len(alerts(gateway)) == 2


def test_secrets_are_shown_nowhere(start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream) -> None:
    receiver.script(Reply(503, (("retry-after", "0"),)), Reply(400, ()))
    gateway = start()
    drifts(gateway, upstream)
    receiver.take()
    receiver.take()
    eventually(lambda: "alerts.dropped" in gateway.log, "it is logged")
    receiver.script(Reply(404, ()))
    child = control_plane(gateway.pid)
    tested = gateway.admin.post("/admin/v1/alerts/test")
    assert tested.json()["data"][0]["outcome"] == "failed"
    shown = [
        *(Path(f"/proc/{child}/{name}").read_bytes().decode(errors="replace") for name in ("cmdline", "environ")),
        tested.text,
        metrics(gateway),
        *(gateway.admin.get(f"/admin/v1/{path}").text for path in ("health", "alerts", "routes")),
        *(file.read_text() for file in Path("/tmp").glob(f"tollway-{gateway.pid}-*/*.json")),  # noqa: S108
        gateway.log,
    ]
    for secret in (SECRET, HEADER, PATH.partition("?")[0]):
        assert not [text for text in shown if secret in text]


def test_the_command_line(start: Start, upstream: ScriptedUpstream, receiver: ScriptedUpstream) -> None:
    gateway = start()
    drifts(gateway, upstream)
    receiver.take()
    told = json.loads(_tollway(gateway, "--json").stdout)
    assert told == {"data": alerts(gateway)}
    assert "up/up-model" in _tollway(gateway, "--state", "firing").stdout
    assert "up/up-model" not in _tollway(gateway, "--kind", "dead_key").stdout
    assert "delivered" in _tollway(gateway, "--test").stdout
    assert verified(receiver.take())["kind"] == "test"
    assert _tollway(gateway, "--kind", "dead_keys").returncode == 2
    receiver.otherwise = Reply(404, ())
    assert _tollway(gateway, "--test").returncode != 0


def _tollway(gateway: RunningGateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "tollway"), "alerts", *arguments]
    access = {"TOLLWAY_ADMIN_URL": gateway.admin_url, "TOLLWAY_ADMIN_TOKEN": gateway.admin_token}
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **access})
