"""The record of a request as the admin API shows it, and the queries that search for records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, StringConstraints, create_model

from tollway.admin.models import Shown, example
from tollway.admin.models_keys import Cursor
from tollway.admin.moments import Instant
from tollway.admin.reading import Query

Sought = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Number = Annotated[int, Field(ge=0, le=1 << 53)]


class Attempt(Shown):
    """One send to one target."""

    provider: str
    model: str
    class_: str = Field(alias="class", description="How it ended: `ok`, or the class of the error.")
    status: int | None = Field(default=None, description="The HTTP status that was answered, if one was.")
    at_us: int = Field(description="When it began, after `accepted_us`.")
    took_us: int = Field(description="How long until its answer was judged.")
    cost_nano: int | None = Field(
        default=None,
        description="About what its input has cost, where it was dropped unanswered, as a hedge that lost is.",
    )


class Tokens(Shown):
    """Tokens in disjoint buckets; null is not known, 0 is none."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    video_input: int | None = None
    video_output: int | None = None
    document_input: int | None = Field(default=None, description="Files, where they are told apart from text.")


class Units(Shown):
    """What is billed in place of tokens, or beside them; null is not known, 0 is none."""

    images: int | None = Field(default=None, description="Pictures that were made.")
    audio_input_ms: int | None = Field(default=None, description="The length of recordings that were heard.")
    characters: int | None = Field(default=None, description="Characters that were spoken.")
    search_units: int | None = Field(default=None, description="Search units of a reranker.")
    web_searches: int | None = Field(default=None, description="Searches of the web by a built-in tool.")


_RECORD: dict[str, JsonValue] = {
    "id": "req_01a5f0c2b3d40123456789abcdef0123",
    "accepted_us": 1795267200000000,
    "endpoint": "chat/completions",
    "status": 200,
    "finish": "stop",
    "stream": True,
    "team": "data-science",
    "key": "k3v9x2m4q8ta",
    "route": "fast",
    "provider": "openai",
    "model": "gpt-4o-mini",
    "attempts": [
        {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "class": "ok",
            "status": 200,
            "at_us": 310,
            "took_us": 412000,
        }
    ],
    "admitted_us": 120,
    "first_token_us": 413000,
    "total_us": 1912000,
    "overhead_us": 340,
    "tokens": {"input": 812, "output": 164},
    "cache": "bypass",
}


class Record(Shown):
    """Everything that is remembered of one request.

    `accepted_us` counts microseconds since 1970 (UTC); `admitted_us`, `sent_us`, `first_token_us` and `total_us` count
    from there; the other times are durations.
    """

    model_config = example(**_RECORD)

    id: str
    accepted_us: int
    endpoint: str
    status: int = Field(description="The status that the caller got; 499 if it left before.")
    error: str | None = Field(default=None, description="The code of the error that the caller got.")
    finish: str | None = None
    stream: bool = False
    organisation: str | None = None
    tenant: str | None = None
    team: str | None = None
    project: str | None = None
    environment: str | None = None
    key: str | None = None
    user: str | None = None
    agent: str | None = None
    session: str | None = None
    task_type: str | None = None
    tags: list[str] = Field(default_factory=list)
    priority: str | None = None
    region: str | None = None
    route: str | None = None
    decision: str | None = Field(default=None, description="Why it went where it went, in short form.")
    provider: str | None = None
    model: str | None = None
    requested_model: str | None = None
    served_model: str | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    upstream_id: str | None = None
    admitted_us: int | None = None
    sent_us: int | None = None
    first_token_us: int | None = None
    total_us: int = 0
    overhead_us: int = Field(default=0, description="The gateway's own share of the time until the answer's head.")
    connect_us: int | None = None
    upstream_us: int = 0
    tokens: Tokens | None = None
    units: Units | None = None
    estimated: bool = Field(default=False, description="Whether `tokens` are our estimate.")
    cost_nano: int | None = Field(default=None, description="Billionths of a US dollar; null if not known.")
    price_version: str | None = None
    service_tier: str | None = Field(default=None, description="The tier that the provider says it was served on.")
    cache: str = ""
    flags: list[str] = Field(default_factory=list)
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_flags: int | None = Field(
        default=None, description="The flags of the caller's trace, where it has one; 1 is `sampled`."
    )
    request_bytes: int = 0
    response_bytes: int = 0


class StoredRecord(Record):
    """A record from the store, and whether its payload was sampled."""

    model_config = example(**_RECORD, payload=False)

    payload: JsonValue = Field(default=None, description="In a search, whether the payload is kept; else the payload.")


