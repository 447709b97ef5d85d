"""`/admin/v1/audit`: who changed what, in a chain of hashes that shows what was tampered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, JsonValue

from tollway.admin.control import STORE_TIMEOUT, VERIFY_TIMEOUT
from tollway.admin.models import Shown, example
from tollway.admin.models_keys import Cursor, Limit
from tollway.admin.models_requests import Sought
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import Query, read_body, read_query
from tollway.config.fields import Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ENTRY: dict[str, Any] = {
    "seq": 12,
    "at_us": 1795267200000000,
    "actor": "admin:ada",
    "action": "patch",
    "kind": "key",
    "name": "k3v9x2m4q8ta",
    "before": {"team": "data-science"},
    "after": {"team": "research"},
    "previous": _DIGEST,
    "hash": _DIGEST,
}
_HEAD: dict[str, Any] = {"seq": 12, "hash": _DIGEST, "at_us": 1795267200000000, "signature": _DIGEST}

Seq = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
Digest = Annotated[str, Field(pattern="^[0-9a-fA-F]{0,128}$")]


class Entry(Shown):
    """One change."""

    model_config = example(**_ENTRY)

    seq: int = Field(description="Counts entries.")
    at_us: int = Field(description="When, in microseconds since 1970 (UTC).")
    actor: str = Field(description="Who: `admin`, or `admin:NAME` with the name of `x-tollway-actor`.")
    action: str = Field(description="What was done.")
    kind: str = Field(description="To what kind of thing.")
    name: str = Field(description="To which.")
    before: JsonValue = Field(default=None, description="Its settings before.")
    after: JsonValue = Field(default=None, description="Its settings after.")
    previous: str = Field(description="The hash of the entry before.")
    hash: str = Field(description="SHA-256 over this entry and `previous`.")


class Entries(Shown):
    """One page of the audit log."""

    model_config = example(data=[_ENTRY], next=None)

    data: list[Entry]
    next: str | None = Field(description="`after` of the next page; null on the last.")


class Head(Shown):
    """The newest entry, signed: kept elsewhere, it shows later whether the log was cut."""

    model_config = example(**_HEAD)

    seq: int
    hash: str
    at_us: int
    signature: str = Field(description="HMAC-SHA-256 under a key that is derived from `server.secret`.")


class SignedHead(Settings):
    """A head as `audit/head` gave it."""

    model_config = example(**_HEAD)

    seq: Seq
    hash: Digest
    at_us: Seq
    signature: Digest


class Bad(Shown):
    """The first entry that does not fit."""

    seq: int
    why: str


class Verified(Shown):
    """What became of reading the whole chain."""

    model_config = example(ok=True, entries=12, first_bad=None)

    ok: bool
    entries: int = Field(description="How many entries there are.")
    first_bad: Bad | None = None


class AuditQuery(Query):
    """Which entries, the newest first."""

    limit: Limit = 100
    after: Cursor | None = None
    actor: Sought | None = Field(default=None, description="Of this actor.", examples=["admin:ada"])
    action: Sought | None = Field(default=None, description="Of this action.")
    object: Sought | None = Field(default=None, description="About the thing of this name.")


async def _search(request: Request, context: Context) -> Response:
    query = read_query(request, AuditQuery)
    found = await ask(context, "audit.search", query.model_dump(exclude_none=True), timeout=STORE_TIMEOUT)
    return answer(Entries, found)


async def _head(_request: Request, context: Context) -> Response:
    return answer(Head, await ask(context, "audit.head", timeout=STORE_TIMEOUT))


async def _verify(_request: Request, context: Context) -> Response:
    return answer(Verified, await ask(context, "audit.verify", timeout=VERIFY_TIMEOUT))


async def _verify_against(request: Request, context: Context) -> Response:
    head = await read_body(request, SignedHead)
    verified = await ask(context, "audit.verify", {"head": head.model_dump()}, timeout=VERIFY_TIMEOUT)
    return answer(Verified, verified)


OPERATIONS = (
    Operation("/admin/v1/audit", _search, "Who changed what", Entries, query=AuditQuery, refusals=(401, 422, 503)),
    Operation("/admin/v1/audit/head", _head, "The newest entry, signed", Head),
    Operation("/admin/v1/audit/verify", _verify, "Check the chain of hashes", Verified),
    Operation(
        "/admin/v1/audit/verify",
        _verify_against,
        "Check the chain, and that it still holds the entry of a signed head",
        Verified,
        method="POST",
        refusals=(400, 401, 408, 413, 422, 503),
        body=SignedHead,
    ),
)
