"""What a policy hook is given, and what it may answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson

Json: TypeAlias = dict[str, Any]
"""A JSON object, as Python's own types."""

Action: TypeAlias = Literal["allow", "reject", "replace"]

LONGEST_MESSAGE = 1000
"""The most characters of a refusal's message; the rest is cut off."""

MOST_FLAGS = 16
"""The most flags of one verdict."""

_FLAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """The virtual key that the request came with: never its secret."""

    id: str
    team: str | None = None
    project: str | None = None
    environment: str | None = None


class _Message:
    """What a request and a response have in common."""

    __slots__ = ("_body", "_raw", "endpoint", "key", "request_id", "route", "stream")

    def __init__(self, context: Mapping[str, Any], raw: bytes) -> None:
        self.request_id: str = context["request_id"]
        """The `x-request-id` of the answer."""
        self.route: str = context["route"]
        """The route that the request names as its `model`."""
        self.endpoint: str = context["endpoint"]
        """Which API the caller uses, such as `chat/completions`."""
        self.stream: bool = context["stream"]
        """Whether the answer is a stream of server-sent events."""
        self.key = Key(**context["key"])
        """Whose request it is."""
        self._raw = raw
        self._body: Json | None = None

    @property
    def text(self) -> str:
        """The body as it is on the wire. Raises `UnicodeDecodeError` for bytes that are not UTF-8."""
        return self._raw.decode()

    @property
    def body(self) -> Json:
        """The JSON body, read on first use and then kept: change it and hand it to `replace`.

        Raises `ValueError` where the body is not a JSON object, as that of a streamed response.
        """
        if self._body is None:
            parsed = orjson.loads(self._raw)
            if not isinstance(parsed, dict):
                raise ValueError("the body is not a JSON object")
            self._body = parsed
        return self._body

    def __repr__(self) -> str:
        # Bodies are private: they must not reach a log through an operator's f-string or a traceback.
        return f"{type(self).__name__}(request_id={self.request_id!r}, route={self.route!r})"


class Request(_Message):
    """A request, before it is sent to a model. Its `body` is in the caller's dialect."""

    __slots__ = ()


class Response(_Message):
    """A response, before the caller sees any of it. For a streamed one use `events()`."""

    __slots__ = ()

    def events(self) -> Iterator[Json]:
        """The JSON objects of a streamed response's events, in order, without the closing `[DONE]`.

        Raises `ValueError` for an event that is not a JSON object, so that nothing passes that was not looked at.
        """
        for data in _sse_data(self.text):
            if data == "[DONE]":
                continue
            parsed = orjson.loads(data)
            if not isinstance(parsed, dict):
                raise ValueError("an event is not a JSON object")  # noqa: TRY004 - like the other ways of not being one
            yield parsed


def _sse_data(text: str) -> Iterator[str]:
    """The data of each event of a stream (WHATWG HTML, 9.2.6: an event ends with a blank line)."""
    lines: list[str] = []
    # Not splitlines(): that also splits at U+2028 and the like, which JSON strings may hold.
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if lines:
                yield "\n".join(lines)
            lines = []
            continue
        field, _, value = line.partition(":")
        if field == "data":
            lines.append(value.removeprefix(" "))
    # A stream that was cut has no blank line at its end; what a client might still read must be seen here too.
    if lines:
        yield "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A hook's answer: made by `allow`, `reject` and `replace`."""

    action: Action
    message: str | None = None
    body: Mapping[str, Any] | str | None = None
    flags: tuple[str, ...] = ()


def allow(*, flags: Sequence[str] = ()) -> Verdict:
    """Go on. `flags` are noted in the answer's `x-tollway-flags`; raises for one that cannot be."""
    return Verdict("allow", flags=_checked(flags))


def reject(message: str) -> Verdict:
    """Refuse: the caller gets `guardrail_rejected` (400) with `message`, which should not quote what was found.

    A message is never a reason to let a request pass: an empty one is replaced, a long one cut at 1000 characters.
    """
    text = str(message).strip()[:LONGEST_MESSAGE]
    return Verdict("reject", message=text or "refused by a policy")


def replace(body: Mapping[str, Any] | str, *, flags: Sequence[str] = ()) -> Verdict:
    """Go on with `body` instead: a JSON object, or, for a streamed response, the whole text of server-sent events.

    What the object holds must be writable as JSON when the hook returns, or the hook has failed.
    """
    return Verdict("replace", body=body, flags=_checked(flags))


def _checked(flags: Sequence[str]) -> tuple[str, ...]:
    """Flags travel in one comma-separated header: bounded, and nothing in them that could end it."""
    if isinstance(flags, str):
        raise TypeError("flags are a list of texts, not one text")
    if len(flags) > MOST_FLAGS:
        raise ValueError(f"more than {MOST_FLAGS} flags")
    for flag in flags:
        if not _FLAG.fullmatch(flag):
            raise ValueError("a flag has 1 to 64 letters, digits and . _ : / = -, and starts with a letter or digit")
    return tuple(flags)


Hook: TypeAlias = (
    Callable[[Request], Verdict | None]
    | Callable[[Response], Verdict | None]
    | Callable[[Request], Awaitable[Verdict | None]]
    | Callable[[Response], Awaitable[Verdict | None]]
)
"""The shape of a hook."""
