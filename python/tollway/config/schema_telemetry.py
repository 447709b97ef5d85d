"""`[telemetry]`: traces and metrics for an OpenTelemetry collector."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints

from tollway.config.fault import fault
from tollway.config.fields import BaseUrl, FilePath, HeaderName, Hidden, SecretRef, Settings, text_of
from tollway.config.quantities import Duration
from tollway.config.schema_server import preset

Version = Literal["1.41", "1.36"]
"""The versions of the semantic conventions whose names can be sent."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _known(value: object) -> object:
    if text_of(value) not in get_args(Version):
        known = " or ".join(f'"{one}"' for one in get_args(Version))
        raise fault("unknown-value", f"the version `{str(value)[:20]}` is not known here", f"write {known}")
    return value


class Telemetry(Settings):
    """`[telemetry]`: traces and metrics over OTLP; off unless `otlp` is given."""

    otlp: BaseUrl | None = Field(
        default=None,
        description="Where an OTLP/HTTP receiver is; `/v1/traces` and `/v1/metrics` are added. Off if not given.",
    )
    headers: Annotated[dict[HeaderName, SecretRef], Hidden(), Field(max_length=32)] = Field(
        default_factory=dict,
        description="Headers that every request to the receiver carries; values may be references.",
    )
    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust instead of the system's."
    )
    traces: float = Field(default=1.0, ge=0, le=1, description="Share of the traces that are exported.")
    metrics: bool = Field(default=True, description="Whether metrics are exported.")
    interval: Duration = preset("15s", "How often metrics are exported.")
    timeout: Duration = preset("10s", "How long one request to the receiver may take.")
    semconv: Annotated[Version, BeforeValidator(_known)] = Field(
        default="1.41", description="Which version's names of the GenAI semantic conventions are sent."
    )
    service_name: Text = Field(default="tollway", description="`service.name` of everything that is exported.")
    resource: Annotated[dict[Text, Text], Field(max_length=64)] = Field(
        default_factory=dict, description="Further attributes of the resource, such as `deployment.environment.name`."
    )
