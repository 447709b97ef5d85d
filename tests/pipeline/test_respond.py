"""Respond: the headers of every answer, and that none of an upstream's slips through."""

from __future__ import annotations

import pytest

from tests.pipeline.conftest import Road
from tests.support.errors import REQUEST_ID, is_error
from tests.support.gateway import KEY, chat_body
from tests.support.reply import Reply, answer, completion, error, events, raw, stream, whole
from tests.support.wire import Answer, ask, request

ALWAYS = {"content-type", "date", "x-request-id", "x-tollway-attempts", "x-tollway-cache", "x-tollway-overhead-us"}
ROUTED = {"x-tollway-route", "x-tollway-provider", "x-tollway-model", "x-tollway-upstream-ms"}
TOKENS = {"x-tollway-input-tokens", "x-tollway-output-tokens"}
STREAMED = {"transfer-encoding", "cache-control", "x-accel-buffering"}


def names(told: Answer) -> set[str]:
    """The names of an answer's headers, of which none occurs twice."""
    every = [name for name, _ in told.headers]
    assert len(every) == len(set(every)), every
    return set(every)


def test_a_whole_answer(road: Road) -> None:
    told = road.chat()
    assert names(told) == ALWAYS | ROUTED | TOKENS | {"content-length"}
    assert told.header("x-tollway-route") == "m"
    assert told.header("x-tollway-provider") == "up"
    assert told.header("x-tollway-model") == "up-model"
    assert told.header("x-tollway-attempts") == "1"
    assert told.header("x-tollway-cache") == "bypass"
    assert (told.header("x-tollway-input-tokens"), told.header("x-tollway-output-tokens")) == ("9", "5")
    for name in ("x-tollway-overhead-us", "x-tollway-upstream-ms"):
        assert (told.header(name) or "").isdecimal()
    assert told.body == completion()


def test_a_stream(road: Road) -> None:
    road.upstream.script(stream())
    told = road.stream()
    assert names(told) == ALWAYS | ROUTED | STREAMED
    assert told.header("content-type") == "text/event-stream; charset=utf-8"
    assert told.header("cache-control") == "no-cache"
    assert told.header("x-accel-buffering") == "no"


@pytest.mark.parametrize(
    ("body", "key", "also"),
    [
        (chat_body(), None, {"www-authenticate"}),
        (b"{", KEY, set()),
        (chat_body("none"), KEY, set()),
        (chat_body("m", stream=1), KEY, set()),
    ],
)
def test_an_error_before_the_route_is_known(road: Road, body: object, key: str | None, also: set[str]) -> None:
    told = road.chat(body, key=key)
    assert names(told) == ALWAYS | {"content-length"} | also
    assert told.header("x-tollway-attempts") == "0"


@pytest.mark.parametrize(
    ("reply", "also"),
    [
        (error(400), set()),
        (error(429), {"retry-after", "retry-after-ms"}),
        (error(401), {"x-should-retry"}),
        (error(500), set()),
        (error(503), {"retry-after", "retry-after-ms"}),
        (raw(b"nonsense\r\n\r\n"), set()),
    ],
    ids=["400", "429", "401", "500", "503", "nonsense"],
)
def test_an_error_of_the_upstreams(road: Road, reply: Reply, also: set[str]) -> None:
    for streamed in (False, True):
        road.upstream.script(reply)
        told = road.stream() if streamed else road.chat()
        assert names(told) == ALWAYS | ROUTED | {"content-length"} | also


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m", "/v1/models/none", "/health/live", "/nowhere"])
def test_our_own_answers(road: Road, path: str) -> None:
    told = ask(road.gateway.address, request(None, key=KEY, target=path, method="GET"))
    assert names(told) == ALWAYS | {"content-length"}


