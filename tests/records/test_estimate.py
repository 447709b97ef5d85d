"""Tokens that no provider reported: counted as the model's own tokenizer counts them, marked, and never lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.records.looking import Record, everything, record, record_of, shipped
from tests.support.gateway import RunningGateway
from tests.support.reply import DONE, Gate, Reply, chunk, completion, events, stream, usage_event, whole
from tests.support.spoken import SPOKEN, configuration
from tests.support.toml import render
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Answer, request

FLAG = "tokens:estimated"
PRICE = {"input_per_mtok": 2, "output_per_mtok": 10}
LONG = 4000
"""Words whose 24 KB are too many to be counted on a thread that serves connections."""


def words(count: int) -> str:
    """A text of so many tokens of o200k: the word is one, with the space before it and without."""
    return " ".join(["hello"] * count)


def framed(count: int) -> int:
    """The input tokens of one message of so many tokens: OpenAI's framing is 7 more."""
    return count + 7


def pieces(count: int, size: int = 7) -> list[str]:
    """The text of so many tokens in pieces that have nothing to do with them."""
    text = words(count)
    return [text[at : at + size] for at in range(0, len(text), size)]


def configured(url: str, **more: object) -> str:
    document: dict[str, Any] = tomllib.loads(configuration(url))
    for name in SPOKEN:
        document["providers"][name]["prices"] = {"gpt-4o": PRICE}
        document["routes"][name]["model"] = "gpt-4o"
    return render({**document, **more})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, ScriptedUpstream]]:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        gateway = stack.enter_context(RunningGateway(configured(upstream.url), tmp_path_factory.mktemp("estimate")))
        yield gateway, upstream


@pytest.fixture
def gateway(shared: tuple[RunningGateway, ScriptedUpstream]) -> RunningGateway:
    return shared[0]


@pytest.fixture
def upstream(shared: tuple[RunningGateway, ScriptedUpstream]) -> ScriptedUpstream:
    shared[1].reset()
    return shared[1]


