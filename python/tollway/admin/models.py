"""What the admin API says, as models: checked on the way out, and the source of the OpenAPI document.

A model is also a list of what may be shown: of an answer of the data plane, only what is declared here passes.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Shown(BaseModel):
    """A part of an answer."""

    # Built when it is first needed: most processes never show most of it.
    model_config = ConfigDict(frozen=True, defer_build=True)


def example(**values: JsonValue) -> ConfigDict:
    """The configuration of a model, with an example."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class StoreHealth(Shown):
    """How the store is: where keys, sums, the request log and the audit log are kept."""

    state: Literal["ok", "away"] = Field(description="`away`: traffic goes on, and records wait in the journal.")
    detail: str | None = Field(default=None, description="Why.")
    since_us: int | None = Field(default=None, description="Since when.")


class JournalHealth(Shown):
    """How the journal is, in which records wait on the local disk."""

    state: str = Field(description="`ok`, `filling` from half full on, `full`, or `failing`.")
    bytes: int = Field(description="Its size.")
    max_bytes: int = Field(description="Its bound, `store.journal_max`.")
    unshipped: int = Field(description="What is not in the store yet.")
    lag_us: int = Field(description="The age of the oldest entry that is not in the store yet.")
    dropped: int = Field(description="Entries that were lost, because neither disk nor memory could hold them.")
    detail: str | None = Field(default=None, description="What fails.")
    shipped: int = Field(default=0, description="Entries that this process has put into the store.")
    held: int = Field(default=0, description="Entries that wait in memory for a disk that fails.")
    refused: int = Field(default=0, description="Payloads that a full journal did not take.")
    unknown: int = Field(default=0, description="Entries of a newer version, which were passed over.")
    quarantined: int = Field(default=0, description="Files with a damaged entry, which were put aside.")
    torn: int = Field(default=0, description="Files whose last entry was cut off by a crash.")


class KeysHealth(Shown):
    """Which keys are known."""

    state: Literal["fresh", "local", "none"] = Field(
        description="`fresh` from the store, `local` from the signed copy while it is away, or `none`."
    )
    as_of_us: int | None = Field(default=None, description="When they were read.")
    count: int = Field(default=0, description="How many were made at run time.")


class Health(Shown):
    """How the data plane is."""

    model_config = example(
        status="ready",
        generation=3,
        workers=2,
        connections=12,
        in_flight=4,
        store={"state": "ok", "detail": None, "since_us": 1795267200000000},
        journal={
            "state": "ok",
            "bytes": 1048576,
            "max_bytes": 4294967296,
            "unshipped": 12,
            "lag_us": 90000,
            "dropped": 0,
        },
        keys={"state": "fresh", "as_of_us": 1795267200000000},
        degraded=[],
    )

    status: Literal["ready", "draining"] = Field(description="`draining`: it finishes what runs and takes no more.")
    generation: int = Field(description="Counts configurations: the number of the one in force.")
    workers: int = Field(description="Threads of the data plane.")
    connections: int = Field(description="Client connections that are open.")
    in_flight: int = Field(description="Requests that run.")
    store: StoreHealth | None = Field(default=None, description="Null if nothing is kept.")
    journal: JournalHealth | None = Field(default=None, description="Null if nothing is kept.")
    keys: KeysHealth | None = Field(default=None, description="Null if there are only those of the configuration.")
    degraded: list[str] = Field(
        default_factory=list,
        description=(
            "What does not work as it should: `store`, `journal-filling`, `journal-full`, `journal-failing`, "
            "`keys-local`, `keys-unknown`, `telemetry`, `alerts`."
        ),
    )


class RouteTarget(Shown):
    """A route's reference to a deployment."""

    provider: str = Field(description="The provider's name in the configuration.")
    model: str = Field(description="The model's name at the provider.")
    timeout_ms: int = Field(description="How long one attempt may take in all.")
    first_token_ms: int = Field(description="How long until the first content of a stream.")
    idle_ms: int = Field(description="How long between two pieces of a stream.")
    max_retries: int = Field(description="How often an attempt at this target is repeated.")


class Route(Shown):
    """A route: a logical model name and what serves it."""

    model_config = example(
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
        origin={"strategy": "tollway.toml:31", "targets[0].timeout_ms": "tollway.toml:33", "hooks": "default"},
    )

    name: str = Field(description="What clients send as `model`.")
    strategy: str = Field(description="How a target is chosen.")
    targets: list[RouteTarget] = Field(description="In the order in which they are tried.")
    hooks: list[str] = Field(
        description="Its policy hooks, as `module:function`, in the order in which they are asked."
    )
    guarded: bool = Field(description="Whether it has guardrails of its own.")
    origin: dict[str, str] = Field(
        description="Where each was made: `FILE:LINE`, or `default`. `targets[0].timeout_ms` is one of a target."
    )


class Target(Shown):
    """A deployment that routes refer to, and how it does."""

    model_config = example(
        route="primary-summarization",
        provider="openai",
        model="gpt-4o",
        region="us",
        tags=["baa"],
        state="closed",
        success_rate=0.998,
        p50_ms=412.5,
        p95_ms=1210.0,
        in_flight=3,
        limited_until_us=None,
    )

    route: str = Field(description="The route that refers to it.")
    provider: str = Field(description="The provider's name in the configuration.")
    model: str = Field(description="The model's name at the provider.")
    region: str | None = Field(description="Where the provider processes data, if it was said.")
    tags: list[str] = Field(description="What data policies may ask for.")
    state: Literal["closed", "half-open", "open"] = Field(
        description="Its breaker: `closed` takes traffic, `open` is left alone, `half-open` is being tried."
    )
    success_rate: float = Field(description="The share of recent sends that succeeded; 1 if nothing is known.")
    p50_ms: float | None = Field(
        default=None,
        description="Median time to the first token of the last two minutes; null with too few, or where no route "
        "has a choice to make by it.",
    )
    p95_ms: float | None = Field(default=None, description="The time that 95 % of them kept.")
    in_flight: int = Field(description="Requests that it is serving, from all routes that refer to it.")
    limited_until_us: int | None = Field(
        default=None, description="When its rate limit ends, since 1970; null if none holds."
    )


class Reloaded(Shown):
    """A reload that took effect."""

    model_config = example(generation=4)

    generation: int = Field(description="The number of the configuration that is now in force.")


class Probe(Shown):
    """The answer to a probe."""

    model_config = example(status="ready", data_plane="ready")

    status: Literal["live", "ready", "unready"] = Field(description="The control plane's own state.")
    data_plane: Literal["ready", "draining", "away"] | None = Field(
        default=None, description="The data plane's state, where it was asked for."
    )


class ErrorBody(Shown):
    """What went wrong."""

    message: str = Field(description="For people.")
    type: str = Field(description="The class of the error.")
    param: str | None = Field(description="Which part of the request is at fault.")
    code: str = Field(description="For programs; stable.")


class Error(Shown):
    """Every answer that is not a success, in the shape of OpenAI's errors."""

    model_config = example(
        error={
            "message": "The admin token is missing or wrong.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_admin_token",
        }
    )

    error: ErrorBody


class OpenApi(Shown):
    """This document."""

    model_config = ConfigDict(extra="allow")

    openapi: str = Field(description="The version of the OpenAPI specification.")
    info: dict[str, Any] = Field(description="Title and version.")
    paths: dict[str, Any] = Field(description="The operations.")
