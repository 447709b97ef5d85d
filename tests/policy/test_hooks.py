"""The hook runtime, against a stand-in for the gateway's side."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.policy.harness import Harness, HookCall
from tollway import logs

Module = Callable[[str], str]

IMPORT = "from tollway.policy import Request, Response, allow, reject, replace\n"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line that is logged."""
    seen: list[str] = []
    formatter = logs.JsonFormatter()
    monkeypatch.setattr(logs.logger, "handle", lambda record: seen.append(formatter.format(record)))
    logs.logger.setLevel(1)
    return seen


@pytest.fixture(params=["def", "async def"])
def keyword(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_four_verdicts(harness: Harness, module: Module, keyword: str) -> None:
    name = module(
        IMPORT + f"{keyword} nothing(request): pass\n"
        f"{keyword} yes(request): return allow(flags=['seen'])\n"
        f"{keyword} no(request): return reject('not today')\n"
        f"{keyword} other(request):\n"
        "    request.body['model'] = request.key.team\n"
        "    return replace(request.body, flags=['changed'])\n"
    )
    assert harness.ask(f"{name}:nothing") == ("allow", None, None, [])
    assert harness.ask(f"{name}:yes") == ("allow", None, None, ["seen"])
    assert harness.ask(f"{name}:no") == ("reject", "not today", None, [])
    assert harness.ask(f"{name}:other", b'{"model":"a"}') == ("replace", None, b'{"model":"t"}', ["changed"])


def test_a_response_hook_gets_a_response(harness: Harness, module: Module, keyword: str) -> None:
    name = module(
        IMPORT + f"{keyword} check(response):\n"
        "    assert type(response) is Response\n"
        "    return reject(str([event['n'] for event in response.events()]))\n"
        f"{keyword} text(response): return replace('data: [DONE]\\n\\n')\n"
    )
    stream = b'data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n'
    assert harness.ask(f"{name}:check", stream, phase="response", stream=True) == ("reject", "[1, 2]", None, [])
    answer = harness.ask(f"{name}:text", stream, phase="response", stream=True)
    assert answer == ("replace", None, b"data: [DONE]\n\n", [])


def test_a_replacement_of_the_wrong_kind_is_a_failure(harness: Harness, module: Module) -> None:
    name = module(IMPORT + "def text(r): return replace('x')\ndef table(r): return replace({'a': object()})\n")
    assert harness.ask(f"{name}:text") == ("failed", "TypeError")
    assert harness.ask(f"{name}:table")[0] == "failed"
    assert harness.ask(f"{name}:table", phase="response", stream=True) == ("failed", "TypeError")


@pytest.mark.parametrize("answer", ["True", "'allow'", "{}", "check"])
def test_an_answer_that_is_no_verdict_is_a_failure(harness: Harness, module: Module, keyword: str, answer: str) -> None:
    name = module(f"{keyword} check(request): return {answer}\n")
    assert harness.ask(f"{name}:check") == ("failed", "TypeError")


def test_a_plain_function_that_returns_a_coroutine_is_a_failure(
    harness: Harness, module: Module, recwarn: pytest.WarningsRecorder
) -> None:
    name = module("async def inner(): ...\ndef check(request): return inner()\n")
    assert harness.ask(f"{name}:check") == ("failed", "TypeError")
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


@pytest.mark.parametrize("raised", ["ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_whatever_a_hook_raises_fails_that_call_alone(
    harness: Harness, module: Module, keyword: str, raised: str
) -> None:
    name = module(f"{keyword} bad(request): raise {raised}('canary')\n{keyword} good(request): pass\n")
    for _ in range(4):  # more often than there are threads: one that died would show
        assert harness.ask(f"{name}:bad") == ("failed", raised)
    assert harness.ask(f"{name}:good")[0] == "allow"


def test_a_failure_is_logged_with_its_place_and_without_the_request(
    harness: Harness, module: Module, keyword: str, lines: list[str]
) -> None:
    name = module(f"{keyword} check(request):\n    raise ValueError(request.text)\n")
    assert harness.ask(f"{name}:check", b'{"canary":1}') == ("failed", "ValueError")
    line = _await_line(lines)
    assert (line["event"], line["hook"], line["exception"]) == ("hook.failed", f"{name}:check", "ValueError")
    assert line["trace"][-1].endswith(f"{name}.py:2 in check")
    assert "canary" not in "".join(lines)


def test_a_hook_that_always_fails_does_not_flood_the_log(
    harness: Harness, module: Module, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("tollway.policy.hooks.time.monotonic", lambda: now[0])
    name = module("def check(request): raise ValueError\ndef last(request): pass\n")
    for _ in range(5):
        harness.ask(f"{name}:check")
    _settle(harness, f"{name}:last")
    assert len(lines) == 1
    now[0] += 2
    harness.ask(f"{name}:check")
    _settle(harness, f"{name}:last")
    assert [json.loads(line)["also_failed"] for line in lines] == [0, 4]


def test_a_call_whose_caller_left_is_not_run(harness: Harness, module: Module) -> None:
    name = module("def check(request): raise AssertionError\n")
    number, _ = harness.registry.resolve(f"{name}:check")
    call = HookCall(number, {}, b"{}")
    call.cancelled = True
    harness.source.put(call, is_async=False)
    assert call.answer() == ("failed", "Cancelled")


def test_an_asynchronous_hook_is_cancelled_when_its_caller_leaves(harness: Harness, module: Module) -> None:
    name = module(
        "import asyncio, threading\n"
        "began, cleaned = threading.Event(), threading.Event()\n"
        "async def check(request):\n"
        "    began.set()\n"
        "    try:\n"
        "        await asyncio.Event().wait()\n"
        "    finally:\n"
        "        cleaned.set()\n"
    )
    call = harness.begin(f"{name}:check")
    hooks = __import__(name)
    assert hooks.began.wait(10)
    assert not call.answered
    call.cancelled = True
    assert call.answer() == ("failed", "Cancelled")
    assert hooks.cleaned.is_set()


def test_a_hook_that_raises_cancelled_itself_has_failed(harness: Harness, module: Module) -> None:
    name = module("import asyncio\nasync def check(request): raise asyncio.CancelledError\n")
    assert harness.ask(f"{name}:check") == ("failed", "CancelledError")


def test_asynchronous_hooks_wait_at_the_same_time(harness: Harness, module: Module) -> None:
    name = module(
        "import asyncio\n"
        "waiting = 0\n"
        "everyone = asyncio.Event()\n"
        "async def check(request):\n"
        "    global waiting\n"
        "    waiting += 1\n"
        "    if waiting == 100: everyone.set()\n"
        "    await everyone.wait()\n"
    )
    calls = [harness.begin(f"{name}:check") for _ in range(100)]
    assert {call.answer()[0] for call in calls} == {"allow"}


def test_a_hung_plain_hook_leaves_the_other_threads_free(harness: Harness, module: Module) -> None:
    name = module("import threading\ngo = threading.Event()\ndef hang(r): go.wait(30)\ndef quick(r): pass\n")
    hung = harness.begin(f"{name}:hang")
    assert harness.ask(f"{name}:quick")[0] == "allow"
    assert not hung.answered
    __import__(name).go.set()
    assert hung.answer()[0] == "allow"


def test_stopping_cancels_what_still_waits(harness: Harness, module: Module) -> None:
    name = module(
        "import asyncio, threading\nbegan = threading.Event()\n"
        "async def check(request):\n    began.set()\n    await asyncio.Event().wait()\n"
    )
    call = harness.begin(f"{name}:check")
    assert __import__(name).began.wait(10)
    before = threading.active_count()
    harness.source.close(2)
    harness.runtime.stop(10)
    assert call.answer() == ("failed", "CancelledError")
    assert threading.active_count() == before - 5, "two of hooks, two of adapters, and the event loop"


def test_an_unknown_number_is_a_failure(harness: Harness) -> None:
    context = {"phase": "request", "request_id": "", "route": "", "endpoint": "", "stream": False, "key": {"id": ""}}
    call = HookCall(4711, context, b"{}")
    harness.source.put(call, is_async=False)
    assert call.answer() == ("failed", "KeyError")


def _await_line(lines: list[str]) -> dict[str, Any]:
    """The answer is given before the line is written."""
    deadline = threading.Event()
    for _ in range(1000):
        if lines:
            break
        deadline.wait(0.01)
    parsed: dict[str, Any] = json.loads(lines[0])
    return parsed


def _settle(harness: Harness, hook: str) -> None:
    """Wait until both threads are past what they logged: each runs a hook at the same time as the other."""
    for _ in range(4):
        assert harness.ask(hook)[0] == "allow"
