"""Reading a stream of server-sent events as its bytes, and as what they mean."""

from __future__ import annotations

import json
import re
from typing import Any

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def split(body: bytes) -> list[bytes]:
    """The events as they are, without the blank lines that end them; what is not ended is an event too."""
    return [event for event in _BOUNDARY.split(body) if event]


def payloads(body: bytes) -> list[str]:
    """The data of each event; comments are left out."""
    found = []
    for event in split(body):
        lines = [line[5:].removeprefix(b" ") for line in re.split(rb"\r\n|\n|\r", event) if line.startswith(b"data:")]
        if lines:
            found.append(b"\n".join(lines).decode())
    return found


def text(body: bytes) -> str:
    """The content that the deltas add up to."""
    chunks: list[Any] = [json.loads(payload) for payload in payloads(body) if payload != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", ()))


def error(body: bytes) -> dict[str, Any] | None:
    """The error that a stream ended with."""
    for payload in payloads(body):
        if payload != "[DONE]" and "error" in (parsed := json.loads(payload)):
            found: dict[str, Any] = parsed["error"]
            return found
    return None


def is_complete(body: bytes) -> bool:
    """Whether a client will take the stream as whole: it ends with `[DONE]`."""
    return payloads(body)[-1:] == ["[DONE]"]
