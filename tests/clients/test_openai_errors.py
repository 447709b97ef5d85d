"""The stock `openai` client and what goes wrong: each error as the exception made for it, retries by its own rule."""

from __future__ import annotations

import json

import openai
import pytest

from tests.clients.conftest import NARROW_KEY, Shop
from tests.clients.test_openai import ASK
from tests.support.reply import CONTENT, End, Gate, Reply, answer, error, raw, whole
from tests.support.upstream import wait_gone

UPSTREAM_ERRORS = [
    pytest.param(400, openai.BadRequestError, 400, "context_length_exceeded", id="bad-request"),
    pytest.param(404, openai.NotFoundError, 404, "context_length_exceeded", id="not-found"),
    pytest.param(413, openai.APIStatusError, 413, "context_length_exceeded", id="too-large"),
    pytest.param(422, openai.UnprocessableEntityError, 422, "context_length_exceeded", id="unprocessable"),
    pytest.param(401, openai.InternalServerError, 502, "upstream_credentials", id="credentials"),
    pytest.param(403, openai.InternalServerError, 502, "upstream_credentials", id="permissions"),
    pytest.param(429, openai.RateLimitError, 429, "upstream_rate_limited", id="rate-limit"),
    pytest.param(500, openai.InternalServerError, 502, "upstream_error", id="server-error"),
    pytest.param(503, openai.InternalServerError, 503, "upstream_overloaded", id="overloaded"),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("status", "kind", "seen", "code"), UPSTREAM_ERRORS)
def test_an_upstreams_error(  # noqa: PLR0913, PLR0917 - one row of the table and two fixtures
    shop: Shop,
    client: openai.OpenAI,
    status: int,
    kind: type[openai.APIStatusError],
    seen: int,
    code: str,
    streamed: bool,
) -> None:
    said = {"param": "messages", "type": "invalid_request_error"}
    shop.upstream.script(error(status, "Of the upstream's own making.", "context_length_exceeded", **said))
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model="m", messages=ASK, stream=streamed)
    raised = caught.value
    assert (raised.status_code, raised.code) == (seen, code)
    assert raised.type
    assert raised.request_id is not None
    if seen == status and code == "context_length_exceeded":
        assert raised.param == "messages"
        assert "Of the upstream's own making." in raised.message
    if code == "upstream_credentials":
        assert "own making" not in raised.message


def test_a_wrong_key(shop: Shop, client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        client.with_options(api_key="not-a-key-of-ours").chat.completions.create(model="m", messages=ASK)
    assert caught.value.code == "invalid_api_key"
    assert "not-a-key-of-ours" not in str(caught.value)
    assert shop.upstream.requests == []


def test_a_route_that_the_key_may_not_use(shop: Shop, client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.with_options(api_key=NARROW_KEY).chat.completions.create(model="mock", messages=ASK)
    assert caught.value.code == "model_not_allowed"
    assert shop.upstream.requests == []


def test_a_route_that_there_is_not(shop: Shop, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert caught.value.code == "model_not_found"
    assert shop.upstream.requests == []


def test_a_body_of_the_wrong_type(shop: Shop, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=ASK, extra_body={"messages": "Hello?"})
    assert (caught.value.code, caught.value.param) == ("invalid_request", "messages")
    assert shop.upstream.requests == []


@pytest.mark.usefixtures("shop")
def test_an_endpoint_that_there_is_not(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.fine_tuning.jobs.list()
    assert caught.value.code == "unknown_url"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(raw(End.CLOSE), id="hangs-up"),
        pytest.param(raw(b"220 mail.example ESMTP\r\n", End.CLOSE), id="garbage"),
        pytest.param(whole(b"<html>Bad Gateway</html>"), id="not-json"),
        pytest.param(whole(b'{"error": {"message": "Overloaded", "type": "server_error"}}'), id="error-in-a-200"),
    ],
)
def test_an_upstream_out_of_order(shop: Shop, client: openai.OpenAI, reply: Reply) -> None:
    shop.upstream.script(reply)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="m", messages=ASK)
    assert caught.value.status_code in {502, 503}
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) == {"message", "type", "param", "code"}


LIMITED = error(429, "Slow down.", "rate_limit_exceeded").with_headers(("retry-after-ms", "20"), ("retry-after", "1"))
AWAY = error(503, "Not now.").with_headers(("retry-after-ms", "20"))
BROKEN = error(500, "Oops.").with_headers(("retry-after-ms", "20"))


@pytest.mark.parametrize(
    "failing", [pytest.param(LIMITED, id="429"), pytest.param(AWAY, id="503"), pytest.param(BROKEN, id="500")]
)
def test_the_client_retries_what_may_pass(shop: Shop, client: openai.OpenAI, failing: Reply) -> None:
    shop.upstream.script(failing, failing, answer())
    retrying = client.with_options(max_retries=2)
    raw_answer = retrying.chat.completions.with_raw_response.create(model="m", messages=ASK)
    assert raw_answer.parse().choices[0].message.content == CONTENT
    assert raw_answer.retries_taken == 2
    assert len(shop.upstream.requests) == 3


def test_the_client_is_told_when_to_come_again(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(error(429, "Slow down.").with_headers(("retry-after", "7")))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="m", messages=ASK)
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("7", "7000")


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_the_client_does_not_retry_what_stays(shop: Shop, client: openai.OpenAI, status: int) -> None:
    shop.upstream.otherwise = error(status, "It stays so.")
    with pytest.raises(openai.APIStatusError):
        client.with_options(max_retries=2).chat.completions.create(model="m", messages=ASK)
    assert len(shop.upstream.requests) == 1


def test_a_client_that_gives_up_ends_the_upstream_call(shop: Shop, client: openai.OpenAI) -> None:
    gate = Gate()
    shop.upstream.script(raw(gate))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(model="m", messages=ASK)
    wait_gone(shop.upstream.take())


def test_errors_hold_no_more_than_they_should(shop: Shop, client: openai.OpenAI) -> None:
    said = {"message": "No.", "type": "t", "param": None, "code": "c", "internal_trace": "at 10.0.0.7"}
    shop.upstream.script(whole(json.dumps({"error": said, "debug": 1}).encode(), 500))
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="m", messages=ASK)
    assert "10.0.0.7" not in caught.value.response.text
    assert list(caught.value.response.json()) == ["error"]
