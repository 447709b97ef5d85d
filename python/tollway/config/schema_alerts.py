"""`[alerts]`: what an operator is told of, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tollway.config.fields import FilePath, HeaderName, Hidden, Many, SecretRef, Settings, WebhookUrl
from tollway.config.quantities import Duration
from tollway.config.schema_server import preset

Kind = Literal["dead_key", "quota_exhausted", "breaker_open", "pin_drift", "rule_failed", "callback_failed"]
"""What is told of (`rust/dataplane/src/alert.rs`)."""


class Webhook(Settings):
    """One of `alerts.webhooks`: a URL to which each alert is posted, signed."""

    url: WebhookUrl = Field(description="Where alerts are posted, or a reference to that: such a URL may be a secret.")
    secret: SecretRef = Field(description="Signs each request, in `x-tollway-signature`. At least 16 characters.")
    kinds: Annotated[Many[Kind], Field(min_length=1)] | None = Field(
        default=None, description="The kinds that are posted here; all if not given."
    )
    headers: Annotated[dict[HeaderName, SecretRef], Hidden(), Field(max_length=32)] = Field(
        default_factory=dict, description="Headers that every request carries; values may be references."
    )


class Alerts(Settings):
    """`[alerts]`: what an operator is told of, and where. Each alert is one line of the log, whatever is set here."""

    quiet: Duration = preset("5m", "How long an alert that goes on firing is not told again.")
    webhooks: Annotated[Many[Webhook], Field(max_length=16)] = Field(default=(), description="Who is told.")
    timeout: Duration = preset("10s", "How long one request to a webhook may take.")
    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust for webhooks, instead of the system's."
    )
