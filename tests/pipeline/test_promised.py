"""The first page's examples, not only loaded (tests/config) but served: each does what its words say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.lab import Lab, late
from tests.support.gateway import ADMIN_TOKEN, KEY, SERVER_SECRET, RunningGateway
from tests.support.reply import answer, error
from tests.support.speaker import by_path
from tests.support.upstream import ScriptedUpstream

PROMISED = Path(__file__).parents[1] / "config" / "good" / "promised.toml"

SUMMARIZER = "key-of-the-summarizer-0001"
SECRETS = {
    "TOLLWAY_SECRET": SERVER_SECRET,
    "TOLLWAY_ADMIN_TOKEN": ADMIN_TOKEN,
    "OPENAI_API_KEY": "openai-key-0000000001",
    "A": "anthropic-key-0000001",
    "B": "anthropic-key-0000002",
    "SUMMARIZER_KEY": SUMMARIZER,
}
POLICY = """\
def check(request):
    return None
"""


def served(openai: str, anthropic: str, own: str) -> str:
    """The file as it stands, but for addresses, ports and a key that may do everything."""
    text = PROMISED.read_text()
    text = re.sub(r'"127\.0\.0\.1:808[01]"', '"127.0.0.1:0"', text)
    text = text.replace('"https://api.openai.com/v1"', f'"{openai}/v1"').replace(
        '"http://127.0.0.1:8000/v1"', f'"{own}/v1"'
    )
    text = text.replace('type = "anthropic"\n', f'type = "anthropic"\nbase_url = "{anthropic}/v1"\n')
    return f'{text}\n[keys.test]\nsecret = "{KEY}"\n'


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`a` is openai, `b` anthropic, `c` the server of one's own."""
    folder = tmp_path_factory.mktemp("promised")
    (folder / "my_policies.py").write_text(POLICY)
    with ScriptedUpstream() as a, ScriptedUpstream() as b, ScriptedUpstream() as c:
        with RunningGateway(served(a.url, b.url, c.url), folder, **SECRETS) as gateway:
            yield Lab(gateway, a, b, c)
        for upstream in (a, b, c):
            upstream.release()


@pytest.fixture
def lab(started: Lab) -> Lab:
    """With each upstream speaking its dialect."""
    started.forget()
    started.b.otherwise = by_path
    return started


def test_one_falls_back_to_the_next(lab: Lab) -> None:
    assert lab.serves("primary-summarization") == "openai"
    assert lab.a.requests[0].json()["model"] == "gpt-4o"
    lab.fails(lab.a, reply=error(503))
    told = lab.ask("primary-summarization")
    assert (told.status, told.header("x-tollway-provider")) == (200, "anthropic")
    assert lab.b.requests[-1].json()["model"] == "claude-sonnet-4-5"
    lab.fails(lab.b, reply=error(529))
    assert lab.serves("primary-summarization") == "self-hosted"
    assert lab.c.requests[-1].json()["model"] == "llama-3.1-70b"


def test_the_summarizers_data_stay_where_its_policy_says(lab: Lab) -> None:
    told = lab.ask("primary-summarization", key=SUMMARIZER)
    assert (told.status, told.header("x-tollway-provider")) == (200, "self-hosted")
    lab.fails(lab.c, reply=error(400, code="context_length_exceeded"))
    assert lab.ask("primary-summarization", key=SUMMARIZER).status == 400, "long-context is not in the eu"
    assert lab.got()[:2] == (0, 0)
    assert lab.ask("fast", key=SUMMARIZER).status == 403


def test_personal_data_is_masked_and_put_back(lab: Lab) -> None:
    lab.a.otherwise = lambda received: answer(received.json()["messages"][0]["content"])
    text = "Write to ann@example.org."
    told = lab.ask("primary-summarization", messages=[{"role": "user", "content": text}])
    assert b"ann@example.org" not in lab.a.requests[0].body
    assert told.json()["choices"][0]["message"]["content"] == text


def test_too_long_and_unwelcome_go_to_their_own_routes(lab: Lab) -> None:
    lab.a.script(error(400, code="context_length_exceeded"), error(400, code="content_policy_violation"))
    assert lab.serves("primary-summarization") == "anthropic"
    assert lab.serves("primary-summarization") == "self-hosted"
    assert lab.c.requests[-1].json()["model"] == "llama-3.1-70b"


def test_fast_is_one_target(lab: Lab) -> None:
    assert lab.serves("fast") == "openai"
    assert lab.a.requests[0].json()["model"] == "gpt-4o-mini"


def test_the_task_decides(lab: Lab) -> None:
    def model(route: str, task: str) -> object:
        told = lab.ask(route, ("x-tollway-task-type", task))
        return told.header("x-tollway-model") if told.status == 200 else told.status

    assert model("intelligent-router", "classification") == "gpt-4o-mini"
    assert model("intelligent-router", "reasoning") == "claude-sonnet-4-5"
    assert model("intelligent-router", "poetry") == "gpt-4o"
    assert model("in-other-words", "reasoning") == "claude-sonnet-4-5"
    assert model("in-other-words", "poetry") == 403, "no rule holds, and there is no default"


def test_eighty_to_twenty(lab: Lab) -> None:
    assert Counter(lab.times(100, "split")) == {"openai": 80, "anthropic": 20}


def test_a_canary_of_five_percent(lab: Lab) -> None:
    models = [lab.ask("new-model").header("x-tollway-model") for _ in range(100)]
    assert Counter(models) == {"gpt-4o": 95, "gpt-4.1": 5}


def test_the_nearest_gets_more(lab: Lab) -> None:
    lab.a.otherwise = late(answer(), 0.1)
    found = Counter(lab.times(30, "nearest"))
    assert found["self-hosted"] > found["openai"]


def test_what_costs_less_is_first(lab: Lab) -> None:
    assert lab.serves("cheap") == "openai", "the other has no price"


def test_a_route_within_a_route(lab: Lab) -> None:
    assert set(lab.times(10, "customer-faq")) <= {"openai", "self-hosted"}
