"""An OTLP/HTTP receiver on loopback: it parses what it gets with OpenTelemetry's own messages, and answers as told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, TypeAlias

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.waiting import eventually

Value: TypeAlias = "str | bool | int | float | list[Value]"
Point: TypeAlias = NumberDataPoint | HistogramDataPoint


def plain(value: AnyValue) -> Value:
    """A value as Python has it."""
    if value.WhichOneof("value") == "array_value":
        return [plain(one) for one in value.array_value.values]
    found: Value = getattr(value, value.WhichOneof("value") or "string_value")
    return found


def given(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    """Attributes, of which none may be there twice."""
    found = [(one.key, plain(one.value)) for one in attributes]
    assert len(dict(found)) == len(found), found
    return dict(found)


@dataclass(frozen=True)
class Reply:
    """How the receiver answers one request; what it answers with anything but 200 is not kept."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    rejected: int = 0
    gate: threading.Event | None = None
    """The answer waits for it."""


@dataclass
class Export:
    """One request."""

    path: str
    headers: dict[str, str]
    status: int
    size: int
    traces: ExportTraceServiceRequest | None = None
    metrics: ExportMetricsServiceRequest | None = None


@dataclass(repr=False)
class Receiver:
    """A receiver; a context manager that ends it. `port` 0 takes a free one.

    It answers each request with the next of `script`, and with `otherwise` when none is left.
    """

    port: int = 0
    otherwise: Reply = field(default_factory=Reply)
    script: deque[Reply] = field(default_factory=deque)
    exports: list[Export] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._lock = threading.Lock()
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """What `telemetry.otlp` is to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[Export]:
        """What was answered with 200."""
        with self._lock:
            return [export for export in self.exports if export.status == 200]

    @property
    def spans(self) -> list[Span]:
        """Every span that was taken."""
        return [
            span
            for export in self.taken
            if export.traces is not None
            for resource in export.traces.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resources(self) -> list[dict[str, Value]]:
        """The resource of every request that was taken."""
        wholes = [export.traces or export.metrics for export in self.taken]
        return [
            given(one.resource.attributes)
            for whole in wholes
            if whole is not None
            for one in (
                whole.resource_spans if isinstance(whole, ExportTraceServiceRequest) else whole.resource_metrics
            )
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """Each metric as it was told last."""
        return {
            metric.name: metric
            for export in self.taken
            if export.metrics is not None
            for resource in export.metrics.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str, attributes: Mapping[str, Value] | None = None) -> list[Point]:
        """The data points of the metric `name` as it was told last, that have these attributes."""
        metric = self.metrics.get(name)
        if metric is None:
            return []
        points: list[Point] = [*metric.sum.data_points, *metric.gauge.data_points, *metric.histogram.data_points]
        wanted = (attributes or {}).items()
        return [point for point in points if wanted <= given(point.attributes).items()]

    def forget(self) -> None:
        """Forget what came."""
        with self._lock:
            self.exports.clear()

    def traces(self, requests: int) -> dict[bytes, list[Span]]:
        """The spans of each trace, once all of `requests` have come."""
        eventually(lambda: len({span.trace_id for span in self.spans}) >= requests, f"{requests} traces come", 20)
        found: dict[bytes, list[Span]] = {}
        for span in self.spans:
            found.setdefault(span.trace_id, []).append(span)
        assert len(found) == requests
        return found

    def stop(self) -> None:
        """End it: its port is free again."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        with self._lock:
            reply = self.script.popleft() if self.script else self.otherwise
        if reply.gate is not None:
            reply.gate.wait(60)
        headers = {name.lower(): value for name, value in request.headers.items()}
        export = Export(request.path, headers, reply.status, len(body))
        said: ExportTraceServiceResponse | ExportMetricsServiceResponse
        if request.path.endswith("/v1/traces"):
            export.traces, said = ExportTraceServiceRequest.FromString(body), ExportTraceServiceResponse()
            said.partial_success.rejected_spans = reply.rejected
        else:
            export.metrics, said = ExportMetricsServiceRequest.FromString(body), ExportMetricsServiceResponse()
            said.partial_success.rejected_data_points = reply.rejected
        with self._lock:
            self.exports.append(export)
        data = said.SerializeToString() if reply.rejected else b""
        request.send_response(reply.status)
        for name, value in (*reply.headers, ("content-length", str(len(data)))):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)
