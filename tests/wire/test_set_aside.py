"""What of the recorded traffic is no measure: `set_aside.json` names it, each case, so that none is set aside unseen.

Contested are recordings that whoever gathered them tagged so. Damaged are streams of AWS events
(https://smithy.io/2.0/aws/amazon-eventstream.html) whose checksums fail; some recorders
kept them in base64 twice over.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wire import Json
from tests.wire.test_recorded import WIRE

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason=f"no recorded traffic at {WIRE} (set TOLLWAY_WIRE)")

KNOWN: dict[str, list[str]] = json.loads((Path(__file__).parent / "set_aside.json").read_text())


def _lines(name: str) -> Iterator[Json]:
    with gzip.open(WIRE / f"{name}.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def _is_sound(stream: bytes) -> bool:
    """Whether a stream is whole events, each with its two checksums."""
    while stream:
        if len(stream) < 16:
            return False
        total, _, head = struct.unpack(">III", stream[:12])
        if zlib.crc32(stream[:8]) != head or not 16 <= total <= len(stream):
            return False
        (check,) = struct.unpack(">I", stream[total - 4 : total])
        if zlib.crc32(stream[: total - 4]) != check:
            return False
        stream = stream[total:]
    return True


def _damaged() -> Iterator[str]:
    for case in _lines("recordings"):
        if case["api"] not in {"converse-stream", "invoke-stream"} or case["status"] != 200:
            continue
        kept = case["resp"]
        if not _is_sound(base64.b64decode(kept.get("b64") or kept["text"])):
            yield f"{case['src'].replace('+', '/')}:{case['path']}#{case['i']}"


def test_what_is_contested_is_listed() -> None:
    judged = (case for name in ("response", "errors") for case in _lines(f"wire_{name}.dev"))
    tagged = [case["id"] for case in judged if case.get("contested")]
    assert sorted(tagged) == KNOWN["contested"]


def test_what_is_damaged_is_listed() -> None:
    assert sorted(_damaged()) == KNOWN["damaged"]


def test_checksums_are_checked() -> None:
    head = struct.pack(">II", 20, 0)
    event = head + struct.pack(">I", zlib.crc32(head)) + b"body"
    event += struct.pack(">I", zlib.crc32(event))
    assert _is_sound(event + event)
    assert not _is_sound(event[:-1])
    assert not _is_sound(event[:-1] + b"\0")
