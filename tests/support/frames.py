"""AWS's event streams, as a server writes them: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html."""

from __future__ import annotations

import base64
import binascii
import json
import struct

_TEXT = 7
"""The type of a header that is a string."""


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame: its lengths with their checksum, its headers, what it carries, and the checksum of all of it."""
    told = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _TEXT, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(told) + len(payload), len(told))
    body = prelude + struct.pack(">I", binascii.crc32(prelude)) + told + payload
    return body + struct.pack(">I", binascii.crc32(body))


def event(name: str, payload: object) -> bytes:
    """A frame that is an event of that type."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload, ensure_ascii=False).encode())


def chunk(document: object) -> bytes:
    """An event of a model that was invoked."""
    data = json.dumps(document, ensure_ascii=False).encode()
    return event("chunk", {"bytes": base64.b64encode(data).decode(), "p": "abcdefgh"})


def exception(name: str, message: str) -> bytes:
    """A frame that ends a stream with an error."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def damaged(whole: bytes) -> bytes:
    """A frame in which a bit was turned over on the way."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
