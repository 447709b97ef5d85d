"""An upstream's model that answers by what it is asked, in its own dialect: it calls, reports, or says what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.reply import Reply
from tests.support.spoken import CALL, SPOKEN, TEXT, Json, speaking
from tests.support.upstream import Received

REPORT: Json = {"city": "Zürich", "degrees": 21}
"""What it answers with to whom wants members: as JSON text where a schema is given, else as a call of their own tool."""


@dataclass(frozen=True)
class Asked:
    """What a request says of the things that decide about the answer."""

    tools: tuple[str, ...]
    result: str | None
    """What the last turn says that a tool gave."""
    schema: bool


def speaker(target: str) -> Callable[[Received], Reply]:
    """A script for the upstream of this dialect.

    It calls `get_weather` where that tool is offered and its result is not there yet; then answers by a schema, or by the
    caller's other tool, with `REPORT`; and else with `TEXT`, followed by the result if it has one.
    """

    def answer(received: Received) -> Reply:
        body = received.json()
        asked = READERS[target](body)
        others = [tool for tool in asked.tools if tool != CALL["name"]]
        text, called = TEXT, None
        if CALL["name"] in asked.tools and asked.result is None:
            called = CALL
        elif asked.schema:
            text = json.dumps(REPORT, ensure_ascii=False)
        elif others:
            called = {"name": others[0], "arguments": REPORT, "id": "call_report"}
        elif asked.result is not None:
            text = f"{TEXT} {asked.result}"
        spoken = speaking(text, called or CALL)[target]
        name = "call" if called else "text"
        stream = bool(body.get("stream")) or "streamGenerateContent" in received.target
        return spoken.streamed(name) if stream else spoken.whole(name)

    return answer


def dialect_of(received: Received) -> str:
    """Which dialect a request was sent in."""
    path = received.target.partition("?")[0]
    return next((name for name, spoken in SPOKEN.items() if spoken.path == path), "gemini")


def by_path(received: Received) -> Reply:
    """The speaker of whichever dialect the request came in."""
    return speaker(dialect_of(received))(received)


def _said(content: object) -> str:
    """The text of a content, whether it is a string or parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _chat(body: Json) -> Asked:
    last = body["messages"][-1]
    return Asked(
        tools=tuple(tool["function"]["name"] for tool in body.get("tools") or []),
        result=_said(last["content"]) if last["role"] == "tool" else None,
        schema=body.get("response_format", {}).get("type") == "json_schema",
    )


def _responses(body: Json) -> Asked:
    last = body["input"] if isinstance(body["input"], str) else body["input"][-1]
    given = isinstance(last, dict) and last.get("type") == "function_call_output"
    return Asked(
        tools=tuple(tool["name"] for tool in body.get("tools") or [] if tool["type"] == "function"),
        result=_said(last["output"]) if given else None,
        schema=body.get("text", {}).get("format", {}).get("type") == "json_schema",
    )


def _anthropic(body: Json) -> Asked:
    content = body["messages"][-1]["content"]
    blocks = [] if isinstance(content, str) else content
    results = [_said(block["content"]) for block in blocks if block["type"] == "tool_result"]
    return Asked(
        tools=tuple(tool["name"] for tool in body.get("tools") or []),
        result="".join(results) if results else None,
        schema="format" in body.get("output_config", {}) or "output_format" in body,
    )


def _gemini(body: Json) -> Asked:
    declared = [
        function
        for tool in body.get("tools") or []
        for function in tool.get("functionDeclarations") or tool.get("function_declarations") or []
    ]
    parts = body["contents"][-1]["parts"]
    results = [_said(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
    config = body.get("generationConfig") or {}
    return Asked(
        tools=tuple(function["name"] for function in declared),
        result="".join(results) if results else None,
        schema="responseJsonSchema" in config or "responseSchema" in config,
    )


READERS: dict[str, Callable[[Json], Asked]] = {
    "chat": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
