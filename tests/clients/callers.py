"""The stock clients of the four dialects, asked for the same things: what each was told, in the words of none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types

from tests.clients.apps.errand import QUESTION, SYSTEM, WEATHER

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


@dataclass
class Heard:
    """An answer."""

    text: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    stop: str = ""
    """`end`, `tool`, or what else the client was told."""
    input: int | None = None
    cached: int | None = None
    output: int | None = None


Caller = Callable[[str, str, str, bool], Heard]
"""Given the gateway's URL, a key, a route, and whether to stream, it asks with a system text, a question and a tool."""


def chat(url: str, key: str, model: str, stream: bool) -> Heard:
    """`openai`, chat completions."""
    ask: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
        "tools": [
            {
                "type": "function",
                "function": {"name": "get_weather", "description": WEATHER, "parameters": SCHEMA},
            }
        ],
        "max_tokens": 500,
        "temperature": 0.5,
    }
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        if stream:
            with client.beta.chat.completions.stream(**ask, stream_options={"include_usage": True}) as events:
                completion = events.until_done().get_final_completion()
        else:
            completion = client.chat.completions.create(**ask)
    choice = completion.choices[0]
    calls = choice.message.tool_calls or []
    usage = completion.usage
    assert usage is not None
    details = usage.prompt_tokens_details
    return Heard(
        text=choice.message.content or "",
        calls=[(call.function.name, json.loads(call.function.arguments)) for call in calls],
        ids=[call.id for call in calls],
        stop={"stop": "end", "tool_calls": "tool"}.get(choice.finish_reason, choice.finish_reason),
        input=usage.prompt_tokens,
        cached=details.cached_tokens if details else None,
        output=usage.completion_tokens,
    )


def responses(url: str, key: str, model: str, stream: bool) -> Heard:
    """`openai`, Responses."""
    ask: dict[str, Any] = {
        "model": model,
        "instructions": SYSTEM,
        "input": QUESTION,
        "tools": [
            {
                "type": "function",
                "name": "get_weather",
                "description": WEATHER,
                "parameters": SCHEMA,
                "strict": False,
            }
        ],
        "max_output_tokens": 500,
        "temperature": 0.5,
    }
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        if stream:
            with client.responses.stream(**ask) as events:
                answer = events.until_done().get_final_response()
        else:
            answer = client.responses.create(**ask)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert answer.usage is not None
    return Heard(
        text=answer.output_text,
        calls=[(call.name, json.loads(call.arguments)) for call in calls],
        ids=[call.call_id for call in calls],
        stop="tool" if calls else {"completed": "end"}.get(answer.status or "", answer.status or ""),
        input=answer.usage.input_tokens,
        cached=answer.usage.input_tokens_details.cached_tokens,
        output=answer.usage.output_tokens,
    )


def messages(url: str, key: str, model: str, stream: bool) -> Heard:
    """`anthropic`, Messages."""
    ask: dict[str, Any] = {
        "model": model,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [{"name": "get_weather", "description": WEATHER, "input_schema": SCHEMA}],
        "max_tokens": 500,
        # Newer models of Anthropic's take none, and so their client has no argument for it.
        "extra_body": {"temperature": 0.5},
    }
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        if stream:
            with client.messages.stream(**ask) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**ask)
    calls = [block for block in message.content if block.type == "tool_use"]
    usage = message.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    stop = message.stop_reason or ""
    return Heard(
        text="".join(block.text for block in message.content if block.type == "text"),
        calls=[(call.name, dict(call.input)) for call in calls],
        ids=[call.id for call in calls],
        stop={"end_turn": "end", "tool_use": "tool"}.get(stop, stop),
        input=usage.input_tokens + cached,
        cached=usage.cache_read_input_tokens,
        output=usage.output_tokens,
    )


def gemini(url: str, key: str, model: str, stream: bool) -> Heard:
    """`google-genai`, generateContent."""
    declared = types.FunctionDeclaration(name="get_weather", description=WEATHER, parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        tools=[types.Tool(function_declarations=[declared])],
        max_output_tokens=500,
        temperature=0.5,
    )
    with genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url)) as client:
        if stream:
            answers = list(client.models.generate_content_stream(model=model, contents=QUESTION, config=config))
        else:
            answers = [client.models.generate_content(model=model, contents=QUESTION, config=config)]
    candidates = [candidate for answer in answers for candidate in answer.candidates or []]
    parts = [part for one in candidates if one.content for part in one.content.parts or []]
    calls = [part.function_call for part in parts if part.function_call]
    reasons = [one.finish_reason.value for one in candidates if one.finish_reason]
    usage = next(answer.usage_metadata for answer in reversed(answers) if answer.usage_metadata)
    return Heard(
        text="".join(part.text for part in parts if part.text and not part.thought),
        calls=[(call.name or "", dict(call.args or {})) for call in calls],
        ids=[call.id or "" for call in calls],
        stop="tool" if calls and reasons == ["STOP"] else {"STOP": "end"}.get(reasons[-1], reasons[-1]),
        input=usage.prompt_token_count,
        cached=usage.cached_content_token_count,
        output=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
    )


CALLERS: dict[str, Caller] = {"chat": chat, "responses": responses, "anthropic": messages, "gemini": gemini}
