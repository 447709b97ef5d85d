"""What is exported at the moment: nothing, or as the settings in force say."""

from __future__ import annotations

import hashlib
import socket
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tollway.admin.otlp.backlog import Backlog
from tollway.admin.otlp.delivery import Delivery
from tollway.admin.otlp.loops import MetricLoop, Origin, TraceLoop
from tollway.admin.otlp.metrics import Metrics
from tollway.admin.otlp.names import Names
from tollway.admin.otlp.running import Running
from tollway.admin.otlp.sender import Sender
from tollway.admin.otlp.settings import POSITION, PROVIDERS, Provider, Settings, providers
from tollway.admin.otlp.spans import Spans, attributes
from tollway.admin.otlp.state import State

if TYPE_CHECKING:
    from pathlib import Path

    from tollway.admin.control import Control
    from tollway.admin.otlp.state import Signal


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway whose telemetry it is: its private folder, its version, and its start in nanoseconds since 1970."""

    folder: Path
    version: str
    began: int


class Exporter:
    """Exports as the settings in force say, and counts what became of it."""

    def __init__(self, control: Control, gateway: Gateway) -> None:
        self._control = control
        self._gateway = gateway
        self._state = State()
        self._backlog = Backlog(gateway.folder / POSITION)
        self._settings: tuple[Settings, dict[str, Provider]] | None = None
        self._running = Running("otlp.fault", lambda: self._state.went("traces", "fault"))

    @property
    def failing(self) -> bool:
        """Whether the receiver does not take what is sent."""
        return self._state.failing

    def page(self) -> str:
        """The lines that `/metrics` has of this."""
        return self._state.page(self._backlog.spans)

    async def apply(self, settings: Settings | None, *, resume: bool = False) -> None:
        """Export as `settings` say from now on; not at all without.

        With `resume`, an earlier child's work is taken up; else only what comes from now on is exported.
        """
        wanted = None if settings is None else (settings, self._providers())
        if wanted == self._settings:
            return
        await self.end()
        traced = wanted is not None and wanted[0].traces > 0
        if not traced:
            self._state.dropped("traces", "stopped", self._backlog.clear())
        self._state.off()
        self._settings = wanted
        if wanted is None:
            return
        if resume and traced:
            self._backlog.resume()
        self._start(*wanted)

    async def end(self) -> None:
        """Send what there is, as far as that is soon done, and stop."""
        if await self._running.end():
            self._backlog.put_back()

    def _start(self, settings: Settings, known: dict[str, Provider]) -> None:
        names = Names(settings.semconv)
        origin = self._origin(settings, names)
        if settings.traces > 0:
            loop = TraceLoop(self._control, self._delivery("traces", settings), self._backlog, origin)
            spans = Spans(names, known)
            self._running.run(loop.fetch(spans, settings.traces))
            self._running.run(loop.send())
        if settings.metrics:
            metrics = Metrics(names, known, self._gateway.began)
            measured = MetricLoop(self._control, self._delivery("metrics", settings), origin, self.page)
            self._running.run(measured.run(metrics, settings.interval))

    def _delivery(self, signal: Signal, settings: Settings) -> Delivery[State]:
        # A connection each: spans must not wait for metrics.
        sender = Sender(f"{settings.url}/v1/{signal}", settings.headers, settings.ca, settings.timeout)
        self._running.connect(sender)
        return Delivery(signal, sender, self._state, self._running.ending)

    def _origin(self, settings: Settings, names: Names) -> Origin:
        version = self._gateway.version
        given = {
            "service.version": version,
            "service.instance.id": _instance(self._gateway.folder.name),
            "host.name": socket.gethostname(),
            **settings.resource,
        }
        resource = Resource(attributes=attributes(dict(given.items())))
        return Origin(resource, InstrumentationScope(name="tollway", version=version), names["schema"] or "")

    def _providers(self) -> dict[str, Provider]:
        try:
            return providers(orjson.loads((self._gateway.folder / PROVIDERS).read_bytes()))
        except (OSError, ValueError):
            return {}  # their names alone are told then


def _instance(folder: str) -> str:
    """The `service.instance.id` of the gateway whose private folder is `folder`: the same for all of its children."""
    return str(uuid.UUID(bytes=hashlib.sha256(folder.encode()).digest()[:16], version=4))
