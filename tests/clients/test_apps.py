"""Applications of the libraries people use, sent through the gateway to a model of each dialect that acts on what it reads.

The model calls the tool that it is offered, and says what the tool gave: what is lost on the way is missing in the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients.apps import agents_app, pydantic_ai_app
from tests.clients.apps.errand import MEASURED, QUESTION, SYSTEM, App, Errand, Outcome
from tests.support.gateway import RunningGateway
from tests.support.speaker import REPORT, by_path
from tests.support.spoken import CALL, INPUT, OUTPUT, SIGNATURE, SPOKEN, TEXT, configuration
from tests.support.upstream import ScriptedUpstream

# What the libraries do to themselves and to each other is not ours to repair.
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]

APPS: dict[str, App] = {**pydantic_ai_app.APPS, **agents_app.APPS}
PAIRS = [pytest.param(app, target, id=f"{app}-to-{target}") for app in APPS for target in SPOKEN]


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def shared(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(configuration(upstream.url, on_lossy="reject"), tmp_path_factory.mktemp("apps")) as running:
        yield running


@pytest.fixture
def gateway(shared: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    upstream.reset()
    upstream.otherwise = by_path
    return shared


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("task", ["ask", "tool", "report", "schema"])
@pytest.mark.parametrize(("app", "target"), PAIRS)
def test_an_errand_comes_home(
    gateway: RunningGateway, upstream: ScriptedUpstream, app: str, target: str, task: str, stream: bool
) -> None:
    outcome = APPS[app](Errand(gateway.url, gateway.key, target, task, stream))
    bodies = [json.dumps(received.json(), ensure_ascii=False) for received in upstream.requests]
    assert len(bodies) == (1 if task == "ask" else 2)
    for body in bodies:
        assert SYSTEM in body
        assert QUESTION in body
    _came_home(outcome, task, len(bodies))
    if task != "ask":
        assert MEASURED in bodies[1]
        if target in {"anthropic", "gemini"}:
            assert SIGNATURE in bodies[1], "a signed thought is given back"


def _came_home(outcome: Outcome, task: str, turns: int) -> None:
    if task in {"report", "schema"}:
        assert outcome.report == REPORT
    elif task == "ask":
        assert outcome.text == TEXT
    else:
        assert outcome.text.startswith(TEXT)
        assert MEASURED in outcome.text
    assert outcome.ran == ([] if task == "ask" else [CALL["arguments"]])
    times = turns if outcome.summed else 1
    assert outcome.input in {None, times * INPUT}
    assert outcome.output in {None, times * OUTPUT}
