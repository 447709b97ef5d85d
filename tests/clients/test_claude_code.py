"""The calls that Claude Code makes, to models that are not Anthropic's.

It is documented (<https://code.claude.com/docs/en/llm-gateway-protocol>): Messages and its counting of tokens
with `?beta=true` and `anthropic-beta`, instructions as cached blocks of which the first says who bills, many tools,
thinking, context management, and who asks in `metadata`. The stock client's beta calls are made the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.clients.apps.errand import MEASURED, QUESTION, WEATHER
from tests.support.gateway import RunningGateway
from tests.support.speaker import by_path
from tests.support.spoken import CALL, INPUT, OUTPUT, SIGNATURE, SPOKEN, TEXT, configuration
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json

pytestmark = pytest.mark.clients

BETAS = ["claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27"]
CACHED = {"type": "ephemeral"}
SYSTEM = ("x-anthropic-billing-header: cc_version=2.1.37; cc_entrypoint=cli;", "You write code.", "You are terse.")
REMINDER = "<system-reminder>Today is Saturday.</system-reminder>"
USER = "user_0f3a_account__session_9b1c"
PLACE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
SHELL = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
ASK: dict[str, Any] = {
    "system": [
        {"type": "text", "text": SYSTEM[0]},
        {"type": "text", "text": SYSTEM[1], "cache_control": CACHED},
        {"type": "text", "text": SYSTEM[2], "cache_control": {**CACHED, "ttl": "1h"}},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": REMINDER},
                {"type": "text", "text": QUESTION, "cache_control": CACHED},
            ],
        }
    ],
    "tools": [
        {"name": "Bash", "description": "Runs a command.", "input_schema": SHELL},
        {"name": "get_weather", "description": WEATHER, "input_schema": PLACE, "cache_control": CACHED},
    ],
    "betas": BETAS,
}
MORE: dict[str, Any] = {
    "max_tokens": 32_000,
    "thinking": {"type": "enabled", "budget_tokens": 31_999},
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "metadata": {"user_id": USER},
    "extra_body": {"temperature": 1},
    "extra_headers": {"x-app": "cli"},
}
OTHERS = [target for target in SPOKEN if target != "anthropic"]


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(configuration(upstream.url), tmp_path_factory.mktemp("code")) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway, upstream: ScriptedUpstream) -> Iterator[anthropic.Anthropic]:
    """As `ANTHROPIC_BASE_URL` and `ANTHROPIC_AUTH_TOKEN` make it."""
    upstream.reset()
    upstream.otherwise = by_path
    with anthropic.Anthropic(base_url=gateway.url, auth_token=gateway.key, api_key=None, max_retries=0) as made:
        yield made


def _turn(client: anthropic.Anthropic, target: str, messages: list[Any]) -> Any:  # noqa: ANN401 - a beta message
    with client.beta.messages.stream(model=target, **{**ASK, "messages": messages}, **MORE) as events:
        return events.get_final_message()


@pytest.mark.parametrize("target", SPOKEN)
def test_a_tool_is_called_and_its_result_answered(
    client: anthropic.Anthropic, upstream: ScriptedUpstream, target: str
) -> None:
    first = _turn(client, target, ASK["messages"])
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input, first.stop_reason) == (CALL["name"], CALL["arguments"], "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": MEASURED, "cache_control": CACHED}
    said = [block.model_dump(exclude_none=True) for block in first.content]
    turns = [*ASK["messages"], {"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    last = _turn(client, target, turns)
    text = "".join(block.text for block in last.content if block.type == "text")
    assert (text.startswith(TEXT), MEASURED in text, last.stop_reason) == (True, True, "end_turn")
    usage = last.usage
    assert (usage.input_tokens + usage.cache_read_input_tokens, usage.output_tokens) == (INPUT, OUTPUT)
    for received in upstream.requests:
        assert received.target.startswith(SPOKEN[target].path.removesuffix("generateContent"))
    if target in {"anthropic", "gemini"}:
        assert SIGNATURE in json.dumps(upstream.requests[1].json())


@pytest.mark.parametrize("target", OTHERS)
def test_the_model_is_told_all_of_it(client: anthropic.Anthropic, upstream: ScriptedUpstream, target: str) -> None:
    answer = client.beta.messages.with_raw_response.create(model=target, **ASK, **{**MORE, "max_tokens": 20_000})
    received = upstream.take()
    body = received.json()
    system, user, tools, limit, thinks = _told(target, body)
    assert [part for part in SYSTEM if part not in system] == []
    assert "\n\n".join(user) == f"{REMINDER}\n\n{QUESTION}"
    assert [(tool["name"], schema["properties"]) for tool, schema in tools] == [
        ("Bash", SHELL["properties"]),
        ("get_weather", PLACE["properties"]),
    ]
    assert (limit, thinks) == (20_000, {"chat": "high", "responses": "high"}.get(target, 31_999))
    assert "cache_control" not in json.dumps(body)
    assert received.header("anthropic-beta") is None
    assert answer.headers["x-tollway-flags"] == LOST[target]


LOST = {
    "chat": "lossy:context_management",
    "responses": "lossy:context_management",
    "gemini": "lossy:context_management,lossy:user",
}


def _told(target: str, body: Json) -> tuple[str, list[str], list[tuple[Json, Json]], object, object]:
    """Of a request: instructions, what the user says, tools with their schemas, the limit, and how hard to think."""
    match target:
        case "chat":
            system, user = (message["content"] for message in body["messages"])
            tools = [(tool["function"], tool["function"]["parameters"]) for tool in body["tools"]]
            limit, thinks = body.get("max_completion_tokens", body.get("max_tokens")), body["reasoning_effort"]
        case "responses":
            system, user = body["instructions"], body["input"][-1]["content"]
            tools = [(tool, tool["parameters"]) for tool in body["tools"]]
            limit, thinks = body["max_output_tokens"], body["reasoning"]["effort"]
        case _:
            system, user = body["systemInstruction"]["parts"], body["contents"][0]["parts"]
            declared = [function for tool in body["tools"] for function in tool["functionDeclarations"]]
            tools = [(function, function["parametersJsonSchema"]) for function in declared]
            config = body["generationConfig"]
            limit, thinks = config["maxOutputTokens"], config["thinkingConfig"]["thinkingBudget"]
    return "\n".join(_texts(system)), _texts(user), tools, limit, thinks


def _texts(content: Json) -> list[str]:
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def test_anthropic_gets_it_as_it_was_sent(client: anthropic.Anthropic, upstream: ScriptedUpstream) -> None:
    client.beta.messages.create(model="anthropic", **ASK, **{**MORE, "max_tokens": 20_000})
    received = upstream.take()
    body = received.json()
    assert {name: body[name] for name in ("system", "messages", "tools")} == {
        name: ASK[name] for name in ("system", "messages", "tools")
    }
    assert (body["metadata"], body["thinking"]) == (MORE["metadata"], MORE["thinking"])
    assert body["context_management"] == MORE["context_management"]
    assert received.header("anthropic-beta") == ",".join(BETAS)
    assert received.header("anthropic-version") == client.default_headers["anthropic-version"]


@pytest.mark.parametrize("target", OTHERS)
def test_tokens_are_counted_with_tools_and_instructions(
    client: anthropic.Anthropic, upstream: ScriptedUpstream, target: str
) -> None:
    counts = client.beta.messages.with_raw_response
    alone = counts.count_tokens(model=target, messages=ASK["messages"], betas=BETAS)
    whole = counts.count_tokens(model=target, **ASK)
    assert alone.parse().input_tokens > len(QUESTION.split())
    assert whole.parse().input_tokens > alone.parse().input_tokens + 30
    assert whole.headers["x-tollway-flags"] == "tokens:estimated"
    assert upstream.requests == []
