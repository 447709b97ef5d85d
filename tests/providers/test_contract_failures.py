"""How every bundled provider fails, or is left: errors by class, quoted keys, callers who leave, streams that break.

One stream of each dialect is cut at every byte, those of all providers at each event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.served import ANSWERING, case_of, first_with, streamed, table_of
from tests.records.looking import record_of
from tests.support import sse
from tests.support.errors import is_error
from tests.support.gateway import UPSTREAM_KEY, RunningGateway, minimal
from tests.support.reply import End, Gate, Raw, Reply, cut
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.wire import Answer, Json, ask, request

NO_BREAKER = {"breaker": {"consecutive": 0, "min_requests": 100_000}}

ANY_SERVER: list[dict[str, Any]] = [
    {"status": 401, "body": {"error": {"message": "No."}}, "class": "credentials"},
    {"status": 403, "body": {"error": {"message": "No."}}, "class": "permission"},
    {"status": 404, "body": {"error": {"message": "No."}}, "class": "rejected"},
    {"status": 429, "headers": {"retry-after": "7"}, "body": {}, "class": "rate_limit", "wait_ms": 7000},
    {"status": 500, "body": {"error": {"message": "No."}}, "class": "server_error"},
    {"status": 503, "body": {}, "class": "overload"},
]
"""What a status alone says, whoever answers."""

OWN = {name: case_of(name).get("errors", []) for name in ANSWERING}
FAILURES = [(name, index) for name in ANSWERING for index in range(len(ANY_SERVER) + len(OWN[name]))]

FOR_MODELS_ALONE = {"bedrock", "cohere"}
"""Dialects that no caller speaks, so that nothing of theirs is passed on."""

EVERY_BYTE = {"azure", "vertex", "vertex-anthropic", "bedrock", "cohere"}

STATUS = {
    "credentials": (502, "upstream_credentials"),
    "permission": (502, "upstream_credentials"),
    "rate_limit": (429, "upstream_rate_limited"),
    "quota": (429, "upstream_rate_limited"),
    "overload": (503, "upstream_overloaded"),
    "server_error": (502, "upstream_error"),
}
"""What the caller is told; a request that is refused keeps its provider's status."""


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    tables, routes = {}, {}
    for name, index in [*((name, None) for name in ANSWERING), *FAILURES]:
        # A refused key or a used up quota is remembered: each failure has a provider of its own.
        own = name if index is None else f"{name}-{index}"
        tables[own] = table_of(name, upstream)
        routes[own] = {"provider": own, "model": case_of(name)["model"], "max_retries": 0}
    text = minimal(upstream.url, providers=tables, routes=routes, resilience=NO_BREAKER)
    with RunningGateway(text, tmp_path_factory.mktemp("failures")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(upstream: ScriptedUpstream) -> None:
    upstream.reset()


def asked(name: str, case: dict[str, Any], **more: object) -> dict[str, object]:
    return {"model": name, **case["asked"], **more}


@pytest.mark.parametrize(("name", "index"), FAILURES)
def test_an_error_is_of_its_class(gateway: RunningGateway, upstream: ScriptedUpstream, name: str, index: int) -> None:
    case, failure = case_of(name), [*ANY_SERVER, *OWN[name]][index]
    headers = {"content-type": "application/json", **failure.get("headers", {})}
    upstream.script(Reply(failure["status"], tuple(headers.items()), (json.dumps(failure["body"]).encode(),)))
    answer = gateway.chat(asked(f"{name}-{index}", case))
    [attempt] = record_of(gateway, answer)["attempts"]
    assert attempt["class"] == failure["class"]
    told = STATUS.get(failure["class"])
    if told is None:
        assert answer.status == failure["status"]
        assert answer.json()["error"]["message"]
    else:
        is_error(answer, *told)
    if "wait_ms" in failure:
        assert answer.header("retry-after-ms") == str(failure["wait_ms"])


@pytest.mark.parametrize("name", ANSWERING)
def test_a_key_that_is_quoted_stays_here(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    body = json.dumps({"error": {"message": f"{UPSTREAM_KEY} is no key", "type": "x", "code": UPSTREAM_KEY}}).encode()
    upstream.script(Reply(400, body=(body,)))
    answer = gateway.chat(asked(name, case_of(name)))
    assert answer.status == 400
    assert UPSTREAM_KEY.encode() not in answer.body
    assert UPSTREAM_KEY not in gateway.log


@pytest.mark.parametrize("name", ANSWERING)
def test_a_caller_who_leaves_ends_the_call(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case = case_of(name)
    reply, gate = streamed(case), Gate()
    begun = reply.body[: first_with(case, "Hello") + 1]
    upstream.script(Reply(headers=reply.headers, body=(*begun, gate), framing="chunked"))
    with gateway.connect() as wire:
        wire.send(request(asked(name, case, stream=True), key=gateway.key))
        assert wire.until(b"Hello")
        gate.arrived()
    wait_gone(upstream.take())
    gate.open()


@pytest.mark.parametrize("name", ANSWERING)
def test_a_stream_that_is_cut_is_never_taken_for_whole(
    gateway: RunningGateway, upstream: ScriptedUpstream, name: str
) -> None:
    case = case_of(name)
    reply = streamed(case)
    whole = reply.all_bytes()
    # After what tells the end of the content, a stream that breaks may be taken for whole.
    last = first_with(case, "message_stop", "messageStop", "finishReason", '"finish_reason": "')
    starts = [whole.index(step) for step in reply.body[: last + 1] if isinstance(step, bytes)]
    every = {*starts, *(start + 9 for start in starts)}
    offsets = range(starts[-1] + 9) if name in EVERY_BYTE else sorted(every)
    for offset in offsets:
        upstream.script(cut(reply, offset, End.RESET if offset % 7 == 0 else End.CLOSE))
        _never_mistaken(gateway.chat(asked(name, case, stream=True)), case)


def _never_mistaken(answer: Answer, case: dict[str, Any]) -> None:
    if answer.status != 200:
        is_error(answer, 502, "upstream_error")
        return
    assert not sse.is_complete(answer.body), answer.body
    assert sse.error(answer.body) is not None, answer.body
    events = [json.loads(payload) for payload in sse.payloads(answer.body)]
    said = "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ()))
    assert case["told"]["content"].startswith(said)


@pytest.mark.parametrize("name", [name for name, one in ANSWERING.items() if one.dialects[0] not in FOR_MODELS_ALONE])
def test_what_is_unknown_passes_both_ways(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case, dialect = case_of(name), ANSWERING[name].dialects[0]
    sent = {key: value for key, value in case["sent"].items() if key not in {"model_id", "project_id"}}
    body: Json = {**sent, "x_new": {"a": [1]}}
    target = {"anthropic": "/v1/messages", "gemini": f"/v1beta/models/{name}:generateContent"}.get(dialect)
    if dialect != "gemini":
        body["model"] = name
    answered = json.dumps({**case["answer"], "x_told": [True, None]}).encode()
    upstream.script(Reply(body=(answered,)))
    message = request(body, key=gateway.key, target=target) if target else request(body, key=gateway.key)
    answer = ask(gateway.address, message)
    assert (answer.status, answer.body) == (200, answered)
    assert upstream.take().json()["x_new"] == {"a": [1]}


def test_an_end_that_is_no_answer(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    for name in ANSWERING:
        upstream.script(Raw((End.RESET,)))
        is_error(gateway.chat(asked(name, case_of(name))), 502, "upstream_error")
