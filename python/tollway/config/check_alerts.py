"""Checks of `[alerts]` that need a look outside the file, and what the control plane is told of it."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from tollway.config.checks import Checks, Resolved
from tollway.config.fields import check_webhook_url
from tollway.config.schema import Config
from tollway.config.schema_alerts import Webhook
from tollway.config.secrets import MINIMUM_KEY, Secret
from tollway.config.shape import Path

MOST_TOLD = 16 * 1024
"""The most bytes of all webhooks together: the control plane is told them in one line."""

_OWN_NAMES = (".local", ".internal", ".lan", ".home.arpa")


def check_alerts(checks: Checks) -> None:
    """Read the webhooks' URLs, secrets and headers, and the authorities."""
    alerts, resolved = checks.config.alerts, checks.resolved
    if alerts.ca is not None and checks.pem(("alerts", "ca"), alerts.ca, "CERTIFICATE") is not None:
        resolved.alerts_ca = checks.base / alerts.ca.removeprefix("file:")
    for index, webhook in enumerate(alerts.webhooks):
        path: Path = ("alerts", "webhooks", index)
        url = _url(checks, (*path, "url"), webhook)
        secret = checks.secret((*path, "secret"), webhook.secret)
        if secret is not None and len(secret.reveal()) < MINIMUM_KEY:
            hint = "take 32 random bytes: openssl rand -hex 32"
            message = f"the secret has fewer than {MINIMUM_KEY} characters"
            checks.error("weak-secret", (*path, "secret"), message, hint)
        headers = checks.headers((*path, "headers"), webhook.headers)
        if url is not None and secret is not None:
            resolved.webhooks.append((url, secret, webhook.kinds, headers))
    told = [part for url, secret, _, headers in resolved.webhooks for part in (url, secret, *headers.values())]
    if sum(len(part.reveal().encode()) for part in told) > MOST_TOLD:
        hint = f"keep all of them within {MOST_TOLD // 1024} KiB"
        checks.error("out-of-range", ("alerts", "webhooks"), "URLs, secrets and headers are too long", hint)


def _url(checks: Checks, path: Path, webhook: Webhook) -> Secret | None:
    url = checks.read(path, webhook.url)
    if url is None:
        return None
    try:
        check_webhook_url(url.reveal())
    except PydanticCustomError as error:
        context = error.context or {}
        checks.error("bad-url", path, f"`{webhook.url}` does not hold a URL that fits here", str(context.get("hint")))
        return None
    if url.reveal().startswith("http://") and not own(urlsplit(url.reveal()).hostname or ""):
        message = "alerts, and the headers with them, go over the network in clear text"
        checks.warning("clear-text", path, message, "write https://")
    return url


def own(host: str) -> bool:
    """Whether `host` is this machine or, as far as its name tells, in a network of one's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_OWN_NAMES)
    return address.is_private


def compile_alerts(config: Config, resolved: Resolved) -> dict[str, Any] | None:
    """What the control plane needs for delivering, times in seconds: it holds secrets. `None` without webhooks."""
    if not resolved.webhooks:
        return None
    return {
        "timeout": config.alerts.timeout / 1000,
        "ca": None if resolved.alerts_ca is None else str(resolved.alerts_ca.absolute()),
        "webhooks": [
            {
                "url": url.reveal(),
                "secret": secret.reveal(),
                "kinds": kinds,
                "headers": {name: value.reveal() for name, value in headers.items()},
            }
            for url, secret, kinds, headers in resolved.webhooks
        ],
    }
