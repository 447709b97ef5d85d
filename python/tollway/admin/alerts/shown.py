"""An alert as the admin API and webhooks show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_SHOWN = ("id", "kind", "severity", "subject", "message", "state", "count")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shown(alert: dict[str, Any]) -> dict[str, Any]:
    """`alert` of the data plane, with its times as RFC 3339 writes them."""
    times = {"first_at": moment(alert["first_us"]), "last_at": moment(alert["last_us"])}
    return {name: alert[name] for name in _SHOWN} | times


def moment(us: int) -> str:
    """A moment, given in microseconds since 1970, in UTC."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")
