"""Upstreams' own rate limits are kept, and what may be sent again is bounded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, each, laboratory
from tests.support.errors import is_error
from tests.support.reply import answer, error
from tests.support.waiting import eventually

SECONDS, MILLISECONDS = ("retry-after", "60"), ("retry-after-ms", "300")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    pairs = {name: each(name, "a", "b") for name in ("long", "brief", "both")}
    routes = {
        **pairs,
        "alone": each("alone", "a"),
        "short-wait": {**each("short-wait", "a"), "max_retries": 1},
        "budget": {
            "targets": [{"provider": "a", "model": "budget"}, {"provider": "b", "model": "budget"}],
            "max_retries": 3,
            "retry_budget": {"share": 0.5, "floor": 0.0},
        },
    }
    inert = {"breaker": {"consecutive": 0, "min_requests": 100_000}}
    with laboratory(tmp_path_factory.mktemp("limits"), routes, resilience=inert) as lab:
        yield lab


def test_requests_go_elsewhere_while_it_lasts(lab: Lab) -> None:
    lab.a.script(error(429).with_headers(SECONDS))
    told = lab.ask("long")
    assert (told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == ("b", "2")
    told = lab.ask("long")
    assert (told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == ("b", "1")
    assert lab.record(told)["decision"] == "fallback 2/2; 1 limited"
    assert lab.times(8, "long") == ["b"] * 8
    assert lab.got()[0] == 1
    assert lab.target("long", "a")["limited_until_us"] is not None


def test_they_come_back_when_it_is_over(lab: Lab) -> None:
    lab.a.script(error(429).with_headers(MILLISECONDS))
    assert lab.serves("brief") == "b"
    eventually(lambda: lab.serves("brief") == "a", "the first target serves again")
    assert lab.target("brief", "a")["limited_until_us"] is None


def test_a_sole_target_is_never_kept_from_its_callers(lab: Lab) -> None:
    lab.a.script(error(429).with_headers(SECONDS))
    told = lab.ask("alone")
    is_error(told, 429, "upstream_rate_limited")
    assert told.header("retry-after") == "60"
    assert lab.times(3, "alone") == ["a"] * 3


def test_where_all_are_limited_one_is_asked(lab: Lab) -> None:
    lab.a.script(error(429).with_headers(SECONDS))
    lab.b.script(error(429).with_headers(("retry-after", "30")))
    is_error(lab.ask("both"), 429, "upstream_rate_limited")
    assert lab.serves("both") == "b", "the one that is ready first"


def test_a_short_wait_is_waited_for(lab: Lab) -> None:
    lab.a.script(error(429).with_headers(("retry-after-ms", "50")), answer())
    told = lab.ask("short-wait")
    assert (told.status, told.header("x-tollway-attempts")) == (200, "2")


def test_the_retry_budget_bounds_what_is_sent(lab: Lab) -> None:
    lab.fails(lab.a, lab.b, reply=error(500))
    requests = 40
    for _ in range(requests):
        is_error(lab.ask("budget"), 502, "upstream_error")
    sends = sum(lab.got())
    assert requests < sends <= requests * 1.5
