"""`[telemetry]` as operators set it: names by version, on and off by a reload, headers that nobody sees."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.operations.processes import control_plane
from tests.support.gateway import RunningGateway
from tests.support.otlp import Receiver, Reply, given
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.telemetry.conftest import Start
from tests.telemetry.exporting import HEADER, exporting


def test_the_older_names(start: Start, receiver: Receiver) -> None:
    gateway = start(semconv="1.36")
    assert gateway.chat().status == 200
    [spans] = receiver.traces(1).values()
    [client] = [given(span.attributes) for span in spans if span.parent_span_id]
    assert client["gen_ai.system"] == "openai"
    assert client["gen_ai.usage.input_tokens"] == 9
    assert "gen_ai.provider.name" not in client
    eventually(lambda: receiver.points("gen_ai.server.request.duration"), "metrics come")
    [point] = receiver.points("gen_ai.server.request.duration")
    assert given(point.attributes)["gen_ai.system"] == "openai"
    urls = {
        scope.schema_url
        for export in receiver.taken
        if export.traces is not None
        for resource in export.traces.resource_spans
        for scope in resource.scope_spans
    }
    assert urls == {"https://opentelemetry.io/schemas/1.36.0"}


def test_a_reload_turns_it_on_changes_it_and_turns_it_off(
    upstream: ScriptedUpstream, receiver: Receiver, tmp_path: Path
) -> None:
    with RunningGateway(exporting(upstream, None), tmp_path, TEST_OTLP=HEADER) as gateway, Receiver() as other:
        assert gateway.chat().status == 200
        assert "tollway_otlp" not in metrics(gateway), "off, nothing of it is there"
        eventually(lambda: gateway.health()["journal"]["shipped"], "it has been told to who watched")

        gateway.reload(exporting(upstream, receiver))
        eventually(lambda: "tollway_otlp_queue" in metrics(gateway), "it is on")
        eventually(lambda: receiver.metrics, "metrics come")
        replied = gateway.chat()
        [trace] = receiver.traces(1)
        assert f"req_{trace.hex()}" == replied.header("x-request-id"), "what was before stays untold"

        gateway.reload(exporting(upstream, other, metrics=False))
        eventually(lambda: metrics(gateway) and _moved(gateway, other), "spans go to the other receiver")
        told = len(receiver.exports)
        assert gateway.chat().status == 200

        gateway.reload(exporting(upstream, None))
        eventually(lambda: 'reason="stopped"' in metrics(gateway) or _silent(gateway, other), "it is off")
        assert len(receiver.exports) == told
        assert gateway.health()["degraded"] == []


def metrics(gateway: RunningGateway) -> str:
    """The page."""
    return httpx.get(f"{gateway.admin_url}/metrics").text


def _moved(gateway: RunningGateway, receiver: Receiver) -> bool:
    assert gateway.chat().status == 200
    return bool(receiver.spans)


def _silent(gateway: RunningGateway, receiver: Receiver) -> bool:
    before = len(receiver.exports)
    for _ in range(3):
        assert gateway.chat().status == 200
    gateway.settled()
    return len(receiver.exports) == before


def test_the_header_goes_to_the_receiver_and_nowhere_else(start: Start, receiver: Receiver) -> None:
    receiver.script.extend([Reply(401)])
    gateway = start()
    assert gateway.chat().status == 200
    eventually(lambda: "telemetry" in gateway.health()["degraded"] or receiver.metrics, "something is refused")
    eventually(lambda: receiver.metrics, "metrics come")
    assert {export.headers["x-api-key"] for export in receiver.exports} == {HEADER}
    child = control_plane(gateway.pid)
    shown = [
        *(Path(f"/proc/{child}/{name}").read_bytes().decode(errors="replace") for name in ("cmdline", "environ")),
        metrics(gateway),
        *(gateway.admin.get(f"/admin/v1/{path}").text for path in ("health", "routes", "targets", "tail?after=0")),
        *(file.read_text() for file in Path("/tmp").glob(f"tollway-{gateway.pid}-*/*.json")),  # noqa: S108
        gateway.log,
    ]
    assert len(shown) > 6
    assert not [text for text in shown if HEADER in text]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"semconv": "1.37"}, "1.41"),
        ({"traces": 1.5}, "traces"),
        ({"otlp": f"http://user:{HEADER}@127.0.0.1:4318"}, "credentials"),
        ({"headers": {"x-api-key": "env:NOT_THERE"}}, "NOT_THERE"),
        ({"headers": {"content-type": HEADER}}, "content-type"),
        ({"headers": {"x-bad": f"{HEADER}\n"}}, "visible ASCII"),
    ],
)
def test_what_cannot_be_is_refused_by_a_reload(
    start: Start, upstream: ScriptedUpstream, receiver: Receiver, written: dict[str, object], said: str
) -> None:
    gateway = start()
    gateway.write(exporting(upstream, receiver, **written))
    refused = gateway.admin.post("/admin/v1/reload")
    assert refused.status_code == 422
    assert said in refused.json()["error"]["message"]
    assert HEADER not in refused.text + gateway.log
    assert gateway.chat().status == 200
    assert len(receiver.traces(1)) == 1, "what was in force stays"
