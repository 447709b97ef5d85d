"""What the supervisor tells the control plane, on its standard input: never in arguments or the environment."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tollway.admin.alerts.settings import Settings as Alerts
from tollway.admin.otlp.settings import Settings as Telemetry
from tollway.credentials.settings import Settings as Credentials

ORIGINS = "origins.json"
"""The file beside the control socket that says where each setting of each route was made."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first line: what stays as it is for the life of the process. `began` is when the gateway did, in ns."""

    fd: int
    control: str
    version: str
    began: int
    access: Access

    @classmethod
    def parse(cls, line: dict[str, Any]) -> Start:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        access = Access.parse(line["access"])
        return cls(int(line["fd"]), str(line["control"]), str(line["version"]), int(line["began_ns"]), access)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what, what is exported, who is told of alerts, what is fetched; a reload sends it anew.

    Only the token's digest is kept, so a printout shows nothing of use.
    """

    digest: bytes
    metrics_open: bool
    telemetry: Telemetry | None = None
    alerts: Alerts | None = None
    credentials: Credentials | None = None

    @classmethod
    def parse(cls, line: dict[str, Any]) -> Access:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        told = line.get("telemetry")
        telemetry = None if told is None else Telemetry.parse(told)
        alerts = None if line.get("alerts") is None else Alerts.parse(line["alerts"])
        credentials = None if line.get("credentials") is None else Credentials.parse(line["credentials"])
        digest = sha256(str(line["token"]).encode()).digest()
        return cls(digest, bool(line["metrics_open"]), telemetry, alerts, credentials)

    def allows(self, token: str) -> bool:
        """Whether `token` is the admin token; digests are compared, so time tells neither its text nor its length."""
        return hmac.compare_digest(self.digest, sha256(token.encode()).digest())
