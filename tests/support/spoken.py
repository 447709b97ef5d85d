"""The same two answers, a text and a call of a tool, as each provider's API gives them, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.gateway import minimal
from tests.support.reply import Reply, stream, whole

TEXT = "It is 21 °C in Zürich."
THOUGHT = "The user wants the weather."
SIGNATURE = "c2lnbmF0dXJl"
CALL: dict[str, Any] = {"name": "get_weather", "arguments": {"city": "Zürich", "days": 3}}
CALL_ID = "call_9f3a"
INPUT, CACHED, OUTPUT = 57, 32, 17
"""All input tokens, those of them that came from the provider's cache, and all output tokens."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """How one dialect says it: where it is asked, and its answers by name, whole and as events."""

    path: str
    base: str
    type: str
    dialects: tuple[str, ...] | None
    text: Json
    call: Json
    text_events: Sequence[bytes]
    call_events: Sequence[bytes]

    def whole(self, name: str) -> Reply:
        """The answer `text` or `call`, to a request that is not streamed."""
        return whole(json.dumps(self.text if name == "text" else self.call).encode())

    def streamed(self, name: str) -> Reply:
        """The same to one that is."""
        return stream(list(self.text_events if name == "text" else self.call_events))


def _data(event: object) -> bytes:
    return f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()


def _named(event: Json) -> bytes:
    return f"event: {event['type']}\n".encode() + _data(event)


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _arguments(call: Json) -> str:
    return json.dumps(call["arguments"], ensure_ascii=False)


def _chat(text: str, called: Json) -> Spoken:
    usage = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
    }
    arguments = _arguments(called)
    function = {"name": called["name"], "arguments": arguments}
    call = {"id": called.get("id", CALL_ID), "type": "function", "function": function}

    def answer(message: Json, finish: str) -> Json:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
        envelope = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1763718600, "model": "up-model"}
        return {**envelope, "choices": [choice], "usage": usage}

    def events(deltas: Sequence[Json], finish: str) -> list[bytes]:
        envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1763718600, "model": "up-model"}

        def chunk(delta: Json, reason: str | None) -> bytes:
            return _data({**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

        chunks = [chunk({"role": "assistant", "content": ""}, None), *(chunk(delta, None) for delta in deltas)]
        return [*chunks, chunk({}, finish), _data({**envelope, "choices": [], "usage": usage}), _data("[DONE]")]

    begun = {"index": 0, **call, "function": {**function, "arguments": ""}}
    more = [{"index": 0, "function": {"arguments": half}} for half in _halves(arguments)]
    return Spoken(
        path="/v1/chat/completions",
        base="/v1",
        type="openai-compatible",
        dialects=None,
        text=answer({"content": text}, "stop"),
        call=answer({"content": None, "tool_calls": [call]}, "tool_calls"),
        text_events=events([{"content": half} for half in _halves(text)], "stop"),
        call_events=events([{"tool_calls": [part]} for part in (begun, *more)], "tool_calls"),
    )


def _responses(text: str, called: Json) -> Spoken:
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    arguments = _arguments(called)
    call = {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": called.get("id", CALL_ID),
        "name": called["name"],
        "arguments": arguments,
    }

    def answer(status: str, output: Sequence[Json]) -> Json:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1763718600,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "model": "up-model",
            "output": list(output),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "temperature": 1.0,
            "top_p": 1.0,
            "usage": usage if status == "completed" else None,
        }

    def events(item: Json, empty: Json, middle: Sequence[Json]) -> list[bytes]:
        at = {"output_index": 0}
        sequence: list[Json] = [
            {"type": "response.created", "response": answer("in_progress", [])},
            {"type": "response.in_progress", "response": answer("in_progress", [])},
            {"type": "response.output_item.added", **at, "item": {**item, **empty, "status": "in_progress"}},
            *({**event, **at, "item_id": item["id"]} for event in middle),
            {"type": "response.output_item.done", **at, "item": item},
            {"type": "response.completed", "response": answer("completed", [item])},
        ]
        return [_named({**event, "sequence_number": number}) for number, event in enumerate(sequence)]

    content = {"content_index": 0}
    written = [{"type": "response.output_text.delta", **content, "delta": half} for half in _halves(text)]
    argued = [{"type": "response.function_call_arguments.delta", "delta": half} for half in _halves(arguments)]
    return Spoken(
        path="/v1/responses",
        base="/v1",
        type="openai-compatible",
        dialects=("openai-responses",),
        text=answer("completed", [message]),
        call=answer("completed", [call]),
        text_events=events(
            message,
            {"content": []},
            [
                {"type": "response.content_part.added", **content, "part": {**part, "text": ""}},
                *written,
                {"type": "response.output_text.done", **content, "text": text},
                {"type": "response.content_part.done", **content, "part": part},
            ],
        ),
        call_events=events(
            call,
            {"arguments": ""},
            [*argued, {"type": "response.function_call_arguments.done", "arguments": arguments}],
        ),
    )


def _anthropic(text: str, called: Json) -> Spoken:
    usage = {
        "input_tokens": INPUT - CACHED,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": OUTPUT,
    }
    name, arguments = called["name"], _arguments(called)
    call = {"type": "tool_use", "id": called.get("id", CALL_ID), "name": name, "input": called["arguments"]}
    thought = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}

    def answer(content: Sequence[Json], stop: str | None, used: Json) -> Json:
        envelope = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up-model"}
        return {**envelope, "content": list(content), "stop_reason": stop, "stop_sequence": None, "usage": used}

    def block(index: int, begun: Json, deltas: Sequence[Json]) -> list[Json]:
        return [
            {"type": "content_block_start", "index": index, "content_block": begun},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    def events(blocks: Sequence[Json], stop: str) -> list[bytes]:
        begun = {"type": "message_start", "message": answer([], None, {**usage, "output_tokens": 1})}
        delta = {"stop_reason": stop, "stop_sequence": None}
        end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}}
        sequence: list[Json] = [begun, {"type": "ping"}, *blocks, end, {"type": "message_stop"}]
        return [_named(event) for event in sequence]

    written = [{"type": "text_delta", "text": half} for half in _halves(text)]
    argued = [{"type": "input_json_delta", "partial_json": half} for half in ("", *_halves(arguments))]
    thinks = [
        *({"type": "thinking_delta", "thinking": half} for half in _halves(THOUGHT)),
        {"type": "signature_delta", "signature": SIGNATURE},
    ]
    thinking = block(0, {"type": "thinking", "thinking": "", "signature": ""}, thinks)
    return Spoken(
        path="/v1/messages",
        base="/v1",
        type="anthropic",
        dialects=None,
        text=answer([{"type": "text", "text": text}], "end_turn", usage),
        call=answer([thought, call], "tool_use", usage),
        text_events=events(block(0, {"type": "text", "text": ""}, written), "end_turn"),
        call_events=events([*thinking, *block(1, {**call, "input": {}}, argued)], "tool_use"),
    )


