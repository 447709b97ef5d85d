"""Upstream: over TLS, HTTP/2 and proxies."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Authority, StartGateway, StartUpstream
from tests.support.errors import is_error
from tests.support.gateway import KEY, UPSTREAM_KEY, RunningGateway, chat_body, minimal
from tests.support.proxy import ConnectProxy
from tests.support.reply import End, Gate, Reply, answer, completion, error, events, stream
from tests.support.sse import text
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import eventually
from tests.support.wire import Answer, Wire, request

ONE_WORKER = {"workers": 1}


def test_a_tls_handshake_that_never_ends(start_gateway: StartGateway, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}"
        provider = {"connect_timeout": "200ms", "ca": str(authority.pem)}
        gateway = start_gateway(minimal(url, provider=provider))
        is_error(gateway.chat(), 502, "upstream_unreachable")
        gateway.settled()


Secure = Callable[[tuple[str, ...], str], tuple[RunningGateway, ScriptedUpstream]]


@pytest.fixture
def secure(start_gateway: StartGateway, start_upstream: StartUpstream, authority: Authority) -> Secure:
    """Start an upstream with TLS that offers these protocols, and a gateway with this setting of `http2`."""

    def start(offered: tuple[str, ...], http2: str) -> tuple[RunningGateway, ScriptedUpstream]:
        upstream = start_upstream(authority.server(*offered))
        provider = {"ca": str(authority.pem), "http2": http2}
        return start_gateway(minimal(upstream.url, server=ONE_WORKER, provider=provider)), upstream

    return start


@pytest.mark.parametrize(
    ("offered", "http2", "spoken"),
    [
        ((), "auto", "HTTP/1.1"),
        (("http/1.1",), "auto", "HTTP/1.1"),
        (("h2", "http/1.1"), "auto", "HTTP/2"),
        (("h2", "http/1.1"), "off", "HTTP/1.1"),
        (("h2", "http/1.1"), "prior", "HTTP/2"),
    ],
)
def test_tls_and_what_it_negotiates(secure: Secure, offered: tuple[str, ...], http2: str, spoken: str) -> None:
    gateway, upstream = secure(offered, http2)
    upstream.script(answer(), stream(), error(422, "Too odd."))
    assert gateway.chat().json()["choices"][0]["message"]["content"] == "Hello from upstream."
    assert text(gateway.chat(chat_body(stream=True)).body) == "Hello from upstream."
    assert gateway.chat().json()["error"]["message"] == "Too odd."
    for received in upstream.requests:
        assert received.version == spoken
        assert received.header("authorization") == f"Bearer {UPSTREAM_KEY}"
        authority_name = ":authority" if spoken == "HTTP/2" else "host"
        assert received.header(authority_name) == f"localhost:{upstream.port}"
        assert received.json()["model"] == "up-model"
    assert upstream.accepted == 1
    gateway.settled()


def test_a_certificate_that_nobody_vouches_for(
    start_gateway: StartGateway, start_upstream: StartUpstream, authority: Authority
) -> None:
    upstream = start_upstream(authority.server())
    gateway = start_gateway(minimal(upstream.url))
    is_error(gateway.chat(), 502, "upstream_unreachable")
    assert upstream.requests == []


def test_a_certificate_of_another_name(
    start_gateway: StartGateway, start_upstream: StartUpstream, authority: Authority
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.root.issue_cert("elsewhere.example").configure_cert(context)
    upstream = start_upstream(context)
    gateway = start_gateway(minimal(upstream.url, provider={"ca": str(authority.pem)}))
    is_error(gateway.chat(), 502, "upstream_unreachable")
    assert upstream.requests == []


@pytest.fixture
def over_http2(start_gateway: StartGateway, start_upstream: StartUpstream) -> tuple[RunningGateway, ScriptedUpstream]:
    """A gateway that speaks HTTP/2 to its upstream with prior knowledge."""
    upstream = start_upstream(http2=True)
    return start_gateway(minimal(upstream.url, server=ONE_WORKER, provider={"http2": "prior"})), upstream


def test_many_requests_share_one_http2_connection(over_http2: tuple[RunningGateway, ScriptedUpstream]) -> None:
    gateway, upstream = over_http2
    gate = Gate()
    upstream.otherwise = Reply(body=(gate, completion()))

    def call(number: int) -> Answer:
        return gateway.chat(chat_body(user=f"u{number}"))

    with ThreadPoolExecutor(32) as callers:
        told = callers.map(call, range(32))
        eventually(lambda: upstream.busy == 32, "all requests have come")
        gate.open()
        assert [one.status for one in told] == [200] * 32
    assert {received.json()["user"] for received in upstream.requests} == {f"u{number}" for number in range(32)}
    # Those that came before the first connection stood may each have opened one; they share from then on.
    before = upstream.accepted
    assert gateway.chat().status == 200
    assert upstream.accepted == before
    gateway.settled()


def test_over_http2_a_caller_who_leaves_resets_its_stream_alone(
    over_http2: tuple[RunningGateway, ScriptedUpstream],
) -> None:
    gateway, upstream = over_http2
    assert gateway.chat().status == 200
    upstream.take()
    gate = Gate()
    upstream.script(stream([*events()[:2], gate, *events()[2:]]), stream([*events()[:2], End.HANG]))
    with Wire(gateway.address) as stays, Wire(gateway.address) as leaves:
        for wire in (stays, leaves):
            wire.send(request(chat_body(stream=True), key=KEY))
            assert wire.head().status == 200
        first, second = upstream.take(), upstream.take()
        leaves.close()
        wait_gone(second)
        assert not first.gone.is_set()
        gate.open()
        assert b"[DONE]" in stays.until(b"[DONE]")
    assert upstream.accepted == 1


def test_over_http2_a_reset_stream_is_an_error(over_http2: tuple[RunningGateway, ScriptedUpstream]) -> None:
    gateway, upstream = over_http2
    upstream.script(Reply(body=(b'{"a', End.RESET)), stream([events()[0], End.RESET]))
    is_error(gateway.chat(), 502, "upstream_error")
    is_error(gateway.chat(chat_body(stream=True)), 502, "upstream_error")
    assert gateway.chat().status == 200
    assert upstream.accepted == 1


def test_over_http2_a_connection_that_ended_between_requests(
    over_http2: tuple[RunningGateway, ScriptedUpstream],
) -> None:
    gateway, upstream = over_http2
    for _ in range(5):
        told = gateway.chat()
        assert (told.status, told.header("x-tollway-attempts")) == (200, "1")
        upstream.hang_up()


def test_through_a_proxy_in_the_clear(start_gateway: StartGateway, start_upstream: StartUpstream) -> None:
    # An upstream that takes the whole URL is what a proxy is to its client.
    proxy = start_upstream()
    gateway = start_gateway(minimal("http://upstream.invalid:81", provider={"proxy": proxy.url}))
    assert gateway.chat().status == 200
    received = proxy.take()
    assert received.target == "http://upstream.invalid:81/v1/chat/completions"
    assert received.header("host") == "upstream.invalid:81"


def test_through_a_proxy_with_tls(
    start_gateway: StartGateway, start_upstream: StartUpstream, authority: Authority
) -> None:
    upstream = start_upstream(authority.server("h2", "http/1.1"))
    with ConnectProxy() as proxy:
        provider = {"proxy": proxy.url, "ca": str(authority.pem)}
        gateway = start_gateway(minimal(upstream.url, server=ONE_WORKER, provider=provider))
        for _ in range(3):
            assert gateway.chat().status == 200
        assert len(proxy.asked) == 1
        assert proxy.asked[0].startswith(f"CONNECT localhost:{upstream.port} HTTP/1.1\r\n".encode())
        assert UPSTREAM_KEY.encode() not in proxy.asked[0]
        gateway.settled()


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
    ],
    ids=["407", "502", "nonsense", "nothing", "endless"],
)
def test_a_proxy_that_refuses(start_gateway: StartGateway, authority: Authority, refusal: bytes) -> None:
    with ConnectProxy(refusal) as proxy:
        provider = {"proxy": proxy.url, "ca": str(authority.pem)}
        gateway = start_gateway(minimal("https://localhost:1", provider=provider))
        is_error(gateway.chat(), 502, "upstream_unreachable")
        gateway.settled()
