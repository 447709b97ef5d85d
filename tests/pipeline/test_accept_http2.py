"""Accept: HTTP/2, with prior knowledge and by ALPN, and TLS itself."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import httpx
import pytest

from tests.conftest import Authority, StartGateway
from tests.pipeline.conftest import Road
from tests.support.errors import is_refused_head
from tests.support.gateway import KEY, RunningGateway, chat_body, minimal
from tests.support.reply import End, Gate, Reply, answer, completion, events, stream
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import DEADLINE, eventually
from tests.support.wire import Wire, encoded, request

AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


def status_of(event: h2.events.ResponseReceived) -> int:
    """The status of a response."""
    return next(int(value) for name, value in event.headers if name in {":status", b":status"})


class Http2:
    """A client of one HTTP/2 connection, frame by frame."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=DEADLINE)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def ask(self, body: bytes, *more: tuple[str, str], end: bool = True, path: str = "/v1/chat/completions") -> int:
        """Send a request; its stream."""
        stream_id = self.h2.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "gateway"), (":path", path)]
        self.h2.send_headers(stream_id, [*head, ("authorization", f"Bearer {KEY}"), *more])
        self.h2.send_data(stream_id, body, end_stream=end)
        self.flush()
        return stream_id

    def events(self) -> Iterator[h2.events.Event]:
        """What comes, until the connection ends."""
        while data := self.socket.recv(1 << 16):
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                yield event
            self.flush()

    def answers(self, count: int) -> dict[int, tuple[int, bytes]]:
        """Status and body of so many streams, each once it has ended."""
        statuses: dict[int, int] = {}
        bodies: dict[int, bytes] = {}
        ended = 0
        for event in self.events():
            if isinstance(event, h2.events.ResponseReceived):
                statuses[event.stream_id] = status_of(event)
            elif isinstance(event, h2.events.DataReceived):
                bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
            elif isinstance(event, h2.events.StreamEnded):
                ended += 1
                if ended == count:
                    break
        return {one: (status, bodies.get(one, b"")) for one, status in statuses.items()}

    def flush(self) -> None:
        """Send what waits to be sent."""
        self.socket.sendall(self.h2.data_to_send())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_httpx_with_prior_knowledge(road: Road) -> None:
    road.upstream.script(answer(), stream())
    with httpx.Client(http1=False, http2=True, base_url=road.gateway.url, headers=AUTHORIZATION) as client:
        told = client.post("/v1/chat/completions", json=chat_body())
        assert (told.http_version, told.status_code, told.content) == ("HTTP/2", 200, completion())
        assert "connection" not in told.headers
        with client.stream("POST", "/v1/chat/completions", json=chat_body(stream=True)) as streamed:
            assert streamed.read() == b"".join(events(usage=False))
        assert client.post("/v1/chat/completions", content=b"{").json()["error"]["code"] == "invalid_request"
        assert client.get("/v1/models").status_code == 200
        unknown = client.get("/v1/models", headers={"authorization": "Bearer x"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.anyio
async def test_many_streams_on_one_connection(road: Road) -> None:
    gate = Gate()
    road.upstream.otherwise = Reply(body=(gate, completion()))
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(http1=False, http2=True, headers=AUTHORIZATION, limits=limits, timeout=30) as client:
        url = f"{road.gateway.url}/v1/chat/completions"
        calls = [asyncio.create_task(client.post(url, json=chat_body(user=f"u{one}"))) for one in range(100)]
        await asyncio.to_thread(eventually, lambda: road.upstream.busy == 100, "all requests have come")
        assert (await asyncio.to_thread(road.gateway.health))["connections"] == 1
        gate.open()
        assert [told.status_code for told in await asyncio.gather(*calls)] == [200] * 100
    assert {received.json()["user"] for received in road.upstream.requests} == {f"u{one}" for one in range(100)}


def test_streams_are_served_side_by_side(road: Road) -> None:
    gate = Gate()
    road.upstream.script(Reply(body=(gate, completion("slow"))), answer("quick"))
    with Http2(road.gateway.address) as client:
        slow = client.ask(encoded(chat_body()))
        road.upstream.take()
        quick = client.ask(encoded(chat_body()))
        assert client.answers(1) == {quick: (200, completion("quick"))}
        gate.open()
        assert client.answers(1) == {slow: (200, completion("slow"))}


def test_a_reset_stream_ends_its_upstream_call_alone(road: Road) -> None:
    gate = Gate()
    road.upstream.script(stream([*events()[:2], End.HANG]), Reply(body=(gate, completion())))
    with Http2(road.gateway.address) as client:
        first = client.ask(encoded(chat_body(stream=True)))
        gone = road.upstream.take()
        second = client.ask(encoded(chat_body()))
        stays = road.upstream.take()
        client.h2.reset_stream(first, h2.errors.ErrorCodes.CANCEL)
        client.flush()
        wait_gone(gone)
        assert not stays.gone.is_set()
        gate.open()
        assert client.answers(1)[second] == (200, completion())


def test_a_connection_that_ends_ends_all_its_calls(road: Road) -> None:
    road.upstream.otherwise = stream([*events()[:2], End.HANG])
    with Http2(road.gateway.address) as client:
        for _ in range(10):
            client.ask(encoded(chat_body(stream=True)))
        received = [road.upstream.take() for _ in range(10)]
    for one in received:
        wait_gone(one)


def test_a_body_that_is_cut_short_is_no_request(road: Road) -> None:
    with Http2(road.gateway.address) as client:
        body = encoded(chat_body())
        unfinished = client.ask(body, end=False)
        client.h2.reset_stream(unfinished, h2.errors.ErrorCodes.CANCEL)
        client.flush()
        told = client.ask(body)
        assert client.answers(1)[told][0] == 200
    assert len(road.upstream.requests) == 1


def test_a_length_that_is_not_the_bodys_is_no_request(road: Road) -> None:
    for length in ("1", "100000"):
        with Http2(road.gateway.address) as client:
            client.ask(encoded(chat_body()), ("content-length", length))
            for event in client.events():
                if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    break
                if isinstance(event, h2.events.ResponseReceived):
                    assert status_of(event) == 400
                    break
    assert road.upstream.requests == []


@pytest.mark.parametrize(
    "header", [("connection", "close"), ("transfer-encoding", "chunked"), ("Upper", "x"), ("te", "gzip")]
)
def test_headers_that_http2_has_not(road: Road, header: tuple[str, str]) -> None:
    with Http2(road.gateway.address) as client:
        config = h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        client.h2.config = config
        client.ask(encoded(chat_body()), header)
        for event in client.events():
            if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                break
            if isinstance(event, h2.events.ResponseReceived):
                assert status_of(event) == 400
                break
    assert road.upstream.requests == []


def test_rapid_resets_do_not_pile_up(road: Road) -> None:
    # CVE-2023-44487: streams that are opened and reset at once cost the caller nothing.
    before = road.gateway.rss()
    with Http2(road.gateway.address) as client:
        try:
            for _ in range(20_000):
                stream_id = client.h2.get_next_available_stream_id()
                head = [
                    (":method", "POST"),
                    (":scheme", "http"),
                    (":authority", "x"),
                    (":path", "/v1/chat/completions"),
                ]
                client.h2.send_headers(stream_id, [*head, ("authorization", f"Bearer {KEY}")])
                client.h2.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
                client.flush()
        except ConnectionError:
            # It may well be told to go away.
            pass
    assert road.gateway.rss() - before < 64 << 20


def test_a_caller_who_grants_no_window_cannot_hold_the_upstream_for_ever(road: Road) -> None:
    # The target's timeout bounds the upstream call, whoever it waits for.
    road.upstream.script(stream([events()[1] * 200] * 1_000_000, "close"))
    with Http2(road.gateway.address) as client:
        client.ask(encoded(chat_body("brief-total", stream=True)))
        wait_gone(road.upstream.take())


def test_garbage_after_the_preface(road: Road) -> None:
    for garbage in (b"\x00" * 100, b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff\xff\xff\x00"):
        with road.gateway.connect() as wire:
            wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + garbage)
            wire.finish()
            assert b"HTTP/1.1" not in wire.rest()


def test_an_upgrade_to_http2_is_not_taken(road: Road) -> None:
    headers = [("connection", "upgrade, http2-settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__")]
    with road.gateway.connect() as wire:
        wire.send(request(chat_body(), headers, key=KEY))
        assert wire.answer().status == 200


@dataclass(frozen=True)
class Bounded:
    gateway: RunningGateway
    upstream: ScriptedUpstream


@pytest.fixture
def bounded(start_gateway: StartGateway, upstream: ScriptedUpstream) -> Bounded:
    """A gateway with narrow bounds."""
    server = {"max_streams": 4, "max_body": 2048, "max_head": 8192, "body_timeout": "300ms", "head_timeout": "300ms"}
    return Bounded(start_gateway(minimal(upstream.url, server=server)), upstream)


def test_the_bounds_hold_in_http2(bounded: Bounded) -> None:
    with Http2(bounded.gateway.address) as client:
        too_large = client.ask(encoded(chat_body(pad="x" * 4000)))
        declared = client.ask(b"{", ("content-length", "1000000"), end=False)
        told = client.answers(2)
        assert (told[too_large][0], told[declared][0]) == (413, 413)
        slow = client.ask(b"{", end=False)
        assert client.answers(1)[slow][0] == 408
        assert client.h2.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] == 4
        assert client.h2.remote_settings.max_header_list_size == 8192
    bounded.gateway.settled()


def test_a_head_over_the_limit_in_http2(bounded: Bounded) -> None:
    with Http2(bounded.gateway.address) as client:
        client.ask(encoded(chat_body()), *((f"x-{number}", "y" * 1000) for number in range(12)))
        for event in client.events():
            if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                break
            if isinstance(event, h2.events.ResponseReceived):
                assert status_of(event) == 431
                break
    assert bounded.upstream.requests == []
    assert bounded.gateway.chat().status == 200


@pytest.fixture
def over_tls(start_gateway: StartGateway, upstream: ScriptedUpstream, authority: Authority) -> RunningGateway:
    """A gateway whose data plane speaks TLS."""
    tls = {"cert": str(authority.cert), "key": str(authority.key)}
    gateway: RunningGateway = start_gateway(minimal(upstream.url, server={"tls": tls, "head_timeout": "500ms"}))
    return gateway


def test_tls_offers_http2_by_alpn(over_tls: RunningGateway, authority: Authority, upstream: ScriptedUpstream) -> None:
    for http2, version in ((True, "HTTP/2"), (False, "HTTP/1.1")):
        upstream.script(answer(), stream())
        with httpx.Client(http2=http2, verify=authority.client(), headers=AUTHORIZATION) as client:
            url = f"https://localhost:{over_tls.port}/v1/chat/completions"
            told = client.post(url, json=chat_body())
            assert (told.http_version, told.content) == (version, completion())
            assert client.post(url, json=chat_body(stream=True)).content == b"".join(events(usage=False))
    with Wire(over_tls.address, authority.client()) as wire:
        # Without ALPN it is HTTP/1.1.
        wire.send(request(chat_body(), key=KEY))
        assert wire.answer().status == 200
    over_tls.settled()


def test_what_is_not_tls_ends(over_tls: RunningGateway, authority: Authority) -> None:
    for sent in (request(chat_body(), key=KEY), b"\x16\x03\x01\x00\x05hello", b"\x16", b""):
        with Wire(over_tls.address) as wire:
            wire.send(sent)
            assert b"HTTP/" not in wire.rest()
    with pytest.raises(ssl.SSLError):
        Wire(over_tls.address, ssl.create_default_context())
    with Wire(over_tls.address, authority.client("http/1.1")) as wire:
        wire.send(request(chat_body(), key=KEY))
        assert wire.answer().status == 200
    over_tls.settled()


def test_a_refused_head_over_tls(over_tls: RunningGateway, authority: Authority) -> None:
    for sent, status in ((b"no http\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nhost", 408)):
        with Wire(over_tls.address, authority.client("http/1.1")) as wire:
            wire.send(sent)
            is_refused_head(wire.answer(), status)
            assert wire.rest() == b""
    over_tls.settled()


def test_a_client_certificate_is_demanded(
    start_gateway: StartGateway, upstream: ScriptedUpstream, authority: Authority, tmp_path: Path
) -> None:
    tls = {"cert": str(authority.cert), "key": str(authority.key), "client_ca": str(authority.pem)}
    gateway = start_gateway(minimal(upstream.url, server={"tls": tls}))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        # In TLS 1.3 the refusal comes when the client has already finished, and so believes to be accepted.
        _ask_over_tls(gateway, authority.client())
    assert upstream.requests == []
    known = authority.client()
    issued = authority.root.issue_cert("caller.example")
    pem = tmp_path / "caller.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(pem)
    known.load_cert_chain(pem)
    assert _ask_over_tls(gateway, known) == 200
    gateway.settled()


def _ask_over_tls(gateway: RunningGateway, tls: ssl.SSLContext) -> int:
    with Wire(gateway.address, tls) as wire:
        wire.send(request(chat_body(), key=KEY))
        return wire.answer().status
