"""Alerts: one line on stderr for what an operator must know, once while it lasts, without secrets or callers' words."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, each, laboratory
from tests.support.errors import is_error
from tests.support.reply import error
from tests.support.waiting import eventually

SECRET = "canary-refused-upstream-key"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes = {name: each(name, "a", "b") for name in ("breaks", "quiet")} | {"refused": each("refused", "refused")}
    providers = {
        "refused": {"at": "c", "api_keys": [{"key": SECRET}]},
        "a": {"breaker": {"consecutive": 3, "cooldown": "200ms", "max_cooldown": "200ms"}},
    }
    with laboratory(tmp_path_factory.mktemp("alerts"), routes, providers) as lab:
        yield lab


def test_a_breaker_that_opens_and_closes_is_told_once_each(lab: Lab) -> None:
    for _ in range(2):
        lab.fails(lab.a, reply=error(500, "What the caller's text was."))
        lab.times(5, "breaks")
        lab.forget()
        eventually(lambda: lab.serves("breaks") == "a", "it serves again")
    told = [(alert["subject"], alert["state"]) for alert in lab.alerts("breaker_open")]
    assert told == [("a/breaks", "firing"), ("a/breaks", "resolved")]
    assert "What the caller's text was." not in lab.gateway.log


def test_a_refused_key_is_told_without_being_shown(lab: Lab) -> None:
    lab.fails(lab.c, reply=error(401, f"Incorrect API key provided: {SECRET}", "invalid_api_key"))
    for _ in range(3):
        is_error(lab.ask("refused"), 502, "upstream_credentials")
    [alert] = lab.alerts("dead_key")
    assert alert["subject"] == "refused, key 1"
    assert "reload" in alert["message"]
    assert SECRET not in lab.gateway.log


def test_a_line_is_a_log_line_like_the_others(lab: Lab) -> None:
    lines = [json.loads(line) for line in lab.gateway.log.splitlines() if '"event":"alert"' in line]
    assert lines
    for line in lines:
        assert set(line) == {"time", "level", "event", "fields"}
        assert line["level"] == {"firing": "error", "resolved": "info"}[line["fields"]["state"]]
        assert set(line["fields"]) == {"kind", "subject", "message", "state", "count"}
