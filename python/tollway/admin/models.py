"""What the admin API says, as models: checked on the way out, and the source of the OpenAPI document.

A model is also a list of what may be shown: of an answer of the data plane, only what is declared here passes.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


def _example(**values: JsonValue) -> ConfigDict:
    return ConfigDict(frozen=True, json_schema_extra={"examples": [values]})


class Health(BaseModel):
    """How the data plane is."""

    model_config = _example(status="ready", generation=3, workers=2, connections=12, in_flight=4)

    status: Literal["ready", "draining"] = Field(description="`draining`: it finishes what runs and takes no more.")
    generation: int = Field(description="Counts configurations: the number of the one in force.")
    workers: int = Field(description="Threads of the data plane.")
    connections: int = Field(description="Client connections that are open.")
    in_flight: int = Field(description="Requests that run.")


class RouteTarget(BaseModel):
    """A route's reference to a deployment."""

    model_config = ConfigDict(frozen=True)

    provider: str = Field(description="The provider's name in the configuration.")
    model: str = Field(description="The model's name at the provider.")
    timeout_ms: int = Field(description="How long one attempt may take in all.")
    first_token_ms: int = Field(description="How long until the first content of a stream.")
    idle_ms: int = Field(description="How long between two pieces of a stream.")
    max_retries: int = Field(description="How often an attempt at this target is repeated.")


class Route(BaseModel):
    """A route: a logical model name and what serves it."""

    model_config = _example(
        name="primary-summarization",
        strategy="fallback",
        targets=[
            {
                "provider": "openai",
                "model": "gpt-4o",
                "timeout_ms": 30000,
                "first_token_ms": 30000,
                "idle_ms": 30000,
                "max_retries": 2,
            }
        ],
        hooks=["my_policies:check"],
        guarded=True,
    )

    name: str = Field(description="What clients send as `model`.")
    strategy: str = Field(description="How a target is chosen.")
    targets: list[RouteTarget] = Field(description="In the order in which they are tried.")
    hooks: list[str] = Field(
        description="Its policy hooks, as `module:function`, in the order in which they are asked."
    )
    guarded: bool = Field(description="Whether it has guardrails of its own.")


class Target(BaseModel):
    """A deployment that routes refer to, and how it does."""

    model_config = _example(route="primary-summarization", provider="openai", model="gpt-4o", region="us", tags=["baa"])

    route: str = Field(description="The route that refers to it.")
    provider: str = Field(description="The provider's name in the configuration.")
    model: str = Field(description="The model's name at the provider.")
    region: str | None = Field(description="Where the provider processes data, if it was said.")
    tags: list[str] = Field(description="What data policies may ask for.")


class Key(BaseModel):
    """A virtual key, as policy. Neither the key nor its hash is ever shown."""

    model_config = _example(
        id="summarizer",
        team="data-science",
        project="tickets",
        environment="dev",
        models=["primary-summarization"],
        expires=None,
        revoked=False,
    )

    id: str = Field(description="The key's name in the configuration.")
    team: str | None = Field(description="Whose it is.")
    project: str | None = Field(description="What it is for.")
    environment: str | None = Field(description="Where it is used.")
    models: list[str] | None = Field(description="The routes that it may use; null for all.")
    expires: int | None = Field(description="When it ends, in seconds since 1970 (UTC); null for never.")
    revoked: bool = Field(description="Whether it was revoked.")


class Reloaded(BaseModel):
    """A reload that took effect."""

    model_config = _example(generation=4)

    generation: int = Field(description="The number of the configuration that is now in force.")


class Probe(BaseModel):
    """The answer to a probe."""

    model_config = _example(status="ready", data_plane="ready")

    status: Literal["live", "ready", "unready"] = Field(description="The control plane's own state.")
    data_plane: Literal["ready", "draining", "away"] | None = Field(
        default=None, description="The data plane's state, where it was asked for."
    )


class ErrorBody(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(frozen=True)

    message: str = Field(description="For people.")
    type: str = Field(description="The class of the error.")
    param: str | None = Field(description="Which part of the request is at fault.")
    code: str = Field(description="For programs; stable.")


class Error(BaseModel):
    """Every answer that is not a success, in the shape of OpenAI's errors."""

    model_config = _example(
        error={
            "message": "The admin token is missing or wrong.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_admin_token",
        }
    )

    error: ErrorBody


class OpenApi(BaseModel):
    """This document."""

    model_config = ConfigDict(frozen=True, extra="allow")

    openapi: str = Field(description="The version of the OpenAPI specification.")
    info: dict[str, Any] = Field(description="Title and version.")
    paths: dict[str, Any] = Field(description="The operations.")