def _gemini(text: str, called: Json) -> Spoken:
    usage = {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": INPUT + OUTPUT,
    }
    function = {"name": called["name"], "args": called["arguments"]}
    call = {"functionCall": function, "thoughtSignature": SIGNATURE}

    def answer(parts: Sequence[Json], *, last: bool = True) -> Json:
        candidate: Json = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        return {
            "candidates": [candidate],
            "modelVersion": "up-model",
            "responseId": "r1",
            **({"usageMetadata": usage} if last else {}),
        }

    first, second = _halves(text)
    return Spoken(
        path="/v1beta/models/up-model:generateContent",
        base="/v1beta",
        type="gemini",
        dialects=None,
        text=answer([{"text": text}]),
        call=answer([call]),
        text_events=[_data(answer([{"text": first}], last=False)), _data(answer([{"text": second}]))],
        call_events=[_data(answer([call]))],
    )


def speaking(text: str, called: Json = CALL) -> dict[str, Spoken]:
    """The dialects by name, all saying `text`, or calling a tool: its `name`, its `arguments` and maybe an `id`."""
    speakers = {"chat": _chat, "responses": _responses, "anthropic": _anthropic, "gemini": _gemini}
    return {name: speaker(text, called) for name, speaker in speakers.items()}


SPOKEN = speaking(TEXT)


def providers(url: str) -> dict[str, Json]:
    """A provider for each dialect, named like it, all at `url`."""
    return {
        name: {"type": spoken.type, "base_url": f"{url}{spoken.base}", "api_key": "env:TEST_UPSTREAM_KEY"}
        | ({"dialects": list(spoken.dialects)} if spoken.dialects else {})
        for name, spoken in SPOKEN.items()
    }


def configuration(url: str, **route: object) -> str:
    """These providers, and a route to each that is named like it; `route` is said of each route."""
    routes = {name: {"provider": name, "model": "up-model", "max_retries": 0, **route} for name in SPOKEN}
    return minimal(url, providers=providers(url), routes=routes)


def asking(caller: str, route: str, stream: bool) -> tuple[str, Json]:
    """Where the caller of a dialect asks the model `route`, and what it sends."""
    asked = [{"role": "user", "content": "Hello?"}]
    match caller:
        case "chat":
            return "/v1/chat/completions", {"model": route, "messages": asked, "stream": stream}
        case "responses":
            return "/v1/responses", {"model": route, "input": "Hello?", "stream": stream}
        case "anthropic":
            return "/v1/messages", {"model": route, "max_tokens": 99, "messages": asked, "stream": stream}
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{route}:{method}", {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}]}
