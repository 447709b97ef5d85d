"""The tables of the process itself: `[server]`, `[store]`, `[state]`, `[admin]`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tollway.config.fields import FilePath, HeaderName, Listen, NotYet, SecretRef, Settings, StateUrl, StoreUrl
from tollway.config.quantities import Days, Duration, Flush, Size


def preset(written: str, description: str) -> Any:  # noqa: ANN401 - what a field is assigned is of the type of its annotation
    """A field whose default is given as it would be written in the file, and is checked in the same way."""
    return Field(default=written, validate_default=True, description=description)


class Tls(Settings):
    """`[server.tls]`: TLS on the data plane's listener; HTTP/2 is offered by ALPN."""

    cert: FilePath = Field(description="PEM file of the certificate, followed by its chain.")
    key: FilePath = Field(description="PEM file of the certificate's private key, not encrypted.")
    client_ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities whose client certificates are demanded and accepted."
    )
    trusted_identity_header: Annotated[HeaderName | None, NotYet()] = Field(
        default=None, description="Header in which a trusted proxy names the caller; only with `client_ca`."
    )


class Server(Settings):
    """`[server]`: listeners, threads and the bounds of what a client may send."""

    listen: Listen = preset("127.0.0.1:8080", "Address of the data plane; port 0 takes a free one.")
    admin: Listen = preset("127.0.0.1:8081", "Address of the control plane: admin API, dashboard and `/metrics`.")
    workers: int = Field(default=0, ge=0, le=1024, description="Threads of the data plane; 0 is one per core.")
    hook_threads: int = Field(default=4, ge=1, le=256, description="Threads that run synchronous policy hooks.")
    drain: Duration = preset("30s", "How long running requests may take to finish on shutdown.")
    secret: SecretRef | None = Field(
        default=None,
        description="Keys the hashes of virtual keys. Made once, into a file that only its owner reads, if not given.",
    )
    max_head: Size = preset("64KiB", "Most bytes of a request's head.")
    max_body: Size = preset("32MiB", "Most bytes of a request's body.")
    max_upload: Size = preset("512MiB", "Most bytes of a request that is not held: forms with files, and what passes.")
    max_connections: int = Field(default=65_536, ge=1, le=1 << 24, description="Most client connections at a time.")
    max_streams: int = Field(
        default=256, ge=1, le=65_536, description="Most concurrent streams of one HTTP/2 connection."
    )
    head_timeout: Duration = preset(
        "75s", "How long a client may take to send a request's head, and how long an idle connection is kept."
    )
    body_timeout: Duration = preset("60s", "How long a client may take to send a request's body.")
    write_timeout: Duration = preset("60s", "How long a client may take nothing of what is written to it.")
    tls: Tls | None = Field(default=None, description="TLS on the data plane's listener; plain HTTP if not given.")


class Retention(Settings):
    """`store.retention`: how long records are kept."""

    requests: Days | None = Field(default=None, description="How long request records are kept; for ever if not given.")
    rollups: Days | None = Field(
        default=None, description="How long the sums by hour and day are kept; for ever if not given."
    )


class Store(Settings):
    """`[store]`: where keys, roll-ups, the request log and the audit log are kept, and the journal on the way there."""

    url: StoreUrl = preset("sqlite:tollway.db", "`sqlite:PATH` or `postgres://…`.")
    journal: FilePath = Field(default="tollway-journal", description="Folder of the local durable outbox.")
    journal_max: Size = preset("4GiB", "Most bytes of the outbox.")
    on_full: Literal["refuse", "drop-payloads"] = Field(
        default="refuse", description="What happens when the outbox is full: refuse requests, or keep no payloads."
    )
    fsync: Flush = preset(
        "100ms", "How often the outbox is flushed to the disk; `always`: before each answer's last byte."
    )
    payload_sampling: float = Field(
        default=0.0, ge=0, le=1, description="Share of the requests whose bodies and answers are kept too."
    )
    retention: Retention = Field(default_factory=Retention, description="How long records are kept.")


class State(Settings):
    """`[state]`: what replicas share: limits, budgets, breakers and the cache."""

    url: StateUrl = preset("memory:", "`memory:` for one replica, `redis://…` for several.")
    outage: Literal["bounded", "open", "closed"] = Field(
        default="bounded", description="While the shared state is away: go on with a bounded share, freely, or refuse."
    )


class Admin(Settings):
    """`[admin]`: who may use the control plane."""

    token: SecretRef | None = Field(
        default=None,
        description="Bearer token of the admin API. Made once, into a file that only its owner reads, if not given.",
    )
    metrics: Literal["open", "token"] = Field(
        default="open",
        description="Whether `/metrics` is open to all who reach the control plane, or asks for the token.",
    )