def body(count: int = 1, model: str = "chat", **members: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": words(count)}], **members}


def without_usage(content: str) -> Reply:
    answer = json.loads(completion(content))
    del answer["usage"]
    return whole(json.dumps(answer).encode())


def is_counted(one: Record, asked: int, answered: int) -> None:
    assert (one["tokens"]["input"], one["tokens"]["output"]) == (asked, answered)
    assert one["estimated"] is True
    assert FLAG in one["flags"]
    assert one["cost_nano"] == asked * 2_000 + answered * 10_000


@pytest.mark.parametrize(("asked", "answered"), [(3, 5), (LONG, 5), (3, LONG)])
def test_a_whole_answer(gateway: RunningGateway, upstream: ScriptedUpstream, asked: int, answered: int) -> None:
    upstream.script(without_usage(words(answered)))
    answer = gateway.chat(body(asked))
    is_counted(record_of(gateway, answer), framed(asked), answered)
    told = [answer.header(f"x-tollway-{name}-tokens") for name in ("input", "output")]
    assert told == [str(framed(asked)), str(answered)]
    assert answer.header("x-tollway-flags") == FLAG


@pytest.mark.parametrize(("asked", "answered"), [(3, 50), (LONG, 5), (3, LONG)])
def test_a_stream(gateway: RunningGateway, upstream: ScriptedUpstream, asked: int, answered: int) -> None:
    upstream.script(stream(events(pieces(answered), usage=False)))
    answer = gateway.chat(body(asked, stream=True), ("x-tollway-trailer", "true"))
    is_counted(record_of(gateway, answer), framed(asked), answered)
    *_, trailer, done, _ = answer.body.split(b"\n\n")
    assert done + b"\n\n" == DONE
    told = json.loads(trailer.removeprefix(b": tollway "))
    assert (told["input_tokens"], told["output_tokens"], told["estimated"]) == (framed(asked), answered, True)
    assert told["cost_usd"] == pytest.approx((framed(asked) * 2 + answered * 10) / 10**6)


def test_thoughts_have_a_bucket_of_their_own(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    thought = [chunk({"reasoning_content": piece}) for piece in pieces(20)]
    upstream.script(stream([*thought, *events(pieces(9), usage=False)]))
    one = record_of(gateway, gateway.chat(body(stream=True)))
    assert (one["tokens"]["output"], one["tokens"]["reasoning"]) == (9, 20)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_reported_is_not_counted(gateway: RunningGateway, upstream: ScriptedUpstream, streamed: bool) -> None:
    upstream.script(stream(events(pieces(50))) if streamed else whole(completion(words(50))))
    one = record_of(gateway, gateway.chat(body(stream=streamed)))
    assert (one["tokens"]["input"], one["tokens"]["output"], one["estimated"], one["flags"]) == (9, 5, False, [])


def test_an_output_that_was_reported_too_early(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """Anthropic's first event says an output of 1: of a stream that was cut, what came is counted."""
    usage = {"input_tokens": 57, "output_tokens": 1}
    start = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": usage}
    block = {"type": "text", "text": ""}
    sent: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces(60)
        ),
    ]
    upstream.script(stream([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in sent]))
    one = record_of(gateway, gateway.chat(body(model="anthropic", stream=True)))
    assert one["error"] == "upstream_error"
    is_counted(one, 57, 60)


def test_a_stream_that_was_cut_after_its_report(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(stream([*events(pieces(50), usage=False)[:-1], usage_event()]))
    one = record_of(gateway, gateway.chat(body(stream=True)))
    assert (one["tokens"]["output"], one["estimated"]) == (5, False)


@pytest.mark.parametrize("answered", [50, LONG])
def test_a_caller_who_leaves(gateway: RunningGateway, upstream: ScriptedUpstream, answered: int) -> None:
    gate = Gate()
    upstream.script(stream([*events([*pieces(answered - 1), " world"], usage=False)[:-2], gate]))
    wire = gateway.connect()
    wire.send(request(body(stream=True, user=f"leaver-{answered}"), key=gateway.key))
    head, seen = wire.head(), b""
    while b" world" not in seen:
        seen += wire.chunk()
    wire.socket.close()
    gate.open()
    one = record(gateway, head.header("x-request-id") or "")
    assert one["error"] == "client_closed"
    is_counted(one, framed(1), answered)
    shipped(gateway)
    found = gateway.admin.get("/admin/v1/requests", params={"user": f"leaver-{answered}"}).json()["data"]
    assert len(found) == 1


def test_embeddings_and_counts(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(whole(json.dumps({"embedding": {"values": [0.5]}}).encode()))
    asked = {"content": {"parts": [{"text": words(30)}]}}
    answer = ask(gateway, "/v1beta/models/gemini:embedContent", asked)
    one = record_of(gateway, answer)
    assert (one["tokens"]["input"], one["estimated"]) == (30, True)
    upstream.script(whole(b'{"totalTokens": 31}'))
    counted = ask(gateway, "/v1beta/models/gemini:countTokens", {"contents": [asked["content"]]})
    assert record_of(gateway, counted)["tokens"] is None, "it costs nothing"


def ask(gateway: RunningGateway, target: str, asked: object) -> Answer:
    with gateway.connect() as wire:
        wire.send(request(asked, key=gateway.key, target=target))
        answer = wire.answer()
    assert answer.status == 200, answer.body
    return answer


def test_killed_after_the_last_byte(tmp_path: Path) -> None:
    """The count is made elsewhere, and the last byte waits for it: what a caller has whole is in the journal."""
    with ScriptedUpstream() as upstream:
        text = configured(upstream.url)
        answered: list[str] = []
        for _ in range(3):
            gateway = RunningGateway(text, tmp_path)
            upstream.script(stream(events(pieces(LONG), usage=False)), without_usage(words(LONG)))
            for streamed in (True, False):
                answer = gateway.chat(body(LONG, stream=streamed))
                assert not answer.cut
                answered.append(answer.header("x-request-id") or "")
            os.kill(gateway.pid, signal.SIGKILL)
            gateway.kill()
        with RunningGateway(text, tmp_path) as gateway:
            shipped(gateway)
            records = everything(gateway)
            assert sorted(one["id"] for one in records) == sorted(answered)
            for one in records:
                is_counted(one, framed(LONG), LONG)
