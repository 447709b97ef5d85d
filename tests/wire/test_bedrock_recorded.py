"""Recorded answers of Bedrock's Converse through a running gateway, beside what boto3's own parser reads of them.

The caller speaks Anthropic's Messages, which have a place for all that Bedrock's models say: texts, thoughts with their
signatures, calls, and tokens by bucket.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser, create_parser

from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import Reply
from tests.support.sse import payloads
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json, ask, request
from tests.wire.test_recorded import WIRE

RECORDINGS = WIRE / "recordings.jsonl.gz"
pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason=f"no recorded traffic at {WIRE} (set TOLLWAY_WIRE)")

MODEL = botocore.session.Session().get_service_model("bedrock-runtime")
MARK = "tollway.bedrock."
"""Stands before a signature of another dialect's models."""


@cache
def _cases() -> list[Json]:
    with gzip.open(RECORDINGS, "rt") as lines:
        told = (line for line in lines if '"provider": "bedrock"' in line)
        return [case for case in map(json.loads, told) if case["api"] in {"converse", "converse-stream"}]


def _body(case: Json) -> bytes:
    """What was on the wire; some recorders kept it in base64, and called that text."""
    kept = case["resp"]
    text = kept.get("b64") or kept["text"]
    return text.encode() if text.lstrip().startswith("{") else base64.b64decode(text)


@dataclass
class Said:
    """What an answer says, whoever reads it."""

    text: str = ""
    thoughts: str = ""
    signatures: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    tokens: tuple[int, int, int, int] = (0, 0, 0, 0)

    def add(self, block: Json) -> None:
        """A content block as boto3 has it. Calls that the provider runs are not the caller's."""
        self.text += block.get("text", "")
        self.text += "".join(piece["text"] for piece in block.get("citationsContent", {}).get("content", []))
        thought = block.get("reasoningContent", {}).get("reasoningText", {})
        self.thoughts += thought.get("text", "")
        self.signatures += [MARK + thought["signature"]] if thought.get("signature") else []
        if (call := block.get("toolUse")) and call.get("type") != "server_tool_use":
            self.calls.append((call["toolUseId"], call["name"], call["input"]))

    def count(self, usage: Json) -> None:
        """Tokens as boto3 has them."""
        names = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
        told = [usage.get(name, 0) for name in names]
        self.tokens = (told[0], told[1], told[2], told[3])


def _by_boto3(case: Json) -> Said:
    said, body = Said(), _body(case)
    if case["api"] == "converse":
        shape = MODEL.operation_model("Converse").output_shape
        told = {"status_code": 200, "headers": case["resp_headers"], "body": body}
        answer = create_parser("rest-json").parse(told, shape)
        for block in answer["output"]["message"]["content"]:
            said.add(block)
        said.count(answer.get("usage", {}))
        return said
    buffer, parser = EventStreamBuffer(), EventStreamJSONParser()
    buffer.add_data(body)
    shape = MODEL.operation_model("ConverseStream").output_shape.members["stream"]
    blocks: dict[int, Json] = {}
    for message in buffer:
        event: Any = parser.parse(message.to_response_dict(), shape)
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = {name: {**inner} for name, inner in start["start"].items()}
        if more := event.get("contentBlockDelta"):
            _grow(blocks.setdefault(more["contentBlockIndex"], {}), more["delta"])
        if "metadata" in event:
            said.count(event["metadata"]["usage"])
    for _, block in sorted(blocks.items()):
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"].get("input") or "{}")
        said.add(block)
    return said


def _grow(block: Json, delta: Json) -> None:
    block["text"] = block.get("text", "") + delta.get("text", "")
    if "toolUse" in delta:
        block["toolUse"]["input"] = block["toolUse"].get("input", "") + delta["toolUse"]["input"]
    thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
    for name, text in delta.get("reasoningContent", {}).items():
        thought[name] = thought.get(name, "") + text


def _by_caller(body: bytes, *, streamed: bool) -> Said:
    if not streamed:
        return _read(json.loads(body))
    message: Json = {"content": [], "usage": {}}
    for event in map(json.loads, payloads(body)):
        assert event["type"] != "error", event
        if event["type"] == "content_block_start":
            message["content"].append({**event["content_block"], "partial_json": ""})
        elif event["type"] == "content_block_delta":
            block = message["content"][event["index"]]
            for name in block.keys() & event["delta"].keys() - {"type"}:
                block[name] += event["delta"][name]
        elif event["type"] == "message_delta":
            message["usage"] |= event["usage"]
    for block in message["content"]:
        if block["partial_json"]:
            block["input"] = json.loads(block["partial_json"])
    return _read(message)


def _read(message: Json) -> Said:
    said = Said()
    for block in message["content"]:
        match block["type"]:
            case "text":
                said.text += block["text"]
            case "thinking":
                said.thoughts += block["thinking"]
                said.signatures += [block["signature"]] if block["signature"] else []
            case "tool_use":
                said.calls.append((block["id"], block["name"], block["input"]))
    usage = message["usage"]
    read, written = (usage.get(f"cache_{kind}_input_tokens", 0) for kind in ("read", "creation"))
    said.tokens = (usage["input_tokens"], usage["output_tokens"], read, written)
    return said


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    provider = {"type": "bedrock", "base_url": upstream.url}
    route = {"model": "amazon.nova-pro-v1:0", "max_retries": 0}
    with RunningGateway(
        minimal(upstream.url, provider=provider, route=route), tmp_path_factory.mktemp("bedrock")
    ) as running:
        yield running


def _asked(gateway: RunningGateway, upstream: ScriptedUpstream, case: Json) -> tuple[int, bytes]:
    body, streamed = _body(case), case["api"] == "converse-stream"
    told = {name: value for name, value in case["resp_headers"].items() if name in {"content-type", "x-amzn-errortype"}}
    kind = "application/vnd.amazon.eventstream" if streamed and case["status"] == 200 else "application/json"
    headers = ({"content-type": kind} | told).items()
    pieces = tuple(body[at : at + 977] for at in range(0, len(body), 977))
    upstream.script(Reply(status=case["status"], headers=tuple(headers), body=pieces, framing="chunked"))
    asking = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}], "stream": streamed}
    answer = ask(gateway.address, request(json.dumps(asking).encode(), key=gateway.key, target="/v1/messages"))
    suffix = "-stream" if streamed else ""
    assert upstream.take().target == f"/model/amazon.nova-pro-v1%3A0/converse{suffix}"
    return answer.status, answer.body


def test_every_answer_says_what_boto3_reads(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    seen = 0
    for case in _cases():
        if case["status"] != 200:
            continue
        streamed = case["api"] == "converse-stream"
        status, body = _asked(gateway, upstream, case)
        where = f"{case['path']}#{case['i']}"
        assert status == 200, (where, body)
        assert _by_caller(body, streamed=streamed) == _by_boto3(case), where
        seen += 1
    assert seen == 164


def test_every_error_is_told_as_its_class(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    told = [_asked(gateway, upstream, case)[0] for case in _cases() if case["status"] != 200]
    assert sorted(told) == [400, 400, 400, 400, 400, 502, 502]
