"""Guardrails over each dialect: what is masked for the model is put back for the caller, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients.callers import CALLERS
from tests.support.gateway import RunningGateway
from tests.support.spoken import SPOKEN, configuration, speaking
from tests.support.upstream import ScriptedUpstream

pytestmark = pytest.mark.clients

MAIL = "carla.rossi@example.com"
SAID = speaking("I wrote to [EMAIL_1] for you.")
WAYS = [
    pytest.param((caller, target, stream), id=f"{caller}-to-{target}{'-streamed' * stream}")
    for caller in CALLERS
    for target in SPOKEN
    for stream in (False, True)
]
MASK = {"type": "pii", "entities": ["email"], "on": "both", "action": "mask", "restore": True, "on_failure": "closed"}


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    text = configuration(upstream.url, guardrails=[MASK])
    with RunningGateway(text, tmp_path_factory.mktemp("guarded")) as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
def test_what_is_masked_comes_back(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[str, str, bool],
) -> None:
    caller, target, stream = way
    monkeypatch.setattr("tests.clients.callers.QUESTION", f"Write to {MAIL}, please.")
    upstream.reset()
    upstream.script(SAID[target].streamed("text") if stream else SAID[target].whole("text"))
    heard = CALLERS[caller](gateway.url, gateway.key, target, stream)
    sent = json.dumps(upstream.take().json())
    assert MAIL not in sent
    assert "Write to [EMAIL_1], please." in sent
    assert heard.text == f"I wrote to {MAIL} for you."
