"""A receiver that is away, slow, busy or refuses: nothing waits for it, nothing grows, and what is lost is counted."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import httpx

from tests.operations.processes import control_plane
from tests.support.gateway import RunningGateway
from tests.support.otlp import Receiver, Reply
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.telemetry.conftest import Start
from tollway.admin.otlp.page import families
from tollway.admin.otlp.state import DROPPED, EXPORTED, QUEUE


def counted(gateway: RunningGateway, family: str, **labels: str) -> int:
    """The sum of the samples of `/metrics` that have these labels."""
    page = {one.name: one for one in families(httpx.get(f"{gateway.admin_url}/metrics").text)}
    values = page[family].values
    return int(sum(value for given, value in values.items() if labels.items() <= dict(given).items()))


def traces(receiver: Receiver) -> int:
    """How many requests' traces have come."""
    return len({span.trace_id for span in receiver.spans})


def test_a_receiver_that_was_away_gets_everything(start: Start, receiver: Receiver) -> None:
    receiver.stop()
    gateway = start()
    for _ in range(20):
        assert gateway.chat().status == 200
    eventually(lambda: "telemetry" in gateway.health()["degraded"], "health names it")
    eventually(lambda: counted(gateway, QUEUE) == 40, "the spans wait")
    with Receiver(port=receiver.port) as back:
        assert len(back.traces(20)) == 20
        eventually(lambda: gateway.health()["degraded"] == [], "health is well again", 20)
        eventually(lambda: counted(gateway, EXPORTED, signal="traces") == 40, "the spans are counted")
        assert counted(gateway, QUEUE) == 0
        assert counted(gateway, DROPPED, signal="traces") == 0
        assert len(back.spans) == 40
    assert gateway.log.count("otlp.failing") >= 1
    assert "otlp.back" in gateway.log


def test_a_busy_receiver_is_asked_again_when_it_said(start: Start, receiver: Receiver) -> None:
    receiver.script.extend([Reply(429, (("retry-after", "0"),)), Reply(503, (("retry-after", "0"),)), Reply(502)])
    gateway = start(metrics=False)
    assert gateway.chat().status == 200
    receiver.traces(1)
    assert [export.status for export in receiver.exports] == [429, 503, 502, 200]
    assert len({(export.path, export.size) for export in receiver.exports}) == 1
    assert len(receiver.spans) == 2


def test_what_is_refused_for_good_is_dropped_and_counted(start: Start, receiver: Receiver) -> None:
    receiver.script.extend([Reply(400)])
    gateway = start(metrics=False)
    assert gateway.chat().status == 200
    eventually(lambda: counted(gateway, DROPPED, signal="traces", reason="refused") == 2, "it is counted")
    assert gateway.chat().status == 200
    assert len(receiver.traces(1)) == 1
    assert [export.status for export in receiver.exports] == [400, 200]
    eventually(lambda: counted(gateway, EXPORTED, signal="traces") == 2, "the second is counted")


def test_what_is_rejected_in_part_is_not_sent_again(start: Start, receiver: Receiver) -> None:
    receiver.script.extend([Reply(rejected=1)])
    gateway = start(metrics=False)
    assert gateway.chat().status == 200
    eventually(lambda: counted(gateway, DROPPED, signal="traces", reason="rejected") == 1, "it is counted")
    assert counted(gateway, EXPORTED, signal="traces") == 1
    assert len(receiver.exports) == 1


def test_a_receiver_that_hangs_holds_up_nothing(start: Start, receiver: Receiver) -> None:
    gate = threading.Event()
    receiver.otherwise = Reply(gate=gate)
    gateway = start(timeout="60s")
    try:
        for _ in range(5):
            assert gateway.chat().status == 200
        eventually(lambda: counted(gateway, QUEUE) == 10, "the spans wait")
        assert gateway.health()["status"] == "ready"
        assert gateway.stop() == 0
    finally:
        gate.set()


def test_a_receiver_that_does_not_answer_in_time_is_away(start: Start, receiver: Receiver) -> None:
    gate = threading.Event()
    receiver.script.extend([Reply(503, gate=gate)])
    gateway = start(timeout="100ms", metrics=False)
    assert gateway.chat().status == 200
    eventually(lambda: "telemetry" in gateway.health()["degraded"], "health names it")
    receiver.traces(1)
    gate.set()


def test_a_restart_of_the_control_plane_goes_on_where_it_was(
    start: Start, receiver: Receiver, upstream: ScriptedUpstream
) -> None:
    gateway = start(metrics=False)
    for _ in range(10):
        assert gateway.chat().status == 200
    receiver.traces(10)
    eventually(lambda: _position(gateway) == 10, "it is written down that these are exported")
    killed = control_plane(gateway.pid)
    os.kill(killed, signal.SIGKILL)
    for _ in range(10):
        assert gateway.chat().status == 200
    receiver.traces(20)
    gateway.printed("control-plane.back")
    assert gateway.chat().status == 200
    receiver.traces(21)
    assert len(receiver.spans) == 42, "nothing twice"
    assert counted(gateway, DROPPED, signal="traces") == 0
    assert len(upstream.requests) == 21


def _position(gateway: RunningGateway) -> int:
    """The first record that is not exported yet, as the gateway's private folder has it."""
    places = {Path(os.environ.get(name, "/tmp")) for name in ("XDG_RUNTIME_DIR", "TMPDIR")}  # noqa: S108
    files = [file for place in places for file in place.glob(f"tollway-{gateway.pid}-*/exported")]
    return int(files[0].read_text()) if files else 0


def test_what_ends_last_is_told_too(start: Start, receiver: Receiver) -> None:
    gateway = start(interval="1h")
    for _ in range(50):
        assert gateway.chat().status == 200
    assert gateway.stop() == 0
    assert traces(receiver) == 50
    points = receiver.points("tollway.requests")
    assert sum(getattr(point, "as_int", 0) for point in points) == 50