FOREIGN = (
    ("set-cookie", "canary=1"),
    ("server", "canary"),
    ("via", "1.1 canary"),
    ("x-powered-by", "canary"),
    ("openai-organization", "canary"),
    ("openai-processing-ms", "5"),
    ("x-ratelimit-remaining-requests", "1"),
    ("access-control-allow-origin", "*"),
    ("strict-transport-security", "max-age=1"),
    ("x-tollway-route", "canary"),
    ("x-tollway-flags", "canary"),
    ("x-tollway-cost-usd", "0"),
    ("www-authenticate", "Basic"),
    ("location", "http://canary/"),
    ("keep-alive", "timeout=5"),
    ("trailer", "x-canary"),
    ("upgrade", "canary"),
    ("alt-svc", "canary"),
    ("cache-control", "public"),
    ("etag", '"canary"'),
)


def test_no_header_of_the_upstreams_passes(road: Road) -> None:
    for reply in (answer(), stream(), error(400), error(500), whole(completion("x" * (2 << 20)))):
        streamed = reply.framing == "chunked"
        road.upstream.script(reply.with_headers(*FOREIGN))
        told = road.stream() if streamed else road.chat()
        assert "canary" not in str(told.headers)
        unknown = names(told) - ALWAYS - ROUTED - TOKENS - STREAMED - {"content-length"}
        assert unknown == set()


def test_the_upstreams_request_id_is_told_under_its_own_name(road: Road) -> None:
    for name in ("x-request-id", "request-id"):
        for reply in (answer(), stream(), error(422), error(500)):
            road.upstream.script(reply.with_headers((name, "up-7")))
            told = road.stream() if reply.framing == "chunked" else road.chat()
            assert told.header("x-tollway-upstream-request-id") == "up-7"
            assert REQUEST_ID.fullmatch(told.header("x-request-id") or "")


def test_the_caller_cannot_choose_the_request_id(road: Road) -> None:
    told = road.chat(None, ("x-request-id", "mine"))
    assert REQUEST_ID.fullmatch(told.header("x-request-id") or "")


def test_every_request_has_an_id_of_its_own(road: Road) -> None:
    ids = [road.chat(key=None).header("x-request-id") for _ in range(50)]
    assert len(set(ids)) == 50
    # The first 12 digits are the time, so that they sort by it.
    times = [str(one)[4:16] for one in ids]
    assert times == sorted(times)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON", None])
def test_the_content_type_of_an_answer(road: Road, kind: str | None) -> None:
    headers = () if kind is None else (("content-type", kind),)
    for body in (completion(), completion("x" * (2 << 20))):
        road.upstream.script(Reply(headers=headers, body=(body,)))
        told = road.chat()
        assert (told.status, (told.header("content-type") or "").partition(";")[0].lower()) == (200, "application/json")


def test_json_under_another_name_is_not_served_under_it(road: Road) -> None:
    # A browser would run it.
    road.upstream.script(Reply(headers=(("content-type", "text/html"),), body=(completion("<script>"),)))
    told = road.chat()
    assert not (told.header("content-type") or "").startswith("text/html")


def test_answers_on_one_connection_do_not_mix(road: Road) -> None:
    with road.gateway.connect() as wire:
        for number in range(10):
            road.upstream.script(
                answer(f"answer {number}"), stream(events([f"stream {number}"])), error(400, f"No {number}.")
            )
            wire.send(request(chat_body(), key=KEY))
            assert wire.answer().json()["choices"][0]["message"]["content"] == f"answer {number}"
            wire.send(request(chat_body(stream=True), key=KEY))
            assert f"stream {number}".encode() in wire.answer().body
            wire.send(request(chat_body(), key=KEY))
            assert wire.answer().json()["error"]["message"] == f"No {number}."


def test_a_panic_free_refusal_of_every_status_has_an_error(road: Road) -> None:
    for status in range(400, 600):
        road.upstream.script(error(status, "Something.", "some_code"))
        told = road.chat()
        assert told.status in {400, 404, 413, 422, 429, 502, 503, 504}
        is_error(told, told.status, told.json()["error"]["code"])
