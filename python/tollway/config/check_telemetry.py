"""Checks of `[telemetry]` that need a look outside the file, and what the control plane is told of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tollway.config.checks import Checks, Resolved
from tollway.config.places import base_url_of
from tollway.config.schema import Config
from tollway.config.schema_provider import ProviderSettings

MOST_TOLD = 32 * 1024
"""The most bytes of headers and resource together: the control plane is told them in one line."""


def check_telemetry(checks: Checks) -> None:
    """Read the headers and the authorities."""
    telemetry = checks.config.telemetry
    resolved = checks.resolved
    resolved.telemetry_headers = checks.headers(("telemetry", "headers"), telemetry.headers)
    if telemetry.ca is not None and checks.pem(("telemetry", "ca"), telemetry.ca, "CERTIFICATE") is not None:
        resolved.telemetry_ca = checks.base / telemetry.ca.removeprefix("file:")
    if checks.has(("telemetry",)) and not checks.has(("telemetry", "otlp")):
        hint = 'add otlp = "http://127.0.0.1:4318", the address of a collector'
        checks.warning("no-effect", ("telemetry",), "nothing is exported: `otlp` is not given", hint)
    texts = [*telemetry.resource.items(), *((name, one.reveal()) for name, one in resolved.telemetry_headers.items())]
    if sum(len(part.encode()) for pair in texts for part in pair) > MOST_TOLD:
        hint = f"keep headers and resource within {MOST_TOLD // 1024} KiB"
        checks.error("out-of-range", ("telemetry",), "headers and resource are too long", hint)


def compile_telemetry(config: Config, resolved: Resolved) -> dict[str, Any] | None:
    """What the control plane needs for exporting, times in seconds: it holds secrets. `None` where nothing is."""
    telemetry = config.telemetry
    if telemetry.otlp is None or not (telemetry.traces or telemetry.metrics):
        return None
    return {
        "url": telemetry.otlp,
        "headers": {name: value.reveal() for name, value in resolved.telemetry_headers.items()},
        "ca": None if resolved.telemetry_ca is None else str(resolved.telemetry_ca.absolute()),
        "traces": telemetry.traces,
        "metrics": telemetry.metrics,
        "interval": telemetry.interval / 1000,
        "timeout": telemetry.timeout / 1000,
        "semconv": telemetry.semconv,
        "resource": {"service.name": telemetry.service_name, **telemetry.resource},
    }


def provider_places(config: Config) -> dict[str, tuple[str, str | None, int | None]]:
    """Of each provider its type, and the host and port where it is: what telemetry tells of it, and nothing secret."""
    return {name: (provider.type, *_place(provider)) for name, provider in config.providers.items()}


def _place(provider: ProviderSettings) -> tuple[str | None, int | None]:
    url = urlsplit(base_url_of(provider) or "")
    return url.hostname, url.port or {"https": 443, "http": 80}.get(url.scheme)
