"""The configuration of a gateway that exports."""

from __future__ import annotations

from tests.support.gateway import minimal
from tests.support.otlp import Receiver
from tests.support.upstream import ScriptedUpstream

HEADER = "canary-otlp-header-7f3a9c51e2"
"""The secret that every request to the receiver carries."""


def exporting(upstream: ScriptedUpstream, receiver: Receiver | None, **settings: object) -> str:
    """A configuration with a route of two targets, `two`, besides `m`; it exports to `receiver`, if there is one."""
    tables: dict[str, dict[str, object]] = {}
    if receiver is not None:
        headers = {"x-api-key": "env:TEST_OTLP"}
        tables["telemetry"] = {"otlp": receiver.url, "interval": "200ms", "headers": headers, **settings}
    up = {"provider": "up", "model": "up-model", "max_retries": 0}
    return minimal(
        upstream.url,
        provider={"region": "eu"},
        routes={"two": {"strategy": "fallback", "targets": [up, {**up, "model": "second"}]}},
        keys={"test": {"secret": "env:TEST_KEY", "team": "red", "project": "tickets", "environment": "dev"}},
        **tables,
    )
