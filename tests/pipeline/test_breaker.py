"""Breakers: a deployment that fails is left alone, and found again when it is back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.pipeline.lab import Lab, each, laboratory
from tests.support.errors import is_error
from tests.support.reply import End, Raw, Reply, error, events, stream
from tests.support.waiting import eventually

QUICK = ("recovers", "told", "breaks-off", "limited", "rejected", "impatient")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file: `a` is tried again soon, what is `ill` not while a test runs."""
    ill = {"breaker": {"consecutive": 3, "cooldown": "60s"}}
    routes = {
        **{name: each(name, "a", "b") for name in QUICK},
        "opens": each("opens", "ill", "b"),
        "seen": each("seen", "ill", "b"),
        "alone": each("alone", "ill"),
        "balanced": {"strategy": "weighted", **each("balanced", "ill", "ill-too", "c")},
        "ratio": each("ratio", "by-ratio", "b"),
    }
    providers = {
        "a": {"breaker": {"consecutive": 3, "cooldown": "300ms", "max_cooldown": "300ms"}},
        "ill": {"at": "a", **ill},
        "ill-too": {"at": "b", **ill},
        "by-ratio": {
            "at": "a",
            "breaker": {"consecutive": 0, "ratio": 0.5, "min_requests": 10, "window": "60s", "cooldown": "60s"},
        },
    }
    with laboratory(tmp_path_factory.mktemp("breaker"), routes, providers) as lab:
        yield lab


def test_it_opens_after_failures_in_a_row_and_its_target_is_not_touched_again(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    assert lab.times(3, "opens") == ["b"] * 3
    assert lab.got() == (3, 3, 0)
    told = lab.ask("opens")
    assert (told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == ("b", "1")
    assert lab.times(9, "opens") == ["b"] * 9
    assert lab.got()[0] == 3
    assert lab.record(told)["decision"] == "fallback 2/2; 1 open"
    assert lab.target("opens", "ill")["state"] == "open"
    assert [alert["subject"] for alert in lab.alerts("breaker_open")].count("ill/opens") == 1


@pytest.mark.parametrize("reply", [error(503), Raw((End.RESET,)), Reply(body=(b"[]",))], ids=["503", "reset", "text"])
def test_a_probe_brings_it_back(lab: Lab, reply: Raw | Reply) -> None:
    lab.fails(lab.a, reply=reply)
    assert lab.times(3, "recovers") == ["b"] * 3
    lab.a.reset()
    eventually(lambda: lab.serves("recovers") == "a", "the target serves again")
    assert lab.target("recovers", "a")["state"] == "closed"
    assert lab.times(5, "recovers") == ["a"] * 5


def test_a_probe_that_fails_opens_it_again(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    lab.times(3, "told")
    assert lab.got()[0] == 3
    eventually(lambda: lab.serves("told") == "b" and lab.got()[0] >= 5, "it is probed twice")
    assert lab.target("told", "a")["state"] in {"open", "half-open"}


def test_a_share_of_failures_opens_it(lab: Lab) -> None:
    for _ in range(5):
        lab.a.script(error(500))
        assert lab.serves("ratio") == "b"
        assert lab.serves("ratio") == "by-ratio"
    lab.a.script(error(500))
    lab.serves("ratio")
    before = lab.got()[0]
    assert lab.times(5, "ratio") == ["b"] * 5
    assert lab.got()[0] == before
    assert lab.target("ratio", "by-ratio")["state"] == "open"


def test_the_last_target_is_asked_all_the_same(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    for _ in range(8):
        is_error(lab.ask("alone"), 502, "upstream_error")
    assert lab.got() == (8, 0, 0)
    lab.a.reset()
    assert lab.serves("alone") == "ill"


def test_rate_limits_and_the_callers_mistakes_open_nothing(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(429))
    lab.times(6, "limited")
    lab.fails(lab.a, reply=error(400))
    for _ in range(6):
        assert lab.ask("rejected").status == 400
    assert {lab.target(route, "a")["state"] for route in ("limited", "rejected")} == {"closed"}


def test_streams_that_break_off_after_content_open_it(lab: Lab) -> None:
    lab.fails(lab.a, reply=stream([*events()[:2], End.CLOSE]))
    for _ in range(3):
        told = lab.ask("breaks-off", stream=True)
        assert (told.status, told.header("x-tollway-attempts")) == (200, "1")
        assert b'"code":"upstream_error"' in told.body
        one = lab.record(told)
        assert (one["error"], one["estimated"]) == ("upstream_error", True)
        assert one["tokens"]["output"] > 0, "what came is billed"
    assert lab.target("breaks-off", "a")["state"] in {"open", "half-open"}
    lab.b.otherwise = stream()
    assert lab.ask("breaks-off", stream=True).header("x-tollway-provider") == "b"


def test_a_callers_own_deadline_says_nothing_of_the_target(lab: Lab) -> None:
    lab.fails(lab.a, reply=Raw((End.HANG,)))
    for _ in range(4):
        is_error(lab.ask("impatient", ("x-tollway-timeout", "50ms")), 504, "deadline_exceeded")
    assert lab.target("impatient", "a")["state"] == "closed"


def test_where_most_are_ill_all_are_asked(lab: Lab) -> None:
    lab.fails(lab.a, lab.b, reply=error(500))
    for name in ("ill", "ill-too"):
        while lab.target("balanced", name)["state"] == "closed":
            assert lab.serves("balanced") == "c"
    before = lab.got()
    assert lab.times(6, "balanced") == ["c"] * 6
    assert lab.got()[0] > before[0]
    assert lab.got()[1] > before[1]


def test_operators_see_it(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    lab.times(3, "seen")
    told = lab.target("seen", "ill")
    assert (told["state"], told["in_flight"], told["limited_until_us"]) == ("open", 0, None)
    assert told["success_rate"] < 1
    page = httpx.get(f"{lab.gateway.admin_url}/metrics", trust_env=False).text
    assert 'tollway_target_state{route="seen",provider="ill",model="seen"} 2' in page
    assert 'tollway_target_state{route="seen",provider="b",model="seen"} 0' in page
