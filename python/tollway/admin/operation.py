"""One operation of the control plane: what it does, who may use it, and how it is described."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import TypeAdapter
from starlette.responses import Response

from tollway.admin.control import TIMEOUT, Refused, TooLong, Unavailable
from tollway.admin.failure import Failure, away, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from tollway.admin.alerts.notifier import Notifier
    from tollway.admin.control import Control
    from tollway.admin.otlp.export import Exporter
    from tollway.admin.reading import Query
    from tollway.admin.settings import Access
    from tollway.config.fields import Settings
    from tollway.credentials.refresh import Keeper


@dataclass(slots=True)
class Context:
    """What the handlers share. `access` is replaced by a reload; `ending` is set when the process is to end.

    `origins` is the file that says where each setting of each route was made; `exporter` is there once something was
    to be exported, `notifier` once somebody was to be told of alerts, `keeper` once credentials were to be fetched.
    """

    control: Control
    access: Access
    version: str
    origins: Path | None = None
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    tails: int = 0
    exporter: Exporter | None = None
    notifier: Notifier | None = None
    keeper: Keeper | None = None


Handler: TypeAlias = "Callable[[Request, Context], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Without a word about `who`, the admin token is asked for."""

    path: str
    handler: Handler
    summary: str
    answer: Any = None
    method: Literal["GET", "POST", "PATCH", "DELETE"] = "GET"
    who: Literal["token", "metrics", "anyone"] = "token"
    media_type: str = "application/json"
    streams: bool = False
    statuses: tuple[int, ...] = (200,)
    refusals: tuple[int, ...] = (401, 503)
    query: type[Query] | None = None
    body: type[Settings] | None = None
    body_optional: bool = False

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return self.path.replace(":path}", "}")


async def ask(
    context: Context,
    name: str,
    given: Mapping[str, object] | None = None,
    *,
    actor: str | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109
) -> object:
    """What the data plane answers. Raises `Failure` for whatever else happens."""
    try:
        return await context.control.call(name, given, actor=actor, timeout=timeout)
    except Unavailable:
        raise away() from None
    except TooLong:
        raise Failure(413, "request_too_large", "The request is too large.") from None
    except Refused as error:
        raise refused(error) from None


@cache
def adapter_of(shown: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a type, in whatever way it is written
    """What checks and writes answers of the type `shown`: made when it is first needed, as most never are."""
    return TypeAdapter(shown)


def asking(name: str, shown: Any) -> Handler:  # noqa: ANN401 - a type
    """A handler that passes on what the data plane answers to `name`, as far as the type `shown` declares it."""

    async def handler(_request: Request, context: Context) -> Response:
        return answer(shown, await ask(context, name), only_given=True)

    return handler


def answer(shown: Any, value: object, status: int = 200, *, only_given: bool = False) -> Response:  # noqa: ANN401
    """`value` as JSON, as far as the type `shown` declares it; with `only_given`, without what `value` leaves out."""
    adapter = adapter_of(shown)
    data = adapter.dump_json(adapter.validate_python(value), by_alias=True, exclude_unset=only_given)
    return Response(data, status, media_type="application/json")
