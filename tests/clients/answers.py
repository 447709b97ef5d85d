"""Answers as OpenAI's API gives them, written down to the byte: what a client must see is decided here, not by us."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.reply import DONE, Reply, data, stream, whole


@dataclass(frozen=True)
class Case:
    """One answer in both of its forms."""

    name: str
    completion: dict[str, Any]
    chunks: tuple[dict[str, Any], ...]
    """The stream's events, without the one that holds nothing but usage."""
    usage: dict[str, Any]
    """That event; it comes last."""

    def json(self) -> Reply:
        """The answer to a request that is not streamed, in OpenAI's own layout of white space."""
        return whole(json.dumps(self.completion, indent=2, ensure_ascii=False).encode() + b"\n").with_headers(
            ("x-request-id", f"req_upstream_{self.name}"), ("openai-processing-ms", "212")
        )

    def stream(self) -> Reply:
        """The answer to a request that is."""
        return stream([*map(data, self.chunks), data(self.usage), DONE])


FINGERPRINT = "fp_34a54ae93c"
USAGE = {
    "prompt_tokens": 57,
    "completion_tokens": 17,
    "total_tokens": 74,
    "prompt_tokens_details": {"cached_tokens": 32, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def _completion(name: str, *choices: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 1763718600,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": list(choices),
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def _chunk(name: str, *choices: dict[str, Any], **members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON of any kind
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion.chunk",
        "created": 1763718600,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": list(choices),
        "usage": None,
        **members,
    }


def _delta(delta: dict[str, Any], finish: str | None = None, index: int = 0, logprobs: object = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _message(message: dict[str, Any], finish: str, index: int = 0, logprobs: object = None) -> dict[str, Any]:
    whole_message = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    return {"index": index, "message": whole_message, "logprobs": logprobs, "finish_reason": finish}


def _usage(name: str) -> dict[str, Any]:
    return _chunk(name, usage=USAGE, obfuscation="")


# Letters of several scripts, a family joined of four signs, a flag, right-to-left text, marks that combine, the
# separators at which careless readers of event streams break lines, quotes, backslashes and control characters.
PIECES = (
    "Grüße,",
    " 世界! ",
    "👩‍👩‍👧‍👦🇪🇺",
    " שלום",
    " é",
    "\u2028\u2029\x85",
    '"\\"',
    "\n\r\t\x00\x7f",
    "data: [DONE]\n\n",
)


def _text() -> Case:
    name = "text"
    first = _delta({"role": "assistant", "content": "", "refusal": None})
    middle = [_delta({"content": piece}) for piece in PIECES]
    choices = [first, *middle, _delta({}, "stop")]
    chunks = [_chunk(name, choice, obfuscation="aZ09" * (i % 3)) for i, choice in enumerate(choices)]
    completion = _completion(name, _message({"content": "".join(PIECES)}, "stop"))
    return Case(name, completion, tuple(chunks), _usage(name))


ARGUMENTS = (
    ("", '{"', "city", '":"', "São", " Paulo", '"}'),
    ("", '{"q":', ' "a \\"quoted\\"', ' \\u00e9"', "}"),
)
CALLS = (("call_9pw1qnYScqvGrCH58HWCvFH6", "get_weather"), ("call_TgSlQrxT4BkiSmSlUcVJXbKl", "search"))


def _tools() -> Case:
    name = "tools"
    chunks = [_chunk(name, _delta({"role": "assistant", "content": None}))]
    for index, ((call, function), pieces) in enumerate(zip(CALLS, ARGUMENTS, strict=True)):
        named = {"index": index, "id": call, "type": "function", "function": {"name": function, "arguments": pieces[0]}}
        chunks.append(_chunk(name, _delta({"tool_calls": [named]})))
        for piece in pieces[1:]:
            more = {"index": index, "function": {"arguments": piece}}
            chunks.append(_chunk(name, _delta({"tool_calls": [more]})))
    chunks.append(_chunk(name, _delta({}, "tool_calls")))
    calls = [
        {"id": call, "type": "function", "function": {"name": function, "arguments": "".join(pieces)}}
        for (call, function), pieces in zip(CALLS, ARGUMENTS, strict=True)
    ]
    return Case(name, _completion(name, _message({"tool_calls": calls}, "tool_calls")), tuple(chunks), _usage(name))


def _refusal() -> Case:
    name = "refusal"
    pieces = ("I'm", " sorry", ", I can't", " help", " with that.")
    chunks = [
        _chunk(name, _delta({"role": "assistant", "content": None, "refusal": ""})),
        *(_chunk(name, _delta({"refusal": piece})) for piece in pieces),
        _chunk(name, _delta({}, "stop")),
    ]
    completion = _completion(name, _message({"refusal": "".join(pieces)}, "stop"))
    return Case(name, completion, tuple(chunks), _usage(name))


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    entry = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return {**entry, "top_logprobs": [entry, {"token": "?", "logprob": -9.5, "bytes": [63]}]}


def _logprobs() -> Case:
    name = "logprobs"
    tokens = [("Yes", -1.9365e-07), (" ünd", -0.25), (".", -1e-9)]
    chunks = [_chunk(name, _delta({"role": "assistant", "content": "", "refusal": None}))]
    for token, logprob in tokens:
        entry = {"content": [_logprob(token, logprob)], "refusal": None}
        chunks.append(_chunk(name, _delta({"content": token}, logprobs=entry)))
    chunks.append(_chunk(name, _delta({}, "stop")))
    all_entries = {"content": [_logprob(*token) for token in tokens], "refusal": None}
    content = "".join(token for token, _ in tokens)
    completion = _completion(name, _message({"content": content}, "stop", logprobs=all_entries))
    return Case(name, completion, tuple(chunks), _usage(name))


def _choices() -> Case:
    name = "choices"
    texts = [("Heads", ", I", " say."), ("Tails",), ("", "Both.")]
    chunks = [_chunk(name, _delta({"role": "assistant", "content": ""}, index=index)) for index in (2, 0, 1)]
    for turn in range(3):
        for index, pieces in enumerate(texts):
            if turn < len(pieces):
                chunks.append(_chunk(name, _delta({"content": pieces[turn]}, index=index)))
    chunks += [_chunk(name, _delta({}, finish, index=i)) for i, finish in enumerate(("stop", "length", "stop"))]
    messages = [
        _message({"content": "".join(pieces)}, finish, index)
        for index, (pieces, finish) in enumerate(zip(texts, ("stop", "length", "stop"), strict=True))
    ]
    return Case(name, _completion(name, *messages), tuple(chunks), _usage(name))


TEXT, TOOLS, REFUSAL, LOGPROBS, CHOICES = _text(), _tools(), _refusal(), _logprobs(), _choices()
CASES = (TEXT, TOOLS, REFUSAL, LOGPROBS, CHOICES)
