"""The two loops of an export: records to spans to the receiver, and `/metrics` to the receiver."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from tollway.admin.control import Refused, Unavailable
from tollway.admin.otlp.metrics import count
from tollway.admin.otlp.page import families
from tollway.admin.otlp.spans import sampled
from tollway.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tollway.admin.control import Control
    from tollway.admin.otlp.backlog import Backlog
    from tollway.admin.otlp.delivery import Delivery
    from tollway.admin.otlp.metrics import Metrics
    from tollway.admin.otlp.spans import Spans
    from tollway.admin.otlp.state import State

PAUSE = 0.1
"""Seconds between two looks for new records, of which the data plane holds the latest only (`books/ring.rs`)."""

MOST_RECORDS = 500
"""Records of one look: as many as are told at once. Where there are so many, the next look follows at once."""

ENOUGH_SPANS, MOST_SPANS = 512, 2_048
"""Spans of one request: as many are not kept waiting (as OpenTelemetry has it), and about as many it has at most."""

GATHERED = 1.0
"""Seconds for which spans are gathered into one request."""


class Origin:
    """Who says it: what every request begins with."""

    def __init__(self, resource: Resource, scope: InstrumentationScope, schema: str) -> None:
        self._resource = resource
        self._scope = scope
        self._schema = schema

    def spans(self, spans: list[Span]) -> bytes:
        """A request with `spans`."""
        scoped = ScopeSpans(scope=self._scope, spans=spans, schema_url=self._schema)
        whole = ResourceSpans(resource=self._resource, scope_spans=[scoped], schema_url=self._schema)
        return ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()

    def metrics(self, metrics: list[Metric]) -> bytes:
        """A request with `metrics`."""
        scoped = ScopeMetrics(scope=self._scope, metrics=metrics, schema_url=self._schema)
        whole = ResourceMetrics(resource=self._resource, scope_metrics=[scoped], schema_url=self._schema)
        return ExportMetricsServiceRequest(resource_metrics=[whole]).SerializeToString()


class TraceLoop:
    """Fetches records and sends their spans, until `delivery.ending` is set and what there is has been sent."""

    def __init__(self, control: Control, delivery: Delivery[State], backlog: Backlog, origin: Origin) -> None:
        self._control = control
        self._delivery = delivery
        self._backlog = backlog
        self._origin = origin
        self._fetched = False

    async def fetch(self, spans: Spans, share: float) -> None:
        """Fetch the records as they come, and put the spans of `share` of them into the backlog."""
        backlog, delivery = self._backlog, self._delivery
        while True:
            last = delivery.ending.is_set()
            page: Any = await _ask(self._control, "tail", {"after": backlog.next, "limit": MOST_RECORDS})
            if page is not None:
                delivery.state.dropped("traces", "missed", page["missed"])
                records = page["data"]
                made = await aside(partial(_spans_of, records, spans, share))
                for number, some in made:
                    if some is None:
                        delivery.state.dropped("traces", "unreadable", 1)
                    else:
                        delivery.state.dropped("traces", "queue_full", backlog.add(number, some))
                backlog.next = page["next"]
                backlog.remember()
            if page is None or len(page["data"]) < MOST_RECORDS:
                if last:
                    self._fetched = True
                    backlog.arrived.set()
                    return
                await delivery.pause(PAUSE)

    async def send(self) -> None:
        """Send what the backlog holds, as it comes."""
        backlog, delivery = self._backlog, self._delivery
        while True:
            await backlog.arrived.wait()
            if backlog.spans < ENOUGH_SPANS:
                await delivery.pause(GATHERED)
            batch = backlog.take(MOST_SPANS)
            if batch:
                body = await aside(partial(self._origin.spans, batch))
                if not await delivery.deliver(body, len(batch), _rejected_spans):
                    backlog.put_back()
                    return  # the end has begun, and the receiver is away
                backlog.done()
            elif self._fetched:
                return
            elif delivery.ending.is_set():
                await asyncio.sleep(PAUSE / 10)  # the last look is under way


def _spans_of(records: list[dict[str, Any]], spans: Spans, share: float) -> list[tuple[int, list[Span] | None]]:
    made: list[tuple[int, list[Span] | None]] = []
    for record in records:
        try:
            if sampled(record, share):
                made.append((record["seq"], spans.of(record)))
        except (KeyError, ValueError, TypeError, OverflowError):
            made.append((record.get("seq", 0), None))
    return made


class MetricLoop:
    """Sends `/metrics` every `interval` seconds, and once more when `delivery.ending` is set."""

    def __init__(self, control: Control, delivery: Delivery[State], origin: Origin, page: Callable[[], str]) -> None:
        self._control = control
        self._delivery = delivery
        self._origin = origin
        self._page = page

    async def run(self, metrics: Metrics, interval: float) -> None:
        """Do so. `page` gives the lines that are not the data plane's."""
        while True:
            last = self._delivery.ending.is_set()
            # From the first turn on: a gateway that serves nothing yet shows that it lives.
            due = time.monotonic() + interval
            page = await _ask(self._control, "metrics", {})
            if page is not None:
                await self._export(metrics, f"{page}{self._page()}", due)
            if last:
                return
            await self._delivery.pause(max(due - time.monotonic(), 0.0))

    async def _export(self, metrics: Metrics, page: str, due: float) -> None:
        now = time.time_ns()
        parts = await aside(lambda: [(self._origin.metrics(part), part) for part in metrics.of(families(page), now)])
        for at, (body, part) in enumerate(parts):
            if not await self._delivery.deliver(body, _points(part), _rejected_points, due):
                # Sums go on: what the next turn sends says all that this one would have said.
                left = sum(_points(part) for _, part in parts[at:])
                self._delivery.state.dropped("metrics", "replaced", left)
                return


def _points(metrics: list[Metric]) -> int:
    return sum(count(metric) for metric in metrics)


async def _ask(control: Control, name: str, given: dict[str, object]) -> object:
    """What the data plane answers; `None` while it does not."""
    try:
        return await control.call(name, given)
    except (Unavailable, Refused):
        return None


def _rejected_spans(body: bytes) -> int:
    try:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    except DecodeError:
        return 0


def _rejected_points(body: bytes) -> int:
    try:
        return int(ExportMetricsServiceResponse.FromString(body).partial_success.rejected_data_points)
    except DecodeError:
        return 0
