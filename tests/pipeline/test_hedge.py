"""Hedges: a second send beside one that is slow; the first answer wins, and the other is given up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, contents, each, laboratory, late
from tests.support.reply import End, answer, error, events, raw, stream
from tests.support.sse import text
from tests.support.upstream import wait_gone


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    hedge = {"delay": "100ms", "share": 1.0}
    routes = {
        **{
            name: {"hedge": hedge, **each(name, "a", "b")}
            for name in ("hedged", "both-fail", "first-fails", "streamed")
        },
        "alone": {"hedge": hedge, **each("alone", "a")},
        "percentile": {"hedge": {"delay": "p95", "share": 1.0}, **each("percentile", "a", "b")},
    }
    prices = {"hedged": {"input_per_mtok": 1000.0, "output_per_mtok": 1.0}}
    with laboratory(tmp_path_factory.mktemp("hedge"), routes, {"a": {"prices": prices}}) as lab:
        yield lab


def test_the_second_beats_the_slow_first(lab: Lab) -> None:
    lab.a.script(raw(End.HANG))
    lab.b.script(answer("from b"))
    told = lab.ask("hedged")
    assert (contents(told), told.header("x-tollway-provider")) == ("from b", "b")
    assert told.header("x-tollway-attempts") == "2"
    wait_gone(lab.a.take(), "the loser is given up")
    first, second = lab.record(told)["attempts"]
    assert (first["provider"], first["class"], second["provider"], second["class"]) == ("a", "cancelled", "b", "ok")
    assert first["cost_nano"] > 0, "its input was read"
    assert second["cost_nano"] is None


def test_a_quick_first_has_no_second(lab: Lab) -> None:
    assert lab.times(3, "hedged") == ["a"] * 3
    assert lab.got() == (3, 0, 0)


def test_a_stream_is_the_first_to_have_content(lab: Lab) -> None:
    lab.a.script(stream([events()[0], End.HANG]))
    lab.b.script(stream(events(["from b"])))
    told = lab.ask("streamed", stream=True)
    assert (text(told.body), told.header("x-tollway-provider")) == ("from b", "b")
    wait_gone(lab.a.take())


def test_a_second_that_fails_leaves_the_first(lab: Lab) -> None:
    lab.a.script(late(answer("from a"), 0.4))
    lab.b.script(error(500))
    told = lab.ask("first-fails")
    assert (contents(told), told.header("x-tollway-provider")) == ("from a", "a")
    assert [attempt["class"] for attempt in lab.record(told)["attempts"]] == ["ok", "server_error"]


def test_both_fail(lab: Lab) -> None:
    lab.a.script(late(error(503), 0.3))
    lab.b.script(error(500))
    assert lab.ask("both-fail").status in {502, 503}
    assert lab.got() == (1, 1, 0)


def test_a_sole_target_has_none(lab: Lab) -> None:
    lab.a.script(late(answer(), 0.3))
    assert lab.serves("alone") == "a"
    assert lab.got() == (1, 0, 0)


def test_a_percentile_of_nothing_is_no_hedge(lab: Lab) -> None:
    lab.a.script(late(answer(), 0.3))
    assert lab.serves("percentile") == "a"
    assert lab.got() == (1, 0, 0)
