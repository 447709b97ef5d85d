"""Adapters of providers: checked when the configuration is loaded, called for each attempt."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args

import orjson

from tollway.adapter import Adapter, Declared, Json, Spoken
from tollway.errors import HookError

if TYPE_CHECKING:
    from tollway._dataplane import HookCall

METHODS = {"request": "the request", "response": "the answer", "event": "an event"}
"""What an adapter must have, and what each is given."""

Result = TypeVar("Result")

_NAMED = frozenset({"openai-responses", "anthropic"})
"""The dialects whose events have a name: their `type`."""


class NotJsonError(ValueError):
    """The provider sent what is not JSON, or no object: not the adapter's fault. The data plane knows the name."""


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """An adapter that was found and can be used. `names` tells whether `event` takes the event's name too."""

    call: str
    adapter: Callable[[], Any]
    declared: Declared
    names: bool


def declare(found: object, call: str, number: int) -> LoadedAdapter:
    """The adapter `found`, which `call` names. Raises `HookError` with what is wrong with it."""
    if not inspect.isclass(found):
        raise HookError(f"`{call}` is not a class")
    if not _takes(found):
        raise HookError(f"`{call}` cannot be made without arguments")
    methods = [_method(found, call, name) for name in METHODS]
    kinds = {inspect.iscoroutinefunction(method) for method in methods}
    if len(kinds) > 1:
        raise HookError(f"of `{call}`, either all or none of {', '.join(METHODS)} are async")
    path = _path(found, call, "path", None)
    declared = Declared(
        number,
        is_async=True in kinds,
        path=path,
        stream_path=_path(found, call, "stream_path", path),
        dialect=_dialect(found, call),
        headers=_headers(found, call),
        auth_header=_header(found, call, "auth_header", r"[A-Za-z0-9-]+"),
        auth_prefix=_header(found, call, "auth_prefix", r"[\x20-\x7e]*"),
    )
    return LoadedAdapter(call, found, declared, _takes(methods[2], None, None, None))


def _takes(function: Callable[..., object], *arguments: object) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:
        pass  # some functions written in C tell nothing about themselves
    return True


def _method(found: type, call: str, name: str) -> Callable[..., object]:
    method: object = getattr(found, name, None)
    if not callable(method):
        raise HookError(f"`{call}` has no method `{name}`")
    if not _takes(method, None, None) and not (name == "event" and _takes(method, None, None, None)):
        raise HookError(f"`{call}.{name}` cannot be called with one argument, {METHODS[name]}")
    return method


def _path(found: type, call: str, name: str, otherwise: str | None) -> str:
    path = getattr(found, name, None) or otherwise
    if path is None:
        raise HookError(f'`{call}` has no `{name}`: say where requests go, as in {name} = "/generate"')
    if not isinstance(path, str) or not re.fullmatch(r"/[\x21-\x7e]*", path.replace("{model}", "m")):
        raise HookError(f'`{call}.{name}` is no path: it begins with "/" and has no spaces')
    return path


def _dialect(found: type, call: str) -> Spoken:
    dialect: Spoken = getattr(found, "dialect", Adapter.dialect)
    if dialect not in get_args(Spoken):
        raise HookError(f"`{call}.dialect` is none of {', '.join(get_args(Spoken))}")
    return dialect


def _headers(found: type, call: str) -> dict[str, str]:
    headers = getattr(found, "headers", Adapter.headers)
    texts = isinstance(headers, Mapping) and all(
        isinstance(name, str) and isinstance(value, str) and value.isascii() and value.isprintable()
        for name, value in headers.items()
    )
    if not texts or not all(re.fullmatch(r"[A-Za-z0-9-]+", name) for name in headers):
        raise HookError(f"`{call}.headers` is no dict of headers and their values")
    return {name.lower(): value for name, value in headers.items()}


def _header(found: type, call: str, name: str, pattern: str) -> str:
    text = getattr(found, name, getattr(Adapter, name))
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise HookError(f"`{call}.{name}` cannot stand in a header")
    return text


def drive(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that never waits, as one of a plain adapter."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    work.close()
    raise TypeError("a plain adapter cannot wait")


async def adapt(call: HookCall, loaded: LoadedAdapter) -> bytes:
    """Carry out one call. Raises what the adapter raises, `TypeError` for a wrong answer, and `NotJsonError`."""
    adapter: Any = call.kept
    if adapter is None:
        adapter = loaded.adapter()
        call.keep(adapter)
    match call.context:
        case b"events":
            return await _events(adapter, loaded, _parsed(call.body, list))
        case b"end":
            return await _end(adapter, loaded)
        case method:
            answer = getattr(adapter, method.decode())(_parsed(call.body, dict))
            return orjson.dumps(_object(await answer if loaded.declared.is_async else answer))


async def _events(adapter: Any, loaded: LoadedAdapter, events: list[list[Any]]) -> bytes:  # noqa: ANN401
    written: list[bytes] = []
    for name, event in events:
        if not isinstance(event, dict):
            raise NotJsonError
        made = adapter.event(event, name) if loaded.names else adapter.event(event)
        written += _written(await made if loaded.declared.is_async else made, loaded)
    return b"".join(written)


async def _end(adapter: Any, loaded: LoadedAdapter) -> bytes:  # noqa: ANN401
    end = getattr(adapter, "end", None)
    made = () if end is None else end()
    written = list(_written(await made if inspect.isawaitable(made) else made, loaded))
    if loaded.declared.dialect == "openai":
        written.append(b"data: [DONE]\n\n")
    return b"".join(written)


def _written(events: Iterable[Json], loaded: LoadedAdapter) -> Iterable[bytes]:
    """Events as server-sent events (WHATWG HTML, 9.2.6)."""
    if isinstance(events, Mapping):
        raise TypeError("events are a list of dicts, not one dict")
    for event in events:
        data = orjson.dumps(_object(event))
        if loaded.declared.dialect in _NAMED:
            yield b"event: %s\n" % str(event.get("type", "message")).encode().translate(None, b"\r\n")
        yield b"data: %s\n\n" % data


def _object(answer: object) -> Json:
    if not isinstance(answer, dict):
        if inspect.iscoroutine(answer):
            answer.close()  # else Python warns that it was never awaited
        raise TypeError("an adapter answers with dicts")
    return answer


def _parsed(body: bytes, kind: type[Result]) -> Result:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        _not_json()
    if not isinstance(parsed, kind):
        _not_json()
    return parsed


def _not_json() -> NoReturn:
    # None: the decoder's own words quote what was sent.
    raise NotJsonError from None
