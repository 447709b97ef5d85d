"""What a request leaves in traces: its own span, and one for each send, as upstreams and callers know them."""

from __future__ import annotations

import time

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.gateway import chat_body
from tests.support.otlp import Receiver, given
from tests.support.reply import DONE, End, answer, chunk, error, raw, stream
from tests.support.upstream import ScriptedUpstream
from tests.telemetry.conftest import Start

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
PROMPT = "canary-prompt-5d1e"
ANSWER = "canary-answer-93ab"


def parted(spans: list[Span]) -> tuple[Span, list[Span]]:
    """The request's span and those of its sends, in their order."""
    servers = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    assert len(servers) == 1
    clients = [span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert len(clients) + 1 == len(spans)
    return servers[0], sorted(clients, key=lambda span: span.start_time_unix_nano)


def span_told(upstream: ScriptedUpstream) -> bytes:
    """The span that the upstream was told of, in the `traceparent` of the next request that it got."""
    told = upstream.take().header("traceparent")
    assert told is not None
    return bytes.fromhex(told.split("-")[2])


def test_a_request_is_a_trace(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    gateway = start(service_name="edge", resource={"deployment.environment.name": "test"})
    upstream.script(answer(ANSWER))
    before = time.time_ns()
    body = chat_body(messages=[{"role": "user", "content": PROMPT}], metadata={"session_id": "s-1"})
    replied = gateway.chat(body, ("traceparent", CALLER), ("x-tollway-agent", "bot"), ("x-tollway-tags", "a,b"))
    after = time.time_ns()
    assert replied.status == 200
    server, [client] = parted(receiver.traces(1)[TRACE])

    assert server.parent_span_id.hex() == "00f067aa0ba902b7"
    assert client.parent_span_id == server.span_id
    assert client.span_id == span_told(upstream)
    assert client.trace_id == TRACE
    assert before - 1_000_000 <= server.start_time_unix_nano <= client.start_time_unix_nano
    assert client.start_time_unix_nano < client.end_time_unix_nano <= server.end_time_unix_nano <= after + 1_000_000

    assert (server.name, client.name) == ("POST /v1/chat/completions", "chat up-model")
    told = given(server.attributes)
    expected = {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "tollway.request_id": replied.header("x-request-id"),
        "tollway.route": "m",
        "tollway.key": "test",
        "tollway.team": "red",
        "tollway.project": "tickets",
        "tollway.environment": "dev",
        "tollway.agent": "bot",
        "tollway.tags": ["a", "b"],
        "tollway.region": "eu",
        "tollway.attempts": 1,
        "tollway.cache": "bypass",
    }
    assert expected.items() <= told.items()
    assert not any(name.startswith("gen_ai.usage") for name in told), "sums over spans would count tokens twice"
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "up-model",
        "gen_ai.response.model": "up-model",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
        "http.response.status_code": 200,
        "tollway.provider": "up",
        "tollway.attempt": 1,
    }
    told = given(client.attributes)
    assert expected.items() <= told.items()
    assert {server.status.code, client.status.code} == {Status.STATUS_CODE_UNSET}
    assert "gen_ai.request.stream" not in told
    resource = receiver.resources[0]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("edge", "test")
    for said in (PROMPT, ANSWER, "Hello"):
        assert said.encode() not in b"".join(span.SerializeToString() for span in receiver.spans)


def test_a_trace_begins_here_where_the_caller_has_none(
    start: Start, receiver: Receiver, upstream: ScriptedUpstream
) -> None:
    replied = start().chat()
    [(trace, spans)] = receiver.traces(1).items()
    server, [client] = parted(spans)
    assert server.parent_span_id == b""
    assert f"req_{trace.hex()}" == replied.header("x-request-id")
    assert client.span_id == span_told(upstream)


def test_a_stream_tells_when_its_first_content_came(
    start: Start, receiver: Receiver, upstream: ScriptedUpstream
) -> None:
    upstream.script(stream())
    assert start().chat(chat_body(stream=True)).status == 200
    server, [client] = parted(next(iter(receiver.traces(1).values())))
    told = given(client.attributes)
    assert told["gen_ai.request.stream"] is True
    first = told["gen_ai.response.time_to_first_chunk"]
    assert isinstance(first, float)
    assert 0 < first <= (client.end_time_unix_nano - client.start_time_unix_nano) / 1e9
    assert client.end_time_unix_nano <= server.end_time_unix_nano


def test_cached_and_reasoning_tokens_are_part_of_the_sums(
    start: Start, receiver: Receiver, upstream: ScriptedUpstream
) -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    upstream.script(stream([chunk({"content": "a"}), chunk(finish="length"), chunk(choices=[], usage=usage), DONE]))
    assert start().chat(chat_body(stream=True)).status == 200
    _, [client] = parted(next(iter(receiver.traces(1).values())))
    told = given(client.attributes)
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.cache_read.input_tokens"]) == (100, 64)
    assert (told["gen_ai.usage.output_tokens"], told["gen_ai.usage.reasoning.output_tokens"]) == (50, 30)
    assert told["gen_ai.response.finish_reasons"] == ["length"]


def test_each_send_is_a_span_with_its_own_error(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    upstream.script(error(503), answer())
    assert start().chat(chat_body("two")).status == 200
    server, [first, second] = parted(next(iter(receiver.traces(1).values())))
    assert [first.span_id, second.span_id] == [span_told(upstream), span_told(upstream)]
    assert (first.name, second.name) == ("chat up-model", "chat second")
    assert {first.parent_span_id, second.parent_span_id} == {server.span_id}
    assert first.end_time_unix_nano <= second.start_time_unix_nano
    told = given(first.attributes)
    assert (told["error.type"], told["http.response.status_code"]) == ("overload", 503)
    assert "gen_ai.usage.input_tokens" not in told
    assert "error.type" not in given(second.attributes)
    codes = [server.status.code, first.status.code, second.status.code]
    assert codes == [Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET]


def test_a_request_that_fails_is_an_error_and_one_that_is_refused_is_none(
    start: Start, receiver: Receiver, upstream: ScriptedUpstream
) -> None:
    upstream.script(error(500), error(500))
    gateway = start()
    failed = gateway.chat(chat_body("two"))
    refused = gateway.chat(chat_body("none-such"))
    assert (failed.status, refused.status) == (502, 404)
    spans = {f"req_{trace.hex()}": parted(spans) for trace, spans in receiver.traces(2).items()}
    server, clients = spans[str(failed.header("x-request-id"))]
    assert [given(client.attributes)["error.type"] for client in clients] == ["server_error", "server_error"]
    told = given(server.attributes)
    assert server.status.code == Status.STATUS_CODE_ERROR
    assert told["error.type"] == told["tollway.error"]
    server, clients = spans[str(refused.header("x-request-id"))]
    assert (clients, server.status.code) == ([], Status.STATUS_CODE_UNSET)
    told = given(server.attributes)
    assert (told["tollway.error"], told["http.response.status_code"]) == ("model_not_found", 404)
    assert "error.type" not in told


def test_a_stream_that_breaks_is_an_error(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    upstream.script(stream([chunk({"content": "a"}), End.RESET]))
    assert start().chat(chat_body(stream=True)).status == 200
    server, [client] = parted(next(iter(receiver.traces(1).values())))
    assert {server.status.code, client.status.code} == {Status.STATUS_CODE_ERROR}
    assert given(client.attributes)["error.type"] == "broken"
    assert given(server.attributes)["error.type"] == "upstream_error"


def test_what_has_no_readable_head_is_told_too(start: Start, receiver: Receiver) -> None:
    gateway = start()
    with gateway.connect() as wire:
        wire.send(b"no http\r\n\r\n")
        assert wire.answer().status == 400
    server, clients = parted(next(iter(receiver.traces(1).values())))
    assert (server.name, clients) == ("HTTP", [])
    assert given(server.attributes)["http.response.status_code"] == 400


def test_a_share_of_the_traces_is_chosen_by_their_ids(start: Start, receiver: Receiver) -> None:
    gateway = start(traces=0.5)
    low, high = f"{'a' * 16}7{'f' * 15}", f"{'a' * 16}8{'0' * 15}"
    for trace in (low, high) * 3:
        assert gateway.chat(None, ("traceparent", f"00-{trace}-00f067aa0ba902b7-01")).status == 200
    gateway.chat(None, ("traceparent", CALLER))
    gateway.settled()
    expected = {bytes.fromhex(low), TRACE} if int(CALLER[19:35], 16) < 1 << 63 else {bytes.fromhex(low)}
    assert set(receiver.traces(len(expected))) == expected
    gateway.stop()
    assert set(receiver.traces(len(expected))) == expected
    assert len([span for span in receiver.spans if span.trace_id.hex() == low]) == 6


def test_a_caller_that_does_not_sample_is_believed(start: Start, receiver: Receiver) -> None:
    gateway = start()
    assert gateway.chat(None, ("traceparent", f"{CALLER[:-2]}00")).status == 200
    assert gateway.chat().status == 200
    gateway.settled()
    gateway.stop()
    assert TRACE not in receiver.traces(1)


def test_an_upstream_that_hangs_up_has_no_status(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    upstream.script(raw(End.CLOSE))
    assert start().chat().status == 502
    _, [client] = parted(next(iter(receiver.traces(1).values())))
    told = given(client.attributes)
    assert "http.response.status_code" not in told
    assert told["error.type"] in ("connect", "broken")
