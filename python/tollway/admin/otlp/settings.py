"""What the supervisor tells of `[telemetry]`, on standard input: the headers are secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROVIDERS = "providers.json"
"""The file beside the control socket that says of each provider its type and where it is."""

POSITION = "exported"
"""The file beside the control socket that says which record is the next to be exported."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`[telemetry]`, with every default and reference settled. Times are in seconds."""

    url: str
    headers: dict[str, str] = field(repr=False)
    ca: str | None
    traces: float
    metrics: bool
    interval: float
    timeout: float
    semconv: str
    resource: dict[str, str]

    @classmethod
    def parse(cls, line: dict[str, Any]) -> Settings:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        return cls(
            url=str(line["url"]),
            headers=dict(line["headers"]),
            ca=line["ca"],
            traces=float(line["traces"]),
            metrics=bool(line["metrics"]),
            interval=float(line["interval"]),
            timeout=float(line["timeout"]),
            semconv=str(line["semconv"]),
            resource=dict(line["resource"]),
        )


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of the configuration: its `type`, and where it is, which the mock is nowhere."""

    kind: str
    host: str | None = None
    port: int | None = None


def providers(told: dict[str, Any]) -> dict[str, Provider]:
    """The providers by their names, from the supervisor's JSON."""
    return {name: Provider(*one) for name, one in told.items()}
