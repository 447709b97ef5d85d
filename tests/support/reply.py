"""What a scripted upstream answers: bytes, gates between them, and how it ends."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tests.support.waiting import happens

CONTENT = "Hello from upstream."
MODEL = "up-model"


class Gate:
    """A place where the upstream waits. `reached` tells that everything before it was sent."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        """Let the upstream go on."""
        self._opened.set()

    def arrived(self) -> None:
        """Wait until the upstream stands here."""
        happens(self.reached, "the upstream reaches the gate")

    def wait(self) -> None:
        """Stand here; called by the upstream."""
        self.reached.set()
        self._opened.wait()


class End(enum.Enum):
    """How a connection ends in the middle."""

    CLOSE = "close"
    """With FIN, as a process that exits does."""
    RESET = "reset"
    """With RST, as a process that is killed with unread bytes does."""
    HANG = "hang"
    """Not at all: nothing more comes until the other side leaves."""


class Flow(enum.Enum):
    """What the upstream waits for by itself."""

    READ = "read"
    """Until the other side has read all that was sent, so that what follows reaches it by itself."""


Step: TypeAlias = bytes | Gate | End | Flow


@dataclass(frozen=True)
class Raw:
    """An answer as bare bytes, HTTP or not. The connection is kept open unless a step ends it."""

    steps: tuple[Step, ...]

    def wire(self) -> tuple[Step, ...]:
        """What goes onto an HTTP/1.1 connection."""
        return self.steps


@dataclass(frozen=True)
class Reply:
    """An answer with a proper head."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: tuple[Step, ...] = ()
    framing: Literal["length", "chunked", "close"] = "length"
    keep_alive: bool = True
    interim: bytes = field(default=b"")

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        """The same with more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def wire(self) -> tuple[Step, ...]:
        """What goes onto an HTTP/1.1 connection."""
        lines = [f"HTTP/1.1 {self.status} Status", *(f"{name}: {value}" for name, value in self.headers)]
        if self.framing == "length":
            lines.append(f"content-length: {sum(len(step) for step in self.body if isinstance(step, bytes))}")
        elif self.framing == "chunked":
            lines.append("transfer-encoding: chunked")
        if not self.keep_alive:
            lines.append("connection: close")
        head = self.interim + "\r\n".join([*lines, "", ""]).encode("latin-1")
        end: tuple[Step, ...] = () if self.keep_alive and self.framing != "close" else (End.CLOSE,)
        if self.framing == "chunked":
            return (head, *(_chunk(step) for step in self.body if step != b""), b"0\r\n\r\n", *end)
        return (head, *self.body, *end)

    def all_bytes(self) -> bytes:
        """Everything that is sent, without gates."""
        return b"".join(step for step in self.wire() if isinstance(step, bytes))


AnyReply: TypeAlias = Reply | Raw


def _chunk(step: Step) -> Step:
    return b"%x\r\n%s\r\n" % (len(step), step) if isinstance(step, bytes) else step


def raw(*steps: Step) -> Raw:
    """An answer as bare bytes."""
    return Raw(steps)


def whole(body: bytes, status: int = 200) -> Reply:
    """An answer with this body."""
    return Reply(status=status, body=(body,))


def completion(content: str = CONTENT, **members: object) -> bytes:
    """A chat completion as OpenAI sends it."""
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
            **members,
        }
    ).encode()


def answer(content: str = CONTENT) -> Reply:
    """A chat completion as a whole answer."""
    return whole(completion(content))


def error(status: int, message: str = "It went wrong.", code: str | None = None, **members: object) -> Reply:
    """An error as OpenAI sends it."""
    said = {"message": message, "type": "some_error", "param": None, "code": code, **members}
    return whole(json.dumps({"error": said}).encode(), status)


def data(payload: object) -> bytes:
    """One event of a stream; a string goes out as it is."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def chunk(delta: Mapping[str, object] | None = None, finish: str | None = None, **members: object) -> bytes:
    """One event that holds a choice."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "logprobs": None, "finish_reason": finish}
    return data({**_frame(), "choices": [choice], **members})


def usage_event() -> bytes:
    """The event that holds nothing but usage."""
    return data({**_frame(), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}})


def _frame() -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": MODEL}


DONE = data("[DONE]")


def events(words: Iterable[str] = ("Hello", " from", " upstream."), *, usage: bool = True) -> list[bytes]:
    """A whole stream as its events: role, words, finish, usage, `[DONE]`."""
    return [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        *(chunk({"content": word}) for word in words),
        chunk(finish="stop"),
        *([usage_event()] if usage else []),
        DONE,
    ]


def stream(steps: Sequence[Step] | None = None, framing: Literal["length", "chunked", "close"] = "chunked") -> Reply:
    """A stream whose body is sent in these steps."""
    return Reply(
        headers=(("content-type", "text/event-stream; charset=utf-8"),),
        body=tuple(events() if steps is None else steps),
        framing=framing,
    )


def cut(reply: AnyReply, offset: int, end: End = End.CLOSE) -> Raw:
    """The first `offset` bytes of a reply, then the end of the connection."""
    whole_reply = b"".join(step for step in reply.wire() if isinstance(step, bytes))
    return Raw((whole_reply[:offset], end))
