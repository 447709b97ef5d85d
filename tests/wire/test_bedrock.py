"""What our own wire cases say of Bedrock, judged by the service's own model, as boto3 has it.

Bedrock is spoken to models alone: `to-bedrock.json` stands beside what callers of other dialects say.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.support.sse import payloads
from tests.support.wire import Json

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
MODEL = botocore.session.Session().get_service_model("bedrock-runtime")
CONVERSE = MODEL.operation_model("Converse")
STREAM = MODEL.operation_model("ConverseStream")

REQUESTS = sorted(HERE.glob("*/requests/*/to-bedrock.json"))
ANSWERS = sorted(HERE.glob("bedrock/answers/*/answer.json"))
STREAMS = sorted(HERE.glob("bedrock/answers/*/answer.sse"))

UNTOLD = {"cacheReadInputTokenCount", "cacheWriteInputTokenCount", "serverToolUsage", "p"}
"""What the service sends and its model does not have: all in recorded answers."""
UNTOLD_WORDS = {"tool_use"}
"""The same of words."""


def faults(shape: Shape, value: Json, at: str) -> Iterator[str]:
    """What of `value` is not as its shape says."""
    match shape:
        case StructureShape():
            yield from _structure(shape, value, at)
        case ListShape():
            if not isinstance(value, list):
                yield f"{at} is no list"
                return
            for index, item in enumerate(value):
                yield from faults(shape.member, item, f"{at}[{index}]")
        case MapShape():
            for name, inner in value.items():
                yield from faults(shape.value, inner, f"{at}.{name}")
        case StringShape():
            yield from _text(shape, value, at)
        case _ if shape.type_name == "blob":
            base64.b64decode(value, validate=True)
        case _:
            kinds: dict[str, tuple[type, ...]] = {"boolean": (bool,), "float": (int, float)}
            if not isinstance(value, kinds.get(shape.type_name, (int,))):
                yield f"{at} is no {shape.type_name}"


def _structure(shape: StructureShape, value: Json, at: str) -> Iterator[str]:
    if shape.is_document_type:
        return
    if not isinstance(value, dict):
        yield f"{at} is no object"
        return
    told = {name: inner for name, inner in value.items() if name not in UNTOLD}
    if shape.is_tagged_union and len(told) != 1:
        yield f"{at} has {len(told)} of a union's members"
    yield from (f"{at}.{name} is missing" for name in shape.required_members if name not in told)
    for name, inner in told.items():
        if name not in shape.members:
            yield f"{at}.{name} is not known"
        else:
            yield from faults(shape.members[name], inner, f"{at}.{name}")


def _text(shape: StringShape, value: Json, at: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{at} is no text"
    elif shape.enum and value not in {*shape.enum, *UNTOLD_WORDS}:
        yield f"{at} is {value!r}, which is none of its words"
    elif len(value) < shape.metadata.get("min", 0) or len(value) > shape.metadata.get("max", len(value)):
        yield f"{at} is too short or too long"
    elif (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, value):
        yield f"{at} is {value!r}, which its pattern does not allow"


def _named(path: Path) -> str:
    return "-".join(path.relative_to(HERE).parts[:-1])


@pytest.mark.parametrize("path", REQUESTS, ids=_named)
def test_requests_are_bedrocks(path: Path) -> None:
    body = {"modelId": "m", **json.loads(path.read_bytes())}
    for operation in (CONVERSE, STREAM):
        assert list(faults(operation.input_shape, body, "")) == []


@pytest.mark.parametrize("path", ANSWERS, ids=_named)
def test_answers_are_bedrocks(path: Path) -> None:
    assert list(faults(CONVERSE.output_shape, json.loads(path.read_bytes()), "")) == []


@pytest.mark.parametrize("path", STREAMS, ids=_named)
def test_streams_are_bedrocks(path: Path) -> None:
    events = [json.loads(data) for data in payloads(path.read_bytes())]
    shape = STREAM.output_shape.members["stream"]
    # An exception is told in a form of its own; what will be added is in one case.
    told = [event for event in events if not event.keys() & {"error", "novelty"}]
    wrong = [fault for event in told for fault in faults(shape, event, "")]
    assert all("novelty" in fault or "union" in fault for fault in wrong) if "unknown" in path.parts[-2] else not wrong


def test_there_are_cases() -> None:
    assert (len(REQUESTS) >= 40, len(ANSWERS) >= 12, len(STREAMS) >= 10) == (True, True, True)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]}, "union"),
        ({"messages": [{"role": "bot", "content": []}]}, "words"),
        ({"tool_choice": {}}, "not known"),
        ({"messages": [{"role": "user"}]}, "missing"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "a.b", "inputSchema": {"json": {}}}}]}}, "pattern"),
        ({"inferenceConfig": {"maxTokens": "9"}}, "integer"),
        ({"system": [{"text": ""}]}, "short"),
    ],
)
def test_what_is_wrong_is_found(body: Json, fault: str) -> None:
    assert any(fault in one for one in faults(CONVERSE.input_shape, {"modelId": "m", **body}, ""))