class SeenRecord(Record):
    """A record as it comes."""

    model_config = example(**_RECORD, seq=4711)

    payload: bool = Field(default=False, description="Whether the payload is kept.")
    seq: int = Field(description="Counts records; `after` of the next call.")


class Found(Shown):
    """One page of a search."""

    model_config = example(data=[_RECORD], next=None, scanned=1)

    data: list[StoredRecord]
    next: str | None = Field(description="`after` of the next page, which may be empty; null on the last.")
    scanned: int = Field(description="How many records were looked at.")


class Tail(Shown):
    """The newest records."""

    model_config = example(data=[{**_RECORD, "seq": 4711}], next=4711, missed=0)

    data: list[SeenRecord]
    next: int = Field(description="`after` of the next call.")
    missed: int = Field(description="How many records came and went since `after`, unseen.")


_TEXTS = (
    *("id", "endpoint", "error", "finish", "organisation", "tenant", "team", "project", "environment", "key", "user"),
    *("agent", "session", "task_type", "tags", "priority", "region", "route", "decision", "provider", "model"),
    *("requested_model", "served_model", "upstream_id", "attempts.provider", "attempts.model", "attempts.class"),
    *("price_version", "service_tier", "cache", "flags", "trace_id", "span_id", "parent_span_id"),
)
_TRUTHS = ("stream", "estimated", "payload")
_NUMBERS = (
    *("status", "total_us", "overhead_us", "connect_us", "upstream_us", "admitted_us", "sent_us", "first_token_us"),
    *("cost_nano", "trace_flags", "request_bytes", "response_bytes", "attempts", "attempts.status", "tokens.input"),
    *("tokens.cache_read", "tokens.cache_write", "tokens.output", "tokens.reasoning"),
    *("tokens.audio_input", "tokens.audio_output", "tokens.image_input", "tokens.image_output", "tokens.video_input"),
    *("tokens.video_output", "tokens.document_input", "units.images", "units.audio_input_ms", "units.characters"),
    *("units.search_units", "units.web_searches"),
)


def _attribute(name: str) -> str:
    return name.replace(".", "_")


def _filters() -> dict[str, Any]:
    fields: dict[str, Any] = {}

    def add(name: str, kind: Any, said: str) -> None:  # noqa: ANN401 - a type
        fields[_attribute(name)] = (kind | None, Field(default=None, alias=name, description=said))

    for name in _TEXTS:
        said = "One of its" if name in ("tags", "flags") or "." in name else "Its"
        add(name, Sought, f"{said} `{name}` is this; empty for those that have none.")
    for name in _TRUTHS:
        add(name, bool, f"Its `{name}` is this.")
    for name in _NUMBERS:
        add(name, Number, f"Its `{name}` is this.")
        add(f"{name}.gte", Number, f"Its `{name}` is at least this.")
        add(f"{name}.lte", Number, f"Its `{name}` is at most this.")
    return fields


Filter = create_model("Filter", __base__=Query, __doc__="What is sought, by any field of a record.", **_filters())


class RequestQuery(Filter):
    """Which records, in which order."""

    from_: Instant | None = Field(default=None, alias="from", description="Accepted at this moment or later.")
    to: Instant | None = Field(default=None, description="Accepted before this moment.")
    order: Literal["desc", "asc"] = Field(default="desc", description="The newest or the oldest first.")
    limit: Annotated[int, Field(ge=1, le=500, description="Most entries of the answer.")] = 50
    after: Cursor | None = None


class TailQuery(Filter):
    """Which records, and since when."""

    after: Annotated[int, Field(ge=0, le=(1 << 63) - 1)] | None = Field(
        default=None, description="`next` of the call before; only what comes now if not given.", examples=[4711]
    )
    limit: Annotated[int, Field(ge=1, le=500, description="Most entries of the answer.")] = 100


def filter_of(query: Query) -> dict[str, object]:
    """The filter of a call: `{field: value}`, null for one that must be absent, or `{field: {"gte": n, "lte": n}}`.

    Raises `ValueError`, with the field's name, for a value and a bound of the same field.
    """
    found: dict[str, object] = {}
    for name in (*_TEXTS, *_TRUTHS, *_NUMBERS):
        value = getattr(query, _attribute(name))
        ends = ("gte", "lte") if name in _NUMBERS else ()
        bounds = {end: number for end in ends if (number := getattr(query, _attribute(f"{name}.{end}"))) is not None}
        if value is not None and bounds:
            raise ValueError(name)
        if value is not None or bounds:
            found[name] = bounds or (None if value == "" else value)
    return found
