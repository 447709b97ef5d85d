"""The control socket's client: JSON lines to the data plane and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

LONGEST_ANSWER = 64 * 1024 * 1024
"""The most bytes of one answer: metrics grow with routes times targets."""

TIMEOUT = 5.0
"""Seconds for an answer from what the data plane knows."""

RELOAD_TIMEOUT = 30.0
"""Seconds for a reload, which the supervisor carries out between other things."""

AT_ONCE = 8
"""How many calls may be under way; further ones wait their turn."""


class Unavailable(Exception):  # noqa: N818 - a state of the data plane
    """The data plane did not answer: it is gone, restarting, or busy for too long."""


class Refused(Exception):  # noqa: N818 - an answer of the data plane
    """The data plane answered with an error; `str()` is its text, meant for the operator."""


class ControlClient:
    """Asks the data plane. Each call is a connection of its own, so that none has to be found broken first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def call(self, name: str, timeout: float = TIMEOUT) -> object:  # noqa: ASYNC109
        """The value that the data plane answers to `name`. Raises `Unavailable` or `Refused`."""
        try:
            async with asyncio.timeout(timeout), self._turns:
                line = await self._exchange(orjson.dumps({"call": name}) + b"\n")
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unavailable(type(error).__name__) from None
        return _value(line)

    async def _exchange(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_ANSWER)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readuntil(b"\n")
        finally:
            writer.close()


def _value(line: bytes) -> object:
    try:
        answer: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Unavailable("malformed answer") from None
    match answer:
        case {"error": str(text)}:
            raise Refused(text)
        case {"ok": value}:
            return value
        case _:
            raise Unavailable("malformed answer")
