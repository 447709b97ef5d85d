"""`/admin/v1/requests` and `/admin/v1/tail`: what has happened, and what happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse

from tollway.admin.control import STORE_TIMEOUT
from tollway.admin.failure import Failure
from tollway.admin.keys import named
from tollway.admin.mistakes import wrong
from tollway.admin.models_requests import Found, RequestQuery, StoredRecord, Tail, TailQuery, filter_of
from tollway.admin.operation import Operation, adapter_of, answer, ask
from tollway.admin.reading import read_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context
    from tollway.admin.reading import Query


MOST_TAILS = 32
"""How many event streams may be open at a time."""

PAUSE = 0.2
"""Seconds between two looks for new records."""

HEARTBEAT = 10.0
"""Seconds of silence after which a stream says that it lives."""


def _filter(query: Query) -> dict[str, object]:
    try:
        return filter_of(query)
    except ValueError as error:
        raise wrong(f"`{error}` is given with a bound of itself: give the value or the bounds", str(error)) from None


async def _search(request: Request, context: Context) -> Response:
    query = read_query(request, RequestQuery)
    asked: dict[str, object] = {"filter": _filter(query), "order": query.order, "limit": query.limit}
    asked |= {"from_us": query.from_, "to_us": query.to, "after": query.after}
    asked = {name: value for name, value in asked.items() if value is not None}
    return answer(Found, await ask(context, "requests.search", asked, timeout=STORE_TIMEOUT), only_given=True)


async def _show(request: Request, context: Context) -> Response:
    found = await ask(context, "requests.show", {"id": named(request, "id")}, timeout=STORE_TIMEOUT)
    return answer(StoredRecord, found, only_given=True)


async def _tail(request: Request, context: Context) -> Response:
    query = read_query(request, TailQuery)
    asked = {"after": query.after, "filter": _filter(query), "limit": query.limit}
    if "text/event-stream" not in request.headers.get("accept", ""):
        return answer(Tail, await ask(context, "tail", asked), only_given=True)
    if asked["after"] is None:
        asked["after"] = _last_event(request)
    if context.tails >= MOST_TAILS:
        raise Failure(503, "too_many_tails", "Too many streams are open.", headers={"retry-after": "5"})
    # The first answer before the head, so that what cannot be served is refused in the usual way.
    first: Any = await ask(context, "tail", asked)
    events = _events(context, asked, first)
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _last_event(request: Request) -> int | None:
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


async def _events(context: Context, asked: dict[str, Any], page: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 - JSON
    """Each record as an event whose id is its number; `missed` where some came and went unseen."""
    context.tails += 1
    loop = asyncio.get_running_loop()
    said = loop.time()
    try:
        yield b": tail\n\n"
        while True:
            lines = _lines(page)
            if lines or loop.time() - said >= HEARTBEAT:
                said = loop.time()
                yield lines or b":\n\n"
            if context.ending.is_set():
                return
            await asyncio.sleep(PAUSE)
            asked["after"] = page["next"]
            try:
                page = await ask(context, "tail", asked)
            except Failure:
                page = {"data": [], "next": page["next"], "missed": 0}  # it may come back
    finally:
        context.tails -= 1


def _lines(page: dict[str, Any]) -> bytes:
    checked = adapter_of(Tail).validate_python(page)
    lines = [f"event: missed\ndata: {checked.missed}\n\n".encode()] if checked.missed else []
    for record in checked.data:
        data = orjson.dumps(record.model_dump(mode="json", by_alias=True, exclude_unset=True))
        lines.append(b"id: %d\ndata: %s\n\n" % (record.seq, data))
    return b"".join(lines)


OPERATIONS = (
    Operation(
        "/admin/v1/requests",
        _search,
        "Search for requests, by any field",
        Found,
        query=RequestQuery,
        refusals=(400, 401, 422, 503),
    ),
    Operation(
        "/admin/v1/requests/{id}",
        _show,
        "One request, with its payload if it was sampled",
        StoredRecord,
        refusals=(401, 404, 503),
    ),
    Operation(
        "/admin/v1/tail",
        _tail,
        "The newest requests; with `accept: text/event-stream` as events, as they come",
        Tail,
        streams=True,
        query=TailQuery,
        refusals=(401, 422, 503),
    ),
)
