"""Upstream: connections, how they are made, kept, used again and given up, and what comes on them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import StartGateway
from tests.pipeline.conftest import Road, closed_port
from tests.support.errors import is_error
from tests.support.gateway import KEY, RunningGateway, chat_body, minimal
from tests.support.reply import End, Flow, Gate, Reply, answer, completion, error, events, raw, stream
from tests.support.sse import text
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import eventually
from tests.support.wire import Wire, request

ONE_WORKER = {"workers": 1}


@pytest.fixture
def single(start_gateway: StartGateway, upstream: ScriptedUpstream) -> Iterator[RunningGateway]:
    """A gateway with one worker, and so with one pool."""
    gateway: RunningGateway = start_gateway(minimal(upstream.url, server=ONE_WORKER))
    yield gateway
    upstream.release()
    gateway.settled()


def test_one_connection_serves_one_request_after_another(single: RunningGateway, upstream: ScriptedUpstream) -> None:
    replies: list[Reply] = [
        answer(),
        stream(),
        error(400),
        error(429),
        error(500),
        error(401),
        Reply(body=(completion(),), framing="chunked"),
        stream([*events(), Flow.READ]),
        Reply(body=(completion("x" * (2 << 20)),)),
    ]
    for number, reply in enumerate(replies * 5):
        upstream.script(reply)
        streamed = number % len(replies) in {1, 7}
        assert single.chat(chat_body(stream=streamed)).status in {200, 400, 429, 502}
        # A stream's connection is free once its end was seen, which may be just after the caller has all of it.
        eventually(lambda: upstream.busy == 0, "the answer is sent")
    assert upstream.accepted == 1


def test_as_many_connections_as_requests_at_a_time_and_no_more(
    single: RunningGateway, upstream: ScriptedUpstream
) -> None:
    for _ in range(3):
        gate = Gate()
        upstream.script(*[Reply(body=(gate, completion()))] * 8)
        with ThreadPoolExecutor(8) as callers:
            told = [callers.submit(single.chat) for _ in range(8)]
            eventually(lambda: upstream.busy == 8, "all requests have come")
            gate.open()
            assert [one.result().status for one in told] == [200] * 8
    assert upstream.accepted == 8


@pytest.mark.parametrize("ending", ["close", "reset", "connection-close"])
def test_a_connection_that_ended_between_requests(
    single: RunningGateway, upstream: ScriptedUpstream, ending: str
) -> None:
    ends: dict[str, Reply | object] = {
        "close": raw(answer().all_bytes(), Flow.READ, End.CLOSE),
        "reset": raw(answer().all_bytes(), Flow.READ, End.RESET),
        "connection-close": Reply(body=(completion(),), keep_alive=False),
    }
    for _ in range(20):
        upstream.script(ends[ending])  # type: ignore[arg-type]
        told = single.chat()
        assert (told.status, told.header("x-tollway-attempts")) == (200, "1")
        eventually(lambda: upstream.open == 0, "the upstream ends the connection")
    assert upstream.accepted == 20


def test_an_upstream_that_restarts(single: RunningGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(*[Reply(body=(gate, completion()))] * 8)
    with ThreadPoolExecutor(8) as callers:
        told = [callers.submit(single.chat) for _ in range(8)]
        eventually(lambda: upstream.busy == 8, "all requests have come")
        gate.open()
        assert [one.result().status for one in told] == [200] * 8
    upstream.hang_up()
    upstream.reset()
    for _ in range(8):
        answered = single.chat()
        assert (answered.status, answered.header("x-tollway-attempts")) == (200, "1")
    assert len(upstream.requests) == 8


def test_what_may_have_been_seen_is_not_sent_again_by_itself(
    single: RunningGateway, upstream: ScriptedUpstream
) -> None:
    # The request was read whole before the connection ended: nobody knows what the upstream made of it.
    assert single.chat().status == 200
    upstream.script(raw(End.CLOSE))
    is_error(single.chat(), 502, "upstream_error")
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 99 X\r\n\r\n",
        b"HTTP/1.1 2000 X\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"<html></html>",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n content-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx y: z\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx: \x00\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_garbage(road: Road, garbage: bytes) -> None:
    for streamed in (False, True):
        road.upstream.script(raw(garbage, Flow.READ, End.CLOSE))
        is_error(road.stream() if streamed else road.chat(), 502, "upstream_error")


@pytest.mark.parametrize(
    "endless",
    [b"x: y\r\n" * 1000, b"y" * 10_000, b"\r\n" * 5000],
    ids=["headers", "header", "blank-lines"],
)
def test_endless_heads(road: Road, endless: bytes) -> None:
    before = road.gateway.rss()
    first = b"" if endless.startswith(b"\r\n") else b"HTTP/1.1 200 OK\r\nx: "
    road.upstream.script(raw(first, *[endless] * 2000, End.HANG))
    is_error(road.chat(), 502, "upstream_error")
    wait_gone(road.upstream.take())
    assert road.gateway.rss() - before < 32 << 20


def test_endless_interim_answers(road: Road) -> None:
    road.upstream.script(raw(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 100] * 2000, End.HANG))
    told = road.chat(model="brief-total")
    assert told.status in {502, 504}
    wait_gone(road.upstream.take())


@pytest.mark.parametrize("framing", ["close", "length"])
def test_answers_of_http_1_0(road: Road, framing: str) -> None:
    for streamed in (False, True):
        reply = stream(framing="close") if streamed else Reply(body=(completion(),), framing=framing)  # type: ignore[arg-type]
        road.upstream.script(raw(reply.all_bytes().replace(b"HTTP/1.1", b"HTTP/1.0", 1), End.CLOSE))
        told = road.stream() if streamed else road.chat()
        assert told.status == 200
        assert (text(told.body) if streamed else told.body) == ("Hello from upstream." if streamed else completion())


def test_bytes_after_an_answer_are_never_the_next_ones(single: RunningGateway, upstream: ScriptedUpstream) -> None:
    for extra in (answer("poison").all_bytes(), b"x", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n"):
        upstream.script(raw(answer("right").all_bytes() + extra), answer("next"), answer("next"))
        assert b"right" in single.chat().body
        for _ in range(2):
            told = single.chat()
            assert told.status == 200
            assert b"poison" not in told.body
            assert b"next" in told.body
        upstream.reset()


def test_nobody_listens(start_gateway: StartGateway) -> None:
    gateway = start_gateway(minimal(f"http://127.0.0.1:{closed_port()}"))
    is_error(gateway.chat(), 502, "upstream_unreachable")
    gateway.settled()


def test_a_name_that_does_not_exist(start_gateway: StartGateway) -> None:
    gateway = start_gateway(minimal("http://no-such-host.invalid"))
    is_error(gateway.chat(), 502, "upstream_unreachable")


def test_a_connection_that_is_never_made(start_gateway: StartGateway) -> None:
    with NeverAccepting() as port:
        gateway = start_gateway(minimal(f"http://127.0.0.1:{port}", provider={"connect_timeout": "200ms"}))
        is_error(gateway.chat(), 502, "upstream_unreachable")
        gateway.settled()


class NeverAccepting:
    """A port whose queue is full: the kernel answers no further connection."""

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        address: tuple[str, int] = self._listener.getsockname()
        self._waiting: list[socket.socket] = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            self._waiting.append(filler)
        return address[1]

    def __exit__(self, *_: object) -> None:
        for one in (*self._waiting, self._listener):
            one.close()


def test_no_more_connections_than_allowed(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server=ONE_WORKER, provider={"max_connections": 2}))
    gate = Gate()
    upstream.script(*[Reply(body=(gate, completion()))] * 2)
    with ThreadPoolExecutor(6) as callers:
        told = [callers.submit(gateway.chat) for _ in range(6)]
        eventually(lambda: upstream.busy == 2, "two requests have come")
        eventually(lambda: gateway.health()["in_flight"] == 6, "all others wait")
        gate.open()
        assert [one.result().status for one in told] == [200] * 6
    assert upstream.accepted == 2


def test_a_caller_who_leaves_while_waiting_for_a_connection(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url, server=ONE_WORKER, provider={"max_connections": 1}))
    upstream.script(raw(End.HANG))
    with Wire(gateway.address) as first, Wire(gateway.address) as second:
        first.send(request(chat_body(), key=KEY))
        received = upstream.take()
        second.send(request(chat_body(), key=KEY))
        eventually(lambda: gateway.health()["in_flight"] == 2, "both are being served")
        second.close()
        eventually(lambda: gateway.health()["in_flight"] == 1, "the second one's request ends")
        first.close()
    wait_gone(received)
    assert gateway.chat().status == 200
    gateway.settled()


def test_a_pool_of_credentials(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    provider = {
        "api_keys": [
            {"key": "env:TEST_POOL_A", "weight": 3},
            {"key": "env:TEST_POOL_B", "weight": 1},
            {"key": "env:TEST_POOL_C", "weight": 0},
        ],
        "headers": {"x-fixed": "fixed", "openai-organization": "env:TEST_POOL_ORGANIZATION"},
    }
    text_without_key = minimal(upstream.url, provider=provider).replace('"api_key" = "env:TEST_UPSTREAM_KEY"\n', "")
    gateway = start_gateway(
        text_without_key,
        TEST_POOL_A="canary-pool-key-a",
        TEST_POOL_B="canary-pool-key-b",
        TEST_POOL_C="canary-pool-key-c",
        TEST_POOL_ORGANIZATION="canary-organization",
    )
    with Wire(gateway.address) as wire:
        for _ in range(200):
            wire.send(request(chat_body(), key=KEY))
            assert wire.answer().status == 200
    used = [received.header("authorization") for received in upstream.requests]
    assert set(used) == {"Bearer canary-pool-key-a", "Bearer canary-pool-key-b"}
    # Three to one, by chance: with 200 draws this fails once in some 10^12 runs.
    assert 100 < used.count("Bearer canary-pool-key-a") < 195
    for received in upstream.requests:
        assert (received.header("x-fixed"), received.header("openai-organization")) == ("fixed", "canary-organization")


def test_a_thousand_requests_leave_nothing_open(road: Road) -> None:
    def caller(number: int) -> None:
        with Wire(road.gateway.address) as wire:
            for _ in range(50):
                wire.send(request(chat_body(stream=number % 2 == 0), key=KEY))
                assert wire.answer().status == 200

    def script(received: object) -> Reply:
        return stream() if b'"stream": true' in received.body else answer()  # type: ignore[attr-defined]

    road.upstream.otherwise = script
    threads = [threading.Thread(target=caller, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(road.upstream.requests) == 1000
    assert road.upstream.open <= 20
