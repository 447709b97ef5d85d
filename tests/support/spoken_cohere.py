"""The two answers of `spoken`, as Cohere's API gives them."""

from __future__ import annotations

import json

from tests.support.spoken import CALL, CALL_ID, INPUT, OUTPUT, TEXT, Json, Spoken

_USAGE = {
    "billed_units": {"input_tokens": INPUT, "output_tokens": OUTPUT},
    "tokens": {"input_tokens": INPUT + 500, "output_tokens": OUTPUT + 2},
    "cached_tokens": 448,
}
_ARGUMENTS = json.dumps(CALL["arguments"], ensure_ascii=False)


def _call(arguments: str) -> Json:
    return {"id": CALL_ID, "type": "function", "function": {"name": CALL["name"], "arguments": arguments}}


def _answer(message: Json, finish: str) -> Json:
    said = {"role": "assistant", **message}
    return {"id": "0d4f", "message": said, "finish_reason": finish, "usage": _USAGE}


def _event(kind: str, message: Json | None = None, **more: object) -> bytes:
    said = {"type": kind, **more} | ({"delta": {"message": message}} if message is not None else {})
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode()


def _events(said: list[bytes], finish: str) -> list[bytes]:
    empty: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    end = _event("message-end", delta={"finish_reason": finish, "usage": _USAGE})
    return [_event("message-start", empty, id="0d4f"), *said, end, b"data: [DONE]\n\n"]


def _more(kind: str, pieces: list[Json], index: int = 0) -> list[bytes]:
    return [_event(kind, piece, index=index) for piece in pieces]


COHERE = Spoken(
    path="/v2/chat",
    base="/v2",
    type="cohere",
    dialects=None,
    text=_answer({"content": [{"type": "text", "text": TEXT}]}, "COMPLETE"),
    call=_answer({"tool_calls": [_call(_ARGUMENTS)]}, "TOOL_CALL"),
    text_events=_events(
        [
            *_more("content-start", [{"content": {"type": "text", "text": ""}}]),
            *_more("content-delta", [{"content": {"text": half}} for half in (TEXT[:9], TEXT[9:])]),
            _event("content-end", index=0),
        ],
        "COMPLETE",
    ),
    call_events=_events(
        [
            *_more("tool-call-start", [{"tool_calls": _call("")}]),
            *_more(
                "tool-call-delta",
                [{"tool_calls": {"function": {"arguments": half}}} for half in (_ARGUMENTS[:9], _ARGUMENTS[9:])],
            ),
            _event("tool-call-end", index=0),
        ],
        "TOOL_CALL",
    ),
)
