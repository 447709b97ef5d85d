"""Providers that are asked whether they serve: nothing is sent to one that does not, and no request had to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.pipeline.lab import Lab, each, laboratory
from tests.support.reply import AnyReply, answer, error, whole
from tests.support.upstream import Received
from tests.support.waiting import eventually

CHECK = {"path": "/health?deep=1", "interval": "20ms", "timeout": "5s", "unhealthy": 2}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file: `a` is checked, `b` and `c` are not."""
    routes = {
        "checked": {"strategy": "fallback", **each("checked", "a", "b")},
        "too": {"strategy": "fallback", **each("too", "a", "c")},
        "own": {"strategy": "fallback", **each("own", "a", "b")},
    }
    breaker = {"consecutive": 2, "cooldown": "60s"}
    with laboratory(
        tmp_path_factory.mktemp("checks"), routes, {"a": {"health_check": CHECK, "breaker": breaker}}
    ) as lab:
        yield lab


@pytest.fixture
def lab(started: Lab) -> Lab:
    started.forget()
    started.a.otherwise = says(whole(b"well"))
    eventually(lambda: states(started, "checked", "too") == {"closed"}, "what was down is back")
    return started


def says(health: AnyReply, else_: AnyReply | None = None) -> Callable[[Received], AnyReply]:
    """A server that tells how it is, and serves."""

    def script(received: Received) -> AnyReply:
        return health if received.method == "GET" else else_ or answer()

    return script


def states(lab: Lab, *routes: str) -> set[str]:
    """How `a` is in these routes."""
    return {lab.target(route, "a")["state"] for route in routes}


def test_it_is_asked_as_the_configuration_says(lab: Lab) -> None:
    eventually(lambda: len(lab.a.requests) > 2, "it is asked again and again")
    [asked] = {(one.method, one.target, one.header("authorization"), one.body) for one in lab.a.requests}
    assert asked == ("GET", "/health?deep=1", "Bearer key-of-upstreams-0001", b"")
    assert lab.got()[1:] == (0, 0)


def test_one_that_says_it_is_ill_is_sent_nothing_until_it_is_well(lab: Lab) -> None:
    lab.a.otherwise = says(error(503))
    eventually(lambda: states(lab, "checked", "too") == {"open"}, "all its deployments are left alone")
    assert lab.times(3, "checked") == ["b"] * 3
    assert lab.times(3, "too") == ["c"] * 3
    assert {one.method for one in lab.a.requests} == {"GET"}
    assert "a/checked" in [alert["subject"] for alert in lab.alerts("breaker_open")]
    lab.a.otherwise = says(whole(b"well"))
    eventually(lambda: lab.serves("checked") == "a", "it is back at once, whatever its cooldown")
    assert states(lab, "checked", "too") == {"closed"}


def test_one_that_fails_while_it_says_that_it_is_well_stays_out(lab: Lab) -> None:
    lab.a.otherwise = says(whole(b"well"), error(500))
    assert lab.times(2, "own") == ["b", "b"]
    seen = len(lab.a.requests)
    eventually(lambda: len(lab.a.requests) > seen + 3, "it is asked on, and says that it is well")
    assert states(lab, "own") == {"open"}
    assert lab.serves("own") == "b"
