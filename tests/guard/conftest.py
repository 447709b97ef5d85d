"""One gateway whose routes have the `pii` guardrail in every way, and an upstream that says what a test wants."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.operations import policies
from tests.operations.hooked import hook
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import DONE, Step, chunk, completion, data, stream, usage_event, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Answer, Json

EMAIL, CARD, PHONE = "jane.doe+tw@example.com", "4111 1111 1111 1111", "+49 30 1234567"
ENTITIES = {"EMAIL": EMAIL, "CARD": CARD, "PHONE": PHONE}
KEY_OF_THE_MASKED = "canary-masked-virtual-key"
KEY_OF_THE_REFUSED = "canary-refused-virtual-key"


def pii(action: str, on: str = "both", **more: object) -> dict[str, object]:
    """One entry of a route's or a key's `guardrails`."""
    return {"type": "pii", "on": on, "action": action, "on_failure": "closed", **more}


ROUTES: dict[str, dict[str, object]] = {
    "mask": {"guardrails": [pii("mask")]},
    "restore": {"guardrails": [pii("mask", restore=True)]},
    "reject": {"guardrails": [pii("reject")]},
    "flag": {"guardrails": [pii("flag")]},
    "input": {"guardrails": [pii("mask", "input")]},
    "output": {"guardrails": [pii("mask", "output")]},
    "email-only": {"guardrails": [pii("mask", entities=["email"])]},
    "several": {"guardrails": [pii("flag", entities=["email"]), pii("reject", "input", entities=["card"])]},
    "open": {"guardrails": [pii("mask", on_failure="open")]},
    "hooked": {"guardrails": [pii("mask")], "hooks": [hook("adds_email"), hook("sees_masked", "response")]},
}


@dataclass(frozen=True)
class Watch:
    """A running gateway and the upstream behind it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream

    def ask(self, route: str, said: str = "Hello?", key: str = RunningGateway.key, **members: object) -> Answer:
        """One request, whose only message is `said`."""
        return self.gateway.chat(chat_body(route, messages=[{"role": "user", "content": said}], **members), key=key)

    def answering(self, content: str) -> None:
        """Let the upstream answer so, not streamed."""
        self.upstream.otherwise = whole(completion(content))

    def streaming(self, steps: Sequence[Step]) -> None:
        """Let the upstream answer with these chunks of a stream's body."""
        self.upstream.otherwise = stream(steps)

    def sent(self) -> Json:
        """The body that last reached the upstream."""
        return self.upstream.requests[-1].json()


def streamed(choices: Sequence[Sequence[str]]) -> list[bytes]:
    """The events of a stream in which each choice says its pieces, all choices in turn."""
    all_events = [chunk({"role": "assistant", "content": ""})]
    for turn in range(max(map(len, choices))):
        for index, pieces in enumerate(choices):
            if turn < len(pieces):
                all_events.append(_of_choice(index, {"content": pieces[turn]}, None))
    all_events += [_of_choice(index, {}, "stop") for index in range(len(choices))]
    return [*all_events, usage_event(), DONE]


def _of_choice(index: int, delta: dict[str, object], finish: str | None) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "up-model"}
    return data({**frame, "choices": [choice]})


def content(answer: Answer) -> str:
    """What an answer that is not streamed says."""
    said: str = answer.json()["choices"][0]["message"]["content"]
    return said


def flags(answer: Answer) -> set[str]:
    """What `x-tollway-flags` lists."""
    return set(filter(None, (answer.header("x-tollway-flags") or "").split(",")))


@pytest.fixture(scope="module")
def shared_watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """Started once for the tests of a file."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        folder = tmp_path_factory.mktemp("watch")
        shutil.copy(Path(policies.__file__), folder / "policies.py")
        target = {"provider": "up", "model": "up-model", "max_retries": 0}
        text = minimal(
            upstream.url,
            routes={name: {**target, **settings} for name, settings in ROUTES.items()},
            keys={
                "masked": {"secret": "env:TEST_MASKED_KEY", "guardrails": [pii("mask", restore=True)]},
                "refused": {"secret": "env:TEST_REFUSED_KEY", "guardrails": [pii("reject", entities=["card"])]},
            },
        )
        keys = {"TEST_MASKED_KEY": KEY_OF_THE_MASKED, "TEST_REFUSED_KEY": KEY_OF_THE_REFUSED}
        yield Watch(stack.enter_context(RunningGateway(text, folder, **keys)), upstream)


@pytest.fixture
def watch(shared_watch: Watch) -> Iterator[Watch]:
    """The shared one, whose upstream has forgotten the last test."""
    shared_watch.upstream.reset()
    yield shared_watch
    shared_watch.gateway.settled()
