"""An upstream's model that acts on what it reads, in its own dialect: it calls, reports, or says what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.reply import Reply
from tests.support.spoken import CALL, SPOKEN, TEXT, Json, speaking
from tests.support.upstream import Received

REPORT: Json = {"city": "Zürich", "degrees": 21}
"""What it answers with to whom wants members: JSON text where there is a schema, else a call of the tool for them."""


@dataclass(frozen=True)
class Asked:
    """What a request says of the things that decide about the answer."""

    tools: dict[str, Json]
    """What it may call, as the dialect describes it, by name."""
    result: str | None
    """What the last turn says that a tool gave."""
    schema: bool
    forced: bool
    """It must call a tool, whatever else."""


def speaker(target: str) -> Callable[[Received], Reply]:
    """A script for the upstream of this dialect.

    It calls `get_weather` where that tool is offered and its result is not there yet; then answers with `REPORT`, by a
    schema or as a call of the tool that takes it; and else with `TEXT`, followed by the result if it has one.
    """

    def answer(received: Received) -> Reply:
        body = received.json()
        asked = READERS[target](body)
        others = [name for name, tool in asked.tools.items() if set(REPORT) <= _members(tool)]
        text, called = TEXT, None
        if CALL["name"] in asked.tools and asked.result is None:
            called = CALL
        elif asked.schema and not (asked.forced and others):
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


def _members(json: object) -> set[str]:
    """The names of all members, at any depth."""
    if isinstance(json, dict):
        return set(json).union(*map(_members, json.values()))
    return set().union(*map(_members, json)) if isinstance(json, list) else set()


def _said(content: object) -> str:
    """The text of a content, whether it is a string or parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _chat(body: Json) -> Asked:
    last = body["messages"][-1]
    return Asked(
        tools={tool["function"]["name"]: tool for tool in body.get("tools") or []},
        result=_said(last["content"]) if last["role"] == "tool" else None,
        schema=body.get("response_format", {}).get("type") == "json_schema",
        forced=body.get("tool_choice") not in (None, "auto", "none"),
    )


def _responses(body: Json) -> Asked:
    last = {} if isinstance(body["input"], str) else body["input"][-1]
    given = last.get("type") == "function_call_output"
    return Asked(
        tools={tool["name"]: tool for tool in body.get("tools") or [] if tool["type"] == "function"},
        result=_said(last["output"]) if given else None,
        schema=body.get("text", {}).get("format", {}).get("type") == "json_schema",
        forced=body.get("tool_choice") not in (None, "auto", "none"),
    )


def _anthropic(body: Json) -> Asked:
    content = body["messages"][-1]["content"]
    blocks = [] if isinstance(content, str) else content
    results = [_said(block["content"]) for block in blocks if block["type"] == "tool_result"]
    return Asked(
        tools={tool["name"]: tool for tool in body.get("tools") or []},
        result="".join(results) if results else None,
        schema="format" in body.get("output_config", {}) or "output_format" in body,
        forced=body.get("tool_choice", {}).get("type") in {"any", "tool"},
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
        tools={function["name"]: function for function in declared},
        result="".join(results) if results else None,
        schema="responseJsonSchema" in config or "responseSchema" in config,
        forced=body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode") == "ANY",
    )


READERS: dict[str, Callable[[Json], Asked]] = {
    "chat": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
