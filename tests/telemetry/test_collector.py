"""OpenTelemetry's own collector takes what we send, and passes on what we meant. `scripts/otelcol.sh` builds it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import RunningGateway, chat_body
from tests.support.otlp import Receiver, given
from tests.support.reply import answer, error
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.telemetry.exporting import HEADER, exporting

PROGRAM = Path(__file__).parents[2] / "target" / "otelcol"

CONFIGURATION = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters:
  otlp_http: {{endpoint: "{url}", compression: none, sending_queue: {{enabled: false}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_http]}}
    metrics: {{receivers: [otlp], exporters: [otlp_http]}}
"""

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="no collector: Go 1.25 builds it (scripts/otelcol.sh)")


@pytest.fixture
def collector(receiver: Receiver, tmp_path: Path) -> Iterator[str]:
    """A running collector that passes everything on to `receiver`; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "otelcol.yaml"
    config.write_text(CONFIGURATION.format(port=port, url=receiver.url))
    with (tmp_path / "otelcol.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "--config", f"file:{config}"], stdout=log, stderr=log)
    try:
        eventually(lambda: _answers(port) or process.poll() is not None, "the collector listens", 30)
        assert process.poll() is None, (tmp_path / "otelcol.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_the_collector_understands(
    collector: str, receiver: Receiver, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.script(error(503), answer())
    text = exporting(upstream, receiver, otlp=collector)
    with RunningGateway(text, tmp_path, TEST_OTLP=HEADER) as gateway:
        assert gateway.chat(chat_body("two")).status == 200
        [spans] = receiver.traces(1).values()
        server = next(span for span in spans if not span.parent_span_id)
        clients = [span for span in spans if span.parent_span_id == server.span_id]
        assert {span.name for span in clients} == {"chat up-model", "chat second"}
        assert given(server.attributes)["http.response.status_code"] == 200
        eventually(lambda: receiver.points("gen_ai.client.operation.duration"), "metrics come through")
        told = receiver.metrics["gen_ai.server.request.duration"].histogram
        assert {point.explicit_bounds[0] for point in told.data_points} == {0.01}
        assert receiver.resources[0]["service.name"] == "tollway"
        assert gateway.health()["degraded"] == []
    assert (tmp_path / "otelcol.log").read_text() == "", "it warns of nothing"
