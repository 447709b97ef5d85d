"""Adapters in a running gateway: the manual's own example before a made-up API, for callers of every dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import sse
from tests.support.gateway import UPSTREAM_KEY, RunningGateway, minimal
from tests.support.reply import Gate, Reply, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Answer, Json, Wire, ask, request

MANUAL = (Path(__file__).resolve().parents[2] / "docs/adapters.md").read_text()
[EXAMPLE] = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)

OTHERS = """
import asyncio, pathlib, threading
from tollway.adapter import Adapter

folder = pathlib.Path(__file__).parent


class Broken(Adapter):
    path = "/generate"
    def request(self, body): raise ValueError(f"canary {body}")
    def response(self, body): return body
    def event(self, event): return [event]


class BrokenAnswer(Broken):
    def request(self, body): return body
    def response(self, body): raise ValueError(f"canary {body}")
    def event(self, event):
        if "bad" in event: raise KeyError(f"canary {event}")
        return [{"choices": [{"index": 0, "delta": {"content": event["text"]}, "finish_reason": None}]}]


class Wrong(BrokenAnswer):
    def response(self, body): return "canary"


class Hung(Broken):
    def request(self, body):
        while not (folder / "let-go").exists(): threading.Event().wait(0.01)
        return body


class Later:
    '''Async, in Anthropic's dialect, without the base class.'''
    dialect = "anthropic"
    path = "/models/{model}/ask"
    stream_path = "/models/{model}/live"
    headers = {"x-exotic-version": "3"}

    async def request(self, body):
        await asyncio.sleep(0)
        return {"say": body["messages"][-1]["content"]}

    async def response(self, body):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None,
                "content": [{"type": "text", "text": body["reply"]}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 9, "output_tokens": 3}}

    async def event(self, event):
        if not hasattr(self, "began"):
            self.began = True
            message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                       "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 0}}
            yield_ = [{"type": "message_start", "message": message},
                      {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
        else:
            yield_ = []
        delta = {"type": "text_delta", "text": event["text"]}
        return [*yield_, {"type": "content_block_delta", "index": 0, "delta": delta}]

    async def end(self):
        return [{"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                 "usage": {"output_tokens": 3}},
                {"type": "message_stop"}]
"""

ADAPTERS = {
    "exotic": "my_adapters:Exotic",
    "broken": "others:Broken",
    "broken-answer": "others:BrokenAnswer",
    "wrong": "others:Wrong",
    "hung": "others:Hung",
    "later": "others:Later",
}

CALLERS: dict[str, tuple[str, Json]] = {
    "chat": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "Hello?"}], "max_completion_tokens": 64},
    ),
    "responses": ("/v1/responses", {"input": "Hello?", "max_output_tokens": 64}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 64}),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}], "generationConfig": {"maxOutputTokens": 64}},
    ),
}

PIECES = [{"text": f"piece {number} "} for number in range(50)]
TEXT = "".join(piece["text"] for piece in PIECES)
OVER = {"why": "cut", "spent": [9, 3]}


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("adapters")
    (folder / "my_adapters.py").write_text(EXAMPLE)
    (folder / "others.py").write_text(OTHERS)
    common = {"type": "python", "base_url": f"{upstream.url}/v3", "api_key": "env:TEST_UPSTREAM_KEY"}
    providers = {name: {**common, "adapter": call} for name, call in ADAPTERS.items()}
    providers["hung"]["adapter_timeout"] = "100ms"
    routes: dict[str, Json] = {name: {"provider": name, "model": "large", "max_retries": 2} for name in ADAPTERS}
    targets = [{"provider": "broken", "model": "x"}, {"provider": "up", "model": "up-model"}]
    routes["fallback"] = {"strategy": "fallback", "targets": targets}
    text = minimal(upstream.url, server={"hook_threads": 1}, providers=providers, routes=routes)
    with RunningGateway(text, folder) as running:
        yield running
        (folder / "let-go").touch()


@pytest.fixture(autouse=True)
def fresh(upstream: ScriptedUpstream) -> None:
    upstream.reset()


def call(gateway: RunningGateway, caller: str, model: str, *, stream: bool = False) -> Answer:
    path, body = CALLERS[caller]
    path = path.replace("{model}", model)
    if caller == "gemini" and stream:
        path = path.replace("generateContent", "streamGenerateContent?alt=sse")
    elif caller != "gemini":
        body = {"model": model, **body} | ({"stream": True} if stream else {})
    return ask(gateway.address, request(body, key=gateway.key, target=path))


def said(caller: str, body: Json) -> tuple[str, str]:
    """The text of a whole answer and why it ended, in the caller's dialect."""
    match caller:
        case "chat":
            return body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]
        case "responses":
            return body["output"][0]["content"][0]["text"], body["incomplete_details"]["reason"]
        case "messages":
            return body["content"][0]["text"], body["stop_reason"]
        case _:
            return body["candidates"][0]["content"]["parts"][0]["text"], body["candidates"][0]["finishReason"]


def streamed(caller: str, body: bytes) -> str:
    """The text that a stream adds up to, in the caller's dialect."""
    if caller == "chat":
        return sse.text(body)
    events = [json.loads(payload) for payload in sse.payloads(body)]
    if caller == "responses":
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    if caller == "messages":
        return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    parts = [part for event in events for part in event["candidates"][0].get("content", {}).get("parts", ())]
    return "".join(part.get("text", "") for part in parts)


def events(*, lines: bool = False) -> Reply:
    """The made-up API's stream: events with names, of which the first names no piece."""
    if lines:
        whole_body = "".join(json.dumps(piece) + "\n" for piece in PIECES).encode()
        return Reply(headers=(("content-type", "application/x-ndjson"),), body=(whole_body,))
    told = [("hello", {}), *(("piece", piece) for piece in PIECES), ("over", OVER)]
    body = b"".join(b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps(data).encode()) for name, data in told)
    # Cut into pieces at odd places, as a network does.
    parts = tuple(body[start : start + 37] for start in range(0, len(body), 37))
    return Reply(headers=(("content-type", "text/event-stream"),), body=parts, framing="chunked")


@pytest.mark.parametrize("caller", CALLERS)
def test_a_whole_answer_reaches_callers_of_every_dialect(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str
) -> None:
    upstream.script(whole(json.dumps({"reply": "Hello there.", **OVER}).encode()))
    answer = call(gateway, caller, "exotic")
    assert answer.status == 200, answer.body
    sent = upstream.take()
    assert (sent.target, sent.header("x-exotic-key"), sent.header("authorization")) == (
        "/v3/generate",
        UPSTREAM_KEY,
        None,
    )
    assert sent.json() == {
        "engine": "large", "turns": [{"who": "user", "says": "Hello?"}], "limit": 64, "live": False,
    }  # fmt: skip
    ends = {"chat": "length", "responses": "max_output_tokens", "messages": "max_tokens", "gemini": "MAX_TOKENS"}
    assert said(caller, answer.json()) == ("Hello there.", ends[caller])
    assert (answer.header("x-tollway-input-tokens"), answer.header("x-tollway-output-tokens")) == ("9", "3")


@pytest.mark.parametrize("caller", CALLERS)
def test_a_stream_reaches_callers_of_every_dialect_in_order(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str
) -> None:
    upstream.script(events())
    answer = call(gateway, caller, "exotic", stream=True)
    assert answer.status == 200, answer.body
    assert upstream.take().json()["live"] is True
    assert streamed(caller, answer.body) == TEXT
    assert not answer.cut
    if caller == "chat":
        assert sse.is_complete(answer.body)


def test_an_event_goes_out_before_the_next_one_comes(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    first = b'event: piece\ndata: {"text": "first"}\n\n'
    rest = b'event: over\ndata: {"why": "done", "spent": [1, 1]}\n\n'
    upstream.script(
        Reply(headers=(("content-type", "text/event-stream"),), body=(first, gate, rest), framing="chunked")
    )
    with Wire(gateway.address) as wire:
        path, body = CALLERS["chat"]
        wire.send(request({"model": "exotic", "stream": True, **body}, key=gateway.key, target=path))
        wire.until(b"first")
        gate.arrived()
        gate.open()
        wire.until(b"[DONE]")


def test_an_async_adapter_of_another_dialect(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(whole(b'{"reply": "Hello there."}'))
    answer = call(gateway, "chat", "later")
    assert said("chat", answer.json()) == ("Hello there.", "stop")
    sent = upstream.take()
    assert (sent.target, sent.header("x-exotic-version")) == ("/v3/models/large/ask", "3")
    for caller in CALLERS:
        upstream.script(events(lines=True))
        answer = call(gateway, caller, "later", stream=True)
        assert streamed(caller, answer.body) == TEXT, answer.body
        assert upstream.take().target == "/v3/models/large/live"


def error_of(answer: Answer) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status, error["code"], error["message"]


def test_a_fault_names_the_adapter_and_nothing_of_the_request(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    status, code, message = error_of(call(gateway, "chat", "broken"))
    assert (status, code) == (502, "upstream_error")
    assert message.endswith('The adapter "others:Broken" raised ValueError.')
    assert not upstream.requests
    upstream.otherwise = whole(b'{"reply": "canary"}')
    for name, exception in (("broken-answer", "ValueError"), ("wrong", "TypeError")):
        upstream.requests.clear()
        status, code, message = error_of(call(gateway, "chat", name))
        assert (status, code) == (502, "upstream_error")
        assert message.endswith(f'The adapter "{ADAPTERS[name]}" raised {exception}.')
        assert len(upstream.requests) == 1, "an adapter's fault would be the same at another try"
    gateway.printed("adapter.failed")
    assert "others.py" in gateway.log
    assert "canary" not in gateway.log


def test_what_is_not_json_is_not_the_adapter_s_fault(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    for body in (b"<html>", b"[1]"):
        upstream.script(whole(body))
        status, code, message = error_of(call(gateway, "chat", "exotic"))
        assert (status, code) == (502, "upstream_error")
        assert "not a JSON object" in message


def test_an_error_of_the_api_is_the_caller_s(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(whole(b'{"message": "too many turns"}', status=400))
    status, _, message = error_of(call(gateway, "chat", "exotic"))
    assert (status, message) == (400, "too many turns")


def test_the_next_target_takes_over(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    answer = call(gateway, "chat", "fallback")
    assert answer.status == 200, answer.body
    assert answer.header("x-tollway-provider") == "up"
    assert upstream.take().target == "/v1/chat/completions"


def test_a_fault_in_mid_stream_is_an_error_event(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    lines = b'data: {"text": "one"}\n\n', b'data: {"bad": "canary"}\n\n'
    upstream.script(Reply(headers=(("content-type", "text/event-stream"),), body=lines, framing="chunked"))
    answer = call(gateway, "chat", "broken-answer", stream=True)
    error = error_of(answer) if answer.status != 200 else (0, "", (sse.error(answer.body) or {})["message"])
    assert "others:BrokenAnswer" in error[2]
    assert "raised KeyError" in error[2]
    assert b"canary" not in answer.body
    assert not sse.is_complete(answer.body)


def test_a_stream_that_is_cut_ends_with_an_error(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(
        Reply(
            headers=(("content-type", "text/event-stream"), ("content-length", "5000")),
            body=(b'event: piece\ndata: {"text": "one"}\n\n',),
            framing="close",
        )
    )
    answer = call(gateway, "chat", "exotic", stream=True)
    assert sse.text(answer.body) == "one"
    assert (sse.error(answer.body) or {})["code"] == "upstream_error"


def test_a_hung_adapter_takes_no_hook_s_place_and_names_itself(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    for _ in range(2):
        status, code, message = error_of(call(gateway, "chat", "hung"))
        assert (status, code) == (502, "upstream_error")
        assert 'The adapter "others:Hung" took longer than its timeout of 100ms.' in message
    (gateway.folder / "let-go").touch()
    upstream.script(whole(json.dumps({"reply": "Hello there.", **OVER}).encode()))
    assert call(gateway, "chat", "exotic").status == 200, "the thread is free again"


def test_embeddings_are_refused_and_tokens_counted_here(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    refused = ask(gateway.address, request({"model": "exotic", "input": "a"}, key=gateway.key, target="/v1/embeddings"))
    assert refused.status == 400, refused.body
    body = {"model": "later", "messages": [{"role": "user", "content": "Hello?"}]}
    counted = ask(gateway.address, request(body, key=gateway.key, target="/v1/messages/count_tokens"))
    assert counted.json()["input_tokens"] > 0
    assert not upstream.requests
