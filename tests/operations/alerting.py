"""A gateway that tells a receiver of alerts, and what the receiver makes of them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import Reply, completion, whole
from tests.support.upstream import Received, ScriptedUpstream

SECRET = "canary-webhook-secret-5b1e90d2c7"
"""What requests to the receiver are signed with."""

HEADER = "canary-webhook-header-81f3a6e04d"
"""What every request to it carries."""

PATH = "/canary-webhook-path-c92d7f10ab?team=red"
"""Where it is told; such a URL is a secret itself."""

TAKEN = Reply(204, ())

Start = Callable[..., RunningGateway]


def alerting(upstream: ScriptedUpstream, *urls: str, webhook: dict[str, object] | None = None, **more: object) -> str:
    """A configuration whose route is pinned to a model; it tells the receivers at `urls`."""
    webhooks = [
        {
            "url": url,
            "secret": "env:TEST_WEBHOOK",
            "headers": {"x-api-key": "env:TEST_WEBHOOK_HEADER"},
            **(webhook or {}),
        }
        for url in urls
    ]
    target = {"provider": "up", "model": "up-model", "pin": "pinned", "max_retries": 0}
    return minimal(
        upstream.url,
        provider={"breaker": {"consecutive": 2, "cooldown": "100ms", "max_cooldown": "100ms"}},
        routes={"p": {"strategy": "fallback", "targets": [target]}},
        alerts={"quiet": "1h", "webhooks": webhooks, **more},
    )


def drift(model: str) -> Reply:
    """An answer of another model than the pinned one."""
    return whole(completion(model=model))


def verified(received: Received) -> dict[str, Any]:
    """What a request says, whose signature must be right."""
    parts = dict(part.split("=", 1) for part in (received.header("x-tollway-signature") or "").split(","))
    signed = f"{parts['t']}.".encode() + received.body
    assert parts["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert received.header("content-type") == "application/json"
    assert received.header("x-api-key") == HEADER
    assert (received.method, received.target) == ("POST", PATH)
    said: dict[str, Any] = received.json()
    event = "test" if said["kind"] == "test" else said["state"]
    assert received.header("x-tollway-event") == f"alert.{event}"
    assert (received.header("x-tollway-delivery") or "").startswith(f"{said['id']}.")
    return said
