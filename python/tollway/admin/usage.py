"""`/admin/v1/usage`: what was used, by whom, over time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, create_model

from tollway.admin.control import STORE_TIMEOUT
from tollway.admin.mistakes import wrong
from tollway.admin.models import Shown, example
from tollway.admin.models_keys import Cursor
from tollway.admin.models_requests import Sought
from tollway.admin.moments import Instant
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import Query, read_query
from tollway.config.fault import fault
from tollway.config.shape import suggestion

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context

FOLDED = ("team", "project", "environment", "key", "route", "model", "provider")
"""The dimensions of which two may be asked for at a time."""

APART = ("user", "agent", "tag")
"""The dimensions that are kept apart, because callers choose their values: each is asked for alone."""

_SPAN_US = 30 * 86_400 * 1_000_000
"""What is summed up if no time is given: the last 30 days."""


def _dimensions(value: object) -> list[str]:
    names = str(value).split(",") if value else []
    known = (*FOLDED, *APART)
    for name in names:
        if name not in known:
            raise fault("unknown-value", f"there is no dimension `{name[:40]}`", suggestion(name, known))
    if len(set(names)) < len(names):
        raise fault("unknown-value", "a dimension is named twice", "name it once")
    if len(names) > 2 or (len(names) > 1 and set(names) & set(APART)):
        hint = f"at most two of {', '.join(FOLDED)}, or one of {', '.join(APART)}"
        raise fault("unknown-value", "these dimensions cannot be combined", hint)
    return names


By = Annotated[
    list[str],
    BeforeValidator(_dimensions),
    WithJsonSchema({"type": "string", "examples": ["team,model", "user"]}),
]


def _filters() -> dict[str, Any]:
    described = {name: Field(default=None, description=f"Only of this {name}.") for name in (*FOLDED, *APART)}
    return {name: (Sought | None, field) for name, field in described.items()}


_Filter = create_model("_Filter", __base__=Query, **_filters())


class UsageQuery(_Filter):
    """What is summed up."""

    by: By = Field(default_factory=list, description="Dimensions, separated by commas: one row for each combination.")
    per: Literal["hour", "day", "month"] | None = Field(default=None, description="One row for each, in UTC.")
    from_: Instant | None = Field(default=None, alias="from", description="Since then; 30 days before `to` else.")
    to: Instant | None = Field(default=None, description="Until then, exclusively; now if not given.")
    limit: Annotated[int, Field(ge=1, le=1000, description="Most rows of the answer.")] = 1000
    after: Cursor | None = None


_ROW: dict[str, Any] = {
    "start_us": 1793491200000000,
    "team": "data-science",
    "requests": 1204,
    "errors": 3,
    "input": 918273,
    "cache_read": 0,
    "cache_write": 0,
    "output": 120934,
    "reasoning": 0,
    "cost_nano": 412000000,
    "unpriced": 0,
    "duration_us_sum": 1204000000,
    "first_token_us_sum": 390000000,
    "first_token_count": 1180,
}


class UsageRow(Shown):
    """The sums of one combination in one span of time."""

    model_config = example(**_ROW)

    start_us: int | None = Field(description="When the span begins, since 1970 (UTC); null without `per`.")
    team: str | None = None
    project: str | None = None
    environment: str | None = None
    key: str | None = None
    route: str | None = None
    model: str | None = None
    provider: str | None = None
    user: str | None = None
    agent: str | None = None
    tag: str | None = None
    requests: int = Field(description="All requests, also refused and cancelled ones.")
    errors: int = Field(description="Those whose status was 400 or more.")
    input: int = Field(description="Input tokens that came from no cache.")
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost_nano: int | None = Field(description="Billionths of a US dollar; null if no price is known.")
    unpriced: int = Field(description="Requests with tokens but without a price.")
    duration_us_sum: int
    first_token_us_sum: int
    first_token_count: int = Field(description="The requests behind `first_token_us_sum`.")


class Usage(Shown):
    """One page of sums."""

    model_config = example(data=[_ROW], next=None)

    data: list[UsageRow]
    next: str | None = Field(description="`after` of the next page; null on the last.")


async def _usage(request: Request, context: Context) -> Response:
    query = read_query(request, UsageQuery)
    to = query.to if query.to is not None else time.time_ns() // 1000
    since = query.from_ if query.from_ is not None else max(to - _SPAN_US, 0)
    if since >= to:
        raise wrong("`from` must be before `to`", "from")
    sought = {name: value for name in (*FOLDED, *APART) if (value := getattr(query, name)) is not None}
    asked: dict[str, object] = {"by": query.by, "per": query.per, "from_us": since, "to_us": to, "filter": sought}
    asked["limit"] = query.limit
    if query.after is not None:
        asked["after"] = query.after
    return answer(Usage, await ask(context, "usage", asked, timeout=STORE_TIMEOUT), only_given=True)


OPERATIONS = (
    Operation("/admin/v1/usage", _usage, "What was used", Usage, query=UsageQuery, refusals=(400, 401, 422, 503)),
)
