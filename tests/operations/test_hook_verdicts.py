"""Policy hooks through the running gateway: what each verdict does to requests, answers and streams."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.operations.hooked import TEAM_KEY, hook, hooked_gateway
from tests.support import sse
from tests.support.errors import is_error
from tests.support.gateway import RunningGateway, chat_body
from tests.support.reply import CONTENT, events, stream
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Answer

ROUTES = {
    "flags": [hook("flags"), hook("flags_async"), hook("silent")],
    "refuse": [hook("refuse")],
    "rewrite": [hook("rewrite"), hook("rewrite_async")],
    "order": [hook("refuse"), hook("raises")],
    "reroute": [hook("reroute")],
    "break": [hook("break_it")],
    "response-flags": [hook("response_flags", "response")],
    "response-refuse": [hook("response_refuse", "response")],
    "response-rewrite": [hook("response_rewrite", "response"), hook("response_flags", "response")],
    **{
        f"{function}-{mode}": [hook(function, on, on_failure=mode)]
        for mode in ("open", "closed")
        for function, on in (
            ("raises", "request"),
            ("raises_async", "request"),
            ("response_raises", "response"),
            ("exits", "request"),
            ("wrong_answer", "request"),
            ("unwritable", "request"),
        )
    },
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, ScriptedUpstream]]:
    """One gateway with a route for each case."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        folder = tmp_path_factory.mktemp("verdicts")
        yield stack.enter_context(hooked_gateway(upstream.url, folder, ROUTES)), upstream


@pytest.fixture
def upstream(shared: tuple[RunningGateway, ScriptedUpstream]) -> ScriptedUpstream:
    """The upstream behind it, which has forgotten the last test."""
    shared[1].reset()
    return shared[1]


@pytest.fixture
def gateway(shared: tuple[RunningGateway, ScriptedUpstream], upstream: ScriptedUpstream) -> Iterator[RunningGateway]:
    """The gateway; nothing may be left over in it."""
    assert upstream.requests == []
    yield shared[0]
    shared[0].settled()


def ask(gateway: RunningGateway, model: str, said: str = "Hello?", *, streamed: bool = False) -> Answer:
    """One request to a route."""
    more: dict[str, object] = {"stream": True} if streamed else {}
    return gateway.chat(chat_body(model, messages=[{"role": "user", "content": said}], **more))


def flags(answer: Answer) -> list[str]:
    """What `x-tollway-flags` lists."""
    return (answer.header("x-tollway-flags") or "").split(",")


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_flags_are_noted_in_order(gateway: RunningGateway, upstream: ScriptedUpstream, *, streamed: bool) -> None:
    upstream.script(stream()) if streamed else None
    seen = ask(gateway, "flags", streamed=streamed)
    assert seen.status == 200
    context = ["seen", "key:test", "team:None", "route:flags"]
    assert flags(seen) == [*context, "endpoint:chat/completions", f"stream:{streamed}"]
    assert upstream.requests[0].json()["messages"] == [{"role": "user", "content": "Hello?"}]


def test_a_hook_is_told_whose_request_it_is(gateway: RunningGateway) -> None:
    seen = gateway.chat(chat_body("flags"), key=TEAM_KEY)
    assert flags(seen)[1:3] == ["key:of-team", "team:interns"]


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_a_refusal_ends_it_before_the_upstream(
    gateway: RunningGateway, upstream: ScriptedUpstream, *, streamed: bool
) -> None:
    error = is_error(ask(gateway, "refuse", "refuse me", streamed=streamed), 400, "guardrail_rejected")
    assert error["message"] == "This was refused, because it asked to be."
    assert upstream.requests == []
    upstream.otherwise = stream() if streamed else upstream.otherwise
    assert ask(gateway, "refuse", "let me pass", streamed=streamed).status == 200


def test_a_replacement_is_what_the_next_hook_and_the_upstream_see(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    seen = ask(gateway, "rewrite")
    assert flags(seen) == ["rewritten"]
    assert upstream.take().json() == {
        "model": "up-model",
        "messages": [{"role": "user", "content": "rewritten, 世界 twice"}],
        "seed": 7,
    }


def test_no_hook_is_asked_after_a_refusal(gateway: RunningGateway) -> None:
    is_error(ask(gateway, "order", "refuse me"), 400, "guardrail_rejected")
    is_error(ask(gateway, "order"), 503, "hook_failed")


def test_a_replacement_cannot_change_the_route(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    seen = ask(gateway, "reroute")
    assert (seen.status, seen.header("x-tollway-route")) == (200, "reroute")
    assert upstream.take().json()["model"] == "up-model"


def test_a_replacement_that_no_endpoint_takes_goes_nowhere(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    seen = ask(gateway, "break")
    assert seen.status in {400, 503}
    assert set(seen.json()["error"]) == {"message", "type", "param", "code"}
    assert upstream.requests == []


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_flags_of_an_answer(gateway: RunningGateway, upstream: ScriptedUpstream, *, streamed: bool) -> None:
    upstream.otherwise = stream() if streamed else upstream.otherwise
    seen = ask(gateway, "response-flags", streamed=streamed)
    assert (seen.status, flags(seen)) == (200, ["finish:stop"])
    if streamed:
        assert seen.body == b"".join(events(usage=False))
    else:
        assert seen.json()["choices"][0]["message"]["content"] == CONTENT


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_nothing_of_an_answer_that_is_refused_is_seen(
    gateway: RunningGateway, upstream: ScriptedUpstream, *, streamed: bool
) -> None:
    upstream.otherwise = stream() if streamed else upstream.otherwise
    seen = ask(gateway, "response-refuse", streamed=streamed)
    assert is_error(seen, 400, "guardrail_rejected")["message"] == "The answer was refused."
    assert b"Hello" not in seen.body


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_an_answer_is_replaced_for_the_next_hook_and_the_caller(
    gateway: RunningGateway, upstream: ScriptedUpstream, *, streamed: bool
) -> None:
    upstream.otherwise = stream() if streamed else upstream.otherwise
    seen = ask(gateway, "response-rewrite", streamed=streamed)
    assert (seen.status, flags(seen)) == (200, ["rewritten", "finish:stop"])
    if streamed:
        assert sse.is_complete(seen.body)
        assert sse.text(seen.body) == "Hello from the hook."
    else:
        assert seen.json()["choices"][0]["message"]["content"] == "Hello from the hook."


FAILING = ["raises", "raises_async", "response_raises", "exits", "wrong_answer", "unwritable"]
EXCEPTIONS = ["ValueError", "KeyError", "RuntimeError", "SystemExit", "TypeError", ""]


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("function", "exception"), list(zip(FAILING, EXCEPTIONS, strict=True)))
def test_a_hook_that_fails(
    gateway: RunningGateway, upstream: ScriptedUpstream, function: str, exception: str, *, streamed: bool
) -> None:
    upstream.otherwise = stream() if streamed else upstream.otherwise
    opened = ask(gateway, f"{function}-open", streamed=streamed)
    assert (opened.status, flags(opened)) == (200, [f"hook-failed:policies:{function}"])
    closed = ask(gateway, f"{function}-closed", "a prompt that is private", streamed=streamed)
    message = is_error(closed, 503, "hook_failed")["message"]
    assert closed.header("x-should-retry") == "false"
    assert f"policies:{function}" in message
    assert exception in message
    assert b"private" not in closed.body
    assert "private" not in gateway.log
    assert ask(gateway, "m").status == 200 if not streamed else True
