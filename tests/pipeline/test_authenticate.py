"""Authenticate: which key is taken, from which header, and what is said of one that is not."""

from __future__ import annotations

import pytest

from tests.pipeline.conftest import EXPIRED_KEY, NARROW_KEY, REVOKED_KEY, Road
from tests.support.errors import is_error
from tests.support.gateway import KEY, chat_body
from tests.support.wire import Answer, ask, request

UNKNOWN = "canary-unknown-virtual-key"


def chat(road: Road, *headers: tuple[str, str]) -> Answer:
    """A chat completion with these headers and no other credential."""
    return road.gateway.chat(None, *headers, key=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", f"Bearer {KEY}"),
        ("authorization", f"bearer {KEY}"),
        ("authorization", f"BEARER   {KEY}"),
        ("Authorization", f"Bearer {KEY}"),
        ("x-api-key", KEY),
        ("X-Api-Key", KEY),
        ("api-key", KEY),
        ("x-goog-api-key", KEY),
    ],
)
def test_the_key_is_taken_from_each_header(road: Road, name: str, value: str) -> None:
    assert chat(road, (name, value)).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", KEY),
        ("authorization", f"Basic {KEY}"),
        ("authorization", f"Bearer{KEY}"),
        ("authorization", f"Bearer {KEY[:-1]}"),
        ("authorization", f"Bearer {KEY}x"),
        ("authorization", f"Bearer {KEY.upper()}"),
        ("authorization", f"Bearer {KEY}, Bearer {KEY}"),
        ("authorization", "Bearer"),
        ("authorization", "Bearer "),
        ("authorization", f"Bearer {UNKNOWN}"),
        ("authorization", "Bearer " + "k" * 5000),
        ("authorization", "Bearer ' OR 1=1 --"),
        ("authorization", "Bearer \xff\xfe"),
        ("x-api-key", UNKNOWN),
        ("x-api-key", f"Bearer {KEY}"),
        ("api-key", ""),
        ("x-goog-api-key", UNKNOWN),
        ("cookie", f"key={KEY}"),
        ("proxy-authorization", f"Bearer {KEY}"),
    ],
)
def test_no_key_and_a_wrong_one_get_the_same_answer(road: Road, name: str, value: str) -> None:
    without, wrong = chat(road), chat(road, (name, value))
    is_error(wrong, 401, "invalid_api_key")
    assert wrong.body == without.body
    own = {"x-request-id", "x-tollway-overhead-us", "date"}
    assert [pair for pair in wrong.headers if pair[0] not in own] == [
        pair for pair in without.headers if pair[0] not in own
    ]
    assert wrong.header("www-authenticate") == "Bearer"
    assert road.upstream.requests == []


def test_a_key_in_the_url_is_none(road: Road) -> None:
    data = request(chat_body(), key=None, target=f"/v1/chat/completions?key={KEY}&api-key={KEY}")
    is_error(ask(road.gateway.address, data), 401, "invalid_api_key")


@pytest.mark.parametrize(("key", "code"), [(REVOKED_KEY, "key_revoked"), (EXPIRED_KEY, "key_expired")])
def test_withdrawn_keys(road: Road, key: str, code: str) -> None:
    is_error(road.chat(key=key), 401, code)
    is_error(road.chat(b"{", key=key), 401, code)
    models = ask(road.gateway.address, request(None, key=key, target="/v1/models", method="GET"))
    is_error(models, 401, code)
    assert road.upstream.requests == []


@pytest.mark.parametrize("key", [None, UNKNOWN, REVOKED_KEY, EXPIRED_KEY])
def test_nothing_of_the_body_is_judged_before_the_key(road: Road, key: str | None) -> None:
    for body in (b"", b"{", b"[]", chat_body("no-such-route"), b" " * 100_000):
        assert road.chat(body, key=key).status == 401


def test_an_answer_comes_before_the_body_of_a_caller_without_a_key(road: Road) -> None:
    with road.gateway.connect() as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        is_error(wire.answer(), 401, "invalid_api_key")


@pytest.mark.parametrize("second", [NARROW_KEY, UNKNOWN])
def test_of_two_credentials_only_one_is_obeyed(road: Road, second: str) -> None:
    # Whichever it is, another header must not add a second identity, nor be tried when the first is refused.
    assert chat(road, ("authorization", f"Bearer {KEY}"), ("x-api-key", second)).status == 200
    refused = chat(road, ("authorization", f"Bearer {UNKNOWN}"), ("x-api-key", KEY))
    is_error(refused, 401, "invalid_api_key")


def test_the_callers_credentials_never_reach_the_upstream(road: Road) -> None:
    names = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
    for name in names:
        value = f"Bearer {KEY}" if name == "authorization" else KEY
        assert chat(road, (name, value), ("cookie", f"a={KEY}"), ("proxy-authorization", KEY)).status == 200
        received = road.upstream.take()
        assert KEY.encode() not in received.head + received.body


@pytest.mark.parametrize("key", [KEY, REVOKED_KEY, EXPIRED_KEY, UNKNOWN, NARROW_KEY])
def test_no_key_is_ever_repeated(road: Road, key: str) -> None:
    for body in (chat_body(), chat_body(key), b"{", {"model": "m", "messages": key}):
        answer = road.chat(body, key=key)
        if body != chat_body(key) or answer.status == 401:
            assert key.encode() not in answer.body + repr(answer.headers).encode()
    assert key not in road.gateway.log
