"""Applications of the libraries people use, sent through the gateway to a model of each dialect.

The model acts on what it reads: it calls the tool that it is offered, and says what the tool gave. What is lost on the
way is missing in the end.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache, partial

import pytest

from tests.clients.apps.errand import MEASURED, QUESTION, SYSTEM, Errand, Outcome, Task
from tests.clients.apps.roster import FRAMEWORKS, ROSTER, FailedError, Worker, errands
from tests.support.gateway import RunningGateway, minimal
from tests.support.speaker import REPORT, by_path
from tests.support.spoken import CALL, INPUT, OUTPUT, SIGNATURE, SPOKEN, TEXT, THOUGHT, providers
from tests.support.upstream import ScriptedUpstream

pytestmark = pytest.mark.clients

# LlamaIndex's class for Anthropic takes no other names.
CLAUDES = ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-3-haiku-20240307")
TURNS: dict[Task, int] = {"ask": 1, "tool": 2, "report": 2, "schema": 2, "form": 1}
ERRANDS = [
    pytest.param(app, target, task, stream, id=f"{app}-to-{target}-{task}{'-streamed' * stream}")
    for app, task, stream in errands()
    for target in SPOKEN
]

_TOOLS: tuple[Task, ...] = ("tool", "report", "schema")
LOST: tuple[tuple[str, str, tuple[Task, ...], str], ...] = (
    # Google holds a model to the schemas of all tools, by a mode, or of none; others decide for each tool.
    ("pydantic-ai-google*", "chat responses anthropic", ("tool", "schema"), "toolConfig.functionCallingConfig.mode"),
    ("pydantic-ai-chat*", "gemini", _TOOLS, "tools.strict"),
    ("pydantic-ai-responses*", "gemini", _TOOLS, "tools.strict"),
    ("agents-*", "gemini", _TOOLS, "tools.strict"),
    ("instructor-anthropic*", "gemini", ("form",), "parallel_tool_calls"),
    ("ai-sdk-anthropic*", "gemini", ("form", "schema"), "parallel_tool_calls"),
    # It refers to what OpenAI would keep: a thought, which the gateway puts back.
    ("ai-sdk-openai-responses*", "anthropic", _TOOLS, "content.item_reference"),
    # A member of its own, which it sends back where it did not stream.
    ("litellm-openai", "anthropic gemini", ("tool",), "messages.provider_specific_fields"),
)
"""What cannot be told, and is left out if the route lets it: of which applications' errands, to which targets."""

Send = Callable[[str], Worker]


@pytest.fixture(scope="module")
def send() -> Iterator[Send]:
    """The worker of an environment, started when it is first needed."""
    with contextlib.ExitStack() as stack:
        yield cache(lambda environment: stack.enter_context(Worker(environment)))


@pytest.fixture(scope="module")
def shared(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """Its routes `X` refuse what their target cannot be told; `loose-X` leave it out."""
    routes: dict[str, object] = {}
    for target, claude in zip(SPOKEN, CLAUDES, strict=True):
        route = {"provider": target, "model": "up-model", "max_retries": 0}
        routes |= {f"loose-{target}": route} | {name: {**route, "on_lossy": "reject"} for name in (target, claude)}
    text = minimal(upstream.url, providers=providers(upstream.url), routes=routes)
    with RunningGateway(text, tmp_path_factory.mktemp("apps")) as running:
        yield running


@pytest.fixture
def gateway(shared: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    upstream.reset()
    upstream.otherwise = by_path
    return shared


@pytest.mark.parametrize(("app", "target", "task", "stream"), ERRANDS)
def test_an_errand_comes_home(  # noqa: PLR0913, PLR0917 - an errand is that much
    gateway: RunningGateway, upstream: ScriptedUpstream, send: Send, app: str, target: str, task: Task, stream: bool
) -> None:
    environment = ROSTER[app][0]
    if environment == "frameworks" and not FRAMEWORKS.exists() and "MAKELEVEL" not in os.environ:
        pytest.skip("`make test` makes this environment")
    run = partial(send(environment).run, app)
    errand = Errand(gateway.url, gateway.key, target, task, stream)
    if app == "llama-index-anthropic":
        errand = replace(errand, route=dict(zip(SPOKEN, CLAUDES, strict=True))[target])
    if lost := _lost(f"{app}{'-streamed' * stream}", target, task):
        with pytest.raises(FailedError, match=f'The provider "{target}" cannot be told {lost}, and the route refuses'):
            run(errand)
        upstream.reset()
        upstream.otherwise = by_path
        errand = replace(errand, route=f"loose-{target}")
    outcome = run(errand)
    bodies = [json.dumps(received.json(), ensure_ascii=False) for received in upstream.requests]
    assert len(bodies) == TURNS[task]
    for body in bodies:
        assert SYSTEM in body
        assert QUESTION in body
    _came_home(outcome, task)
    if TURNS[task] == 2:
        assert MEASURED in bodies[1]
        if target in {"anthropic", "gemini"}:
            assert SIGNATURE in bodies[1], "a signed thought is given back"
            assert target == "gemini" or f'"{THOUGHT}"' in bodies[1], "and whole"


def _lost(app: str, target: str, task: Task) -> str | None:
    found = [name for apps, to, tasks, name in LOST if fnmatch(app, apps) and target in to.split() and task in tasks]
    assert len(found) < 2, found
    return found[0] if found else None


def _came_home(outcome: Outcome, task: Task) -> None:
    if task in {"report", "schema", "form"}:
        assert outcome.report == REPORT
    elif task == "ask":
        assert outcome.text == TEXT
    else:
        assert outcome.text.startswith(TEXT)
        assert MEASURED in outcome.text
    assert outcome.ran == [CALL["arguments"]] * (TURNS[task] - 1)
    times = TURNS[task] if outcome.summed else 1
    assert outcome.input in {None, times * INPUT}
    assert outcome.output in {None, times * OUTPUT}
