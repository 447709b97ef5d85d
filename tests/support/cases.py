"""Our own wire cases, whose layout `tests/wire/README.md` says, and whether what came is what a case says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from tests.support.sse import split
from tests.support.wire import Json

WIRE = Path(__file__).resolve().parents[1] / "wire"

MODELS = {"chat": "gpt-5.2", "responses": "gpt-5.2", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
"""The dialects, and the model that is asked for where a case names none."""

UPSTREAMS = {"cohere": "command-a-03-2025"}
"""The same of dialects of models alone: nobody calls in them."""

MADE_UP = ("<id>", "<call>", "<time>", "<model>", "<request>")
"""What the gateway makes up, by the word that stands for it. One word stands for one value in a document."""


class Number(str):
    """A number as it was written; `1` and `1.0` differ."""

    __slots__ = ()


@dataclass(frozen=True)
class Case:
    """A folder: a request of this dialect's caller, or an answer of its model."""

    dialect: str
    folder: Path

    @property
    def name(self) -> str:
        """`seed`."""
        return self.folder.name

    @cached_property
    def told(self) -> Json:
        """`case.json`."""
        return json.loads((self.folder / "case.json").read_text())

    def file(self, name: str) -> bytes:
        """A file of it."""
        return (self.folder / name).read_bytes()

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream, or the request asks for one."""
        return self.told.get("stream") is True or (self.folder / "answer.sse").exists()

    def model(self, target: str) -> str:
        """The model that is asked for."""
        model: str = self.told.get("models", {}).get(target) or (MODELS | UPSTREAMS)[target]
        return model

    def others(self) -> list[str]:
        """The other dialects of callers."""
        return [dialect for dialect in MODELS if dialect != self.dialect]

    def targets(self) -> list[str]:
        """The dialects that the case tells a request to: all others, and of those of models alone some."""
        refused = self.told.get("refused", {})
        told = (name for name in UPSTREAMS if name in refused or (self.folder / f"to-{name}.json").exists())
        return [*self.others(), *told]


def cases(kind: Literal["requests", "answers"]) -> list[Case]:
    """All of them."""
    dialects = MODELS if kind == "requests" else MODELS | UPSTREAMS
    folders = ((dialect, folder) for dialect in dialects for folder in sorted((WIRE / dialect / kind).iterdir()))
    return [Case(dialect, folder) for dialect, folder in folders]


def parsed(document: bytes | str) -> Json:
    """JSON, with numbers as they were written."""
    return json.loads(document, parse_int=Number, parse_float=Number)


def told(stream: bytes) -> list[tuple[str | None, Json]]:
    """The names and data of a stream's events."""
    events = []
    for event in split(stream):
        fields = [line.partition(":")[::2] for line in event.decode().splitlines() if not line.startswith(":")]
        data = "\n".join(value.removeprefix(" ") for name, value in fields if name == "data")
        names = [value.removeprefix(" ") for name, value in fields if name == "event"]
        if data:
            events.append((names[0] if names else None, data if data == "[DONE]" else parsed(data)))
    return events


def difference(expected: Json, got: Json) -> str | None:
    """The first difference of two documents from [`parsed`], or `None`. The order of members is free."""
    return next(_differences(expected, got, "", {}), None)


def _differences(expected: Json, got: Json, at: str, known: dict[str, str]) -> Iterator[str]:
    match expected, got:
        case dict(), dict():
            for name in expected.keys() ^ got.keys():
                yield f"{at}.{name} is {'missing' if name in expected else 'too much'}"
            for name in expected.keys() & got.keys():
                yield from _differences(expected[name], got[name], f"{at}.{name}", known)
        case list() | tuple(), list() | tuple():
            if len(expected) != len(got):
                yield f"{at} holds {len(got)}, not {len(expected)}: {got}"
            for index, (item, found) in enumerate(zip(expected, got, strict=False)):
                yield from _differences(item, found, f"{at}[{index}]", known)
        case _:
            same = type(expected) is type(got) and expected == got
            if not same and not _stands_for(expected, got, known):
                yield f"{at} is {got!r}, not {expected!r}"


def _stands_for(expected: Json, got: Json, known: dict[str, str]) -> bool:
    word = next((word for word in MADE_UP if isinstance(expected, str) and word in expected), None)
    if word is None or not isinstance(got, str):
        return False
    before, _, after = expected.partition(word)
    made = got.removeprefix(before).removesuffix(after)
    return bool(made) and f"{before}{made}{after}" == got and known.setdefault(word, made) == made
