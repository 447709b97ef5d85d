"""A share of the requests to another target, and copies of which nobody sees the answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, contents, laboratory, late, to
from tests.records.looking import everything
from tests.support.reply import End, answer, error, raw, stream
from tests.support.sse import text
from tests.support.waiting import eventually
from tests.support.wire import Answer

EU_KEY = "canary-european-virtual-key"
PRICES = {"spending": {"input_per_mtok": 100.0, "output_per_mtok": 100.0}}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    shadowed = ("shadowed", "ill", "slow", "streamed", "policy", "spending")
    routes = {
        "canary": {**to("a", "canary"), "canary": {**to("b", "canary"), "share": 0.3}},
        "none": {**to("a", "none"), "canary": {**to("b", "none"), "share": 0.0}},
        "all": {**to("a", "all"), "canary": {**to("b", "all"), "share": 1.0}},
        **{name: {**to("a", name), "shadow": to("b", name)} for name in shadowed},
        "unshadowed": {**to("a", "unshadowed"), "shadow": {**to("b", "unshadowed"), "share": 0.0}},
    }
    # One copy costs 14 tokens at 100 dollars a million: 0.0014 dollars.
    routes["spending"]["shadow"] = {**to("b", "spending"), "max_usd_per_day": 0.003}
    providers = {"a": {"region": "eu"}, "b": {"region": "us", "prices": PRICES}}
    keys = {"eu": {"secret": EU_KEY, "data_policy": {"regions": ["eu"]}}}
    with laboratory(tmp_path_factory.mktemp("canary"), routes, providers, keys=keys) as lab:
        yield lab


def test_a_user_is_always_on_the_same_side(lab: Lab) -> None:
    homes = {}
    for number in range(30):
        user = ("x-tollway-user", f"user-{number}")
        homes[number] = lab.serves("canary", user)
        assert set(lab.times(2, "canary", user)) == {homes[number]}
    assert set(homes.values()) == {"a", "b"}
    assert list(homes.values()).count("a") > list(homes.values()).count("b")


def test_without_a_user_the_share_is_exact(lab: Lab) -> None:
    served = lab.times(40, "canary")
    assert served.count("b") == 12


def test_none_and_all(lab: Lab) -> None:
    assert set(lab.times(5, "none")) == {"a"}
    assert set(lab.times(5, "all")) == {"b"}


def test_a_canary_that_fails_is_nobodys_trouble(lab: Lab) -> None:
    lab.fails(lab.b, reply=error(500))
    assert set(lab.times(4, "all")) == {"a"}


def shadows(lab: Lab, told: Answer) -> list[dict[str, object]]:
    """The records of the copies of an answered request."""
    flag = f"shadow:{told.header('x-request-id')}"
    return [record for record in everything(lab.gateway) if flag in record["flags"]]


def test_a_copy_reaches_the_other_upstream_and_is_recorded(lab: Lab) -> None:
    lab.a.script(answer("from a"))
    lab.b.script(answer("from b"))
    told = lab.ask("shadowed", ("x-tollway-user", "ann"))
    assert (contents(told), told.header("x-tollway-provider")) == ("from a", "a")
    assert told.header("x-tollway-attempts") == "1"
    sent, copied = lab.a.take().json(), lab.b.take().json()
    assert copied == {**sent, "model": "shadowed"}
    [copy] = eventually(lambda: shadows(lab, told), "the copy is recorded")
    assert (copy["route"], copy["provider"], copy["status"], copy["user"]) == ("shadowed", "b", 200, "ann")
    assert copy["tokens"]["output"] == 5  # type: ignore[index]
    one = lab.record(told)
    assert (one["provider"], one["flags"]) == ("a", [])


def test_a_streamed_one_is_read_to_its_end(lab: Lab) -> None:
    lab.a.script(stream())
    lab.b.script(stream())
    told = lab.ask("streamed", stream=True)
    assert text(told.body) == "Hello from upstream."
    [copy] = eventually(lambda: shadows(lab, told), "the copy is recorded")
    assert (copy["status"], copy["stream"], copy["finish"]) == (200, True, "stop")
    assert copy["tokens"]["output"] == 5  # type: ignore[index]


def test_a_shadow_that_fails_is_nobodys_trouble(lab: Lab) -> None:
    lab.fails(lab.b, reply=error(500))
    told = lab.ask("ill")
    assert (told.status, told.header("x-tollway-attempts")) == (200, "1")
    [copy] = eventually(lambda: shadows(lab, told), "the copy is recorded")
    assert (copy["status"], copy["error"]) == (502, "upstream_error")


def test_a_shadow_that_hangs_is_not_waited_for(lab: Lab) -> None:
    lab.b.script(raw(End.HANG), late(answer(), 0.2))
    assert lab.times(2, "slow") == ["a"] * 2
    eventually(lambda: len(lab.b.requests) == 2, "both copies were sent")


def test_a_copy_goes_no_further_than_the_keys_data_policy(lab: Lab) -> None:
    assert lab.serves("policy", key=EU_KEY) == "a"
    assert lab.serves("policy") == "a"
    eventually(lambda: len(lab.b.requests) == 1, "the copy of the other key's")
    assert lab.serves("policy", key=EU_KEY) == "a"
    assert len(lab.b.requests) == 1


def test_no_share_is_no_copy(lab: Lab) -> None:
    lab.times(5, "unshadowed")
    assert lab.b.requests == []


def test_copies_end_with_their_money(lab: Lab) -> None:
    for number in range(1, 4):
        told = lab.ask("spending")
        eventually(lambda told=told: shadows(lab, told), "the copy is recorded")  # type: ignore[misc]
        assert len(lab.b.requests) == number
    assert lab.times(4, "spending") == ["a"] * 4
    assert len(lab.b.requests) == 3
