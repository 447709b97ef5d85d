"""The control socket's client: JSON lines to the data plane and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import orjson

LONGEST_LINE = 64 * 1024
"""The most bytes of one question, its line break included: the data plane reads no more."""

LONGEST_ANSWER = 256 * 1024 * 1024
"""The most bytes of one answer: metrics grow with routes times targets."""

TIMEOUT = 5.0
"""Seconds for an answer from what the data plane knows."""

STORE_TIMEOUT = 20.0
"""Seconds for an answer from the store, which may have much to look through."""

RELOAD_TIMEOUT = 30.0
"""Seconds for a reload, which the supervisor carries out between other things."""

VERIFY_TIMEOUT = 120.0
"""Seconds for reading the whole audit log."""

AT_ONCE = 8
"""How many calls may be under way; further ones wait their turn."""


class Unavailable(Exception):  # noqa: N818 - a state of the data plane
    """The data plane did not answer: it is gone, restarting, or busy for too long."""


class TooLong(Exception):  # noqa: N818 - about the question
    """The question does not fit into a line."""


class Refused(Exception):  # noqa: N818 - an answer of the data plane
    """The data plane answered with an error; `str()` is its text, meant for the operator, `code` is for programs."""

    def __init__(self, text: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.param = param


class Control(Protocol):
    """Who answers calls: the running gateway, or the store itself where none runs."""

    async def call(
        self,
        name: str,
        given: Mapping[str, object] | None = None,
        *,
        actor: str | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109
    ) -> object:
        """The value that is answered to `name`. Raises `Unavailable`, `Refused` or `TooLong`."""


class ControlClient:
    """Asks the data plane. Each call is a connection of its own, so that none has to be found broken first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def call(
        self,
        name: str,
        given: Mapping[str, object] | None = None,
        *,
        actor: str | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109
    ) -> object:
        """The value that the data plane answers to `name`. Raises `Unavailable`, `Refused` or `TooLong`."""
        line = orjson.dumps({"call": name, "with": given or {}, "actor": actor}) + b"\n"
        if len(line) > LONGEST_LINE:
            raise TooLong
        try:
            async with asyncio.timeout(timeout), self._turns:
                answer = await self._exchange(line)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unavailable(type(error).__name__) from None
        return value_of(answer)

    async def _exchange(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_ANSWER)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readuntil(b"\n")
        finally:
            writer.close()


def value_of(line: bytes) -> object:
    """What an answer holds. Raises `Refused` for an error, and `Unavailable` for what is no answer."""
    try:
        answer: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Unavailable("malformed answer") from None
    match answer:
        case {"error": str(text), **rest}:
            code, param = rest.get("code"), rest.get("param")
            raise Refused(text, code if isinstance(code, str) else None, param if isinstance(param, str) else None)
        case {"ok": value}:
            return value
        case _:
            raise Unavailable("malformed answer")
