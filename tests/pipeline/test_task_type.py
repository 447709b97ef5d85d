"""Task types: said in a header or in metadata, or found by rules; routes choose by them, and records tell them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, laboratory, to

HEADER = "x-tollway-task-type"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes: dict[str, dict[str, object]] = {
        "typed": {
            "rules": [
                {"when": "task_type == 'classification'", **to("a", "small")},
                {"condition": "task_type == 'reasoning'", "target": to("b", "large")},
            ],
            "default": to("c", "usual"),
        }
    }
    types = [
        {"name": "broken", "when": "request.bytes / request.images > 1000000000"},
        {"name": "classification", "when": "request.max_tokens > 0 && request.max_tokens < 10"},
        {"name": "reasoning", "when": "request.messages > 3"},
    ]
    with laboratory(tmp_path_factory.mktemp("types"), routes, task_types=types) as lab:
        yield lab


def test_said_in_a_header(lab: Lab) -> None:
    told = lab.ask("typed", (HEADER, "classification"))
    assert (told.header("x-tollway-provider"), told.header("x-tollway-model")) == ("a", "small")
    assert lab.record(told)["task_type"] == "classification"
    assert lab.serves("typed", (HEADER, "reasoning")) == "b"
    assert lab.serves("typed", (HEADER, "poetry")) == "c"


def test_said_in_metadata(lab: Lab) -> None:
    told = lab.ask("typed", metadata={"task_type": "reasoning"})
    assert told.header("x-tollway-provider") == "b"
    assert lab.record(told)["task_type"] == "reasoning"
    assert lab.serves("typed", (HEADER, "classification"), metadata={"task_type": "reasoning"}) == "a"


def test_found_by_rules(lab: Lab) -> None:
    told = lab.ask("typed", max_tokens=5)
    assert told.header("x-tollway-provider") == "a"
    one = lab.record(told)
    assert (one["task_type"], one["decision"]) == ("classification", "conditional 1/3")
    assert lab.serves("typed", messages=[{"role": "user", "content": "x"}] * 4) == "b"
    assert lab.serves("typed") == "c"


def test_what_is_said_wins(lab: Lab) -> None:
    assert lab.serves("typed", (HEADER, "reasoning"), max_tokens=5) == "b"


def test_a_rule_that_fails_is_told_once_and_does_not_hold(lab: Lab) -> None:
    """Without images the first divides by zero."""
    lab.times(3, "typed")
    assert [alert["subject"] for alert in lab.alerts("rule_failed")] == ["task_types"]
