"""Strategies: which of a route's targets a request goes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.pipeline.lab import Lab, each, laboratory, late, to
from tests.support.reply import Gate, Reply, answer, completion, error
from tests.support.waiting import eventually

STICKY = ("user", "session", "key", "prompt")
SECOND_KEY = "canary-second-virtual-key"


def prices(dollars: float) -> dict[str, float]:
    """What a model costs."""
    return {"input_per_mtok": dollars, "output_per_mtok": dollars}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes: dict[str, dict[str, object]] = {
        "weighted": {
            "strategy": "weighted",
            "targets": [
                to("a", "weighted", weight=80),
                to("b", "weighted", weight=20),
                to("c", "weighted", weight=0),
            ],
        },
        "weighted-ill": {"strategy": "weighted", **each("weighted-ill", "a", "b")},
        **{
            f"sticky-{sticky}": {"strategy": "weighted", "sticky": sticky, **each(f"sticky-{sticky}", "a", "b", "c")}
            for sticky in STICKY
        },
        "sticky-ill": {"strategy": "weighted", "sticky": "user", **each("sticky-ill", "a", "b", "c")},
        "latency": {"strategy": "latency", **each("latency", "a", "b")},
        "outlier": {"strategy": "weighted", **each("outlier", "a", "b")},
        "least-busy": {"strategy": "least-busy", **each("least-busy", "a", "b")},
        "cost": {"strategy": "cost", **each("cost", "a", "b", "c")},
        "inner": {"strategy": "weighted", **each("inner", "a", "b")},
        "outer": {"strategy": "fallback", "targets": [{"route": "inner"}, to("c", "outer")]},
        "rules": {
            "rules": [
                {"when": "request.has_tools", **to("a", "rules")},
                {"when": "request.messages > 2 && !stream", "route": "inner"},
                {"when": "metadata['plan'] == 'gold' || 'vip' in tags", **to("b", "rules")},
                {"when": "request.bytes / request.max_tokens > 1000000", **to("a", "rules")},
            ],
            "default": to("c", "rules"),
        },
        "no-default": {"rules": [{"when": "user == 'ann'", **to("a", "no-default")}]},
    }
    providers = {
        "a": {"prices": {"cost": prices(5.0)}},
        "b": {"prices": {"cost": prices(1.0)}},
    }
    tables: dict[str, Any] = {
        "resilience": {
            "outlier": {"factor": 2.0, "min_latency": "20ms"},
            "breaker": {"consecutive": 2, "cooldown": "300ms", "max_cooldown": "300ms"},
        },
        "keys": {"second": {"secret": SECOND_KEY}},
    }
    with laboratory(tmp_path_factory.mktemp("strategies"), routes, providers, **tables) as lab:
        yield lab


def test_weights_are_exact(lab: Lab) -> None:
    assert Counter(lab.times(100, "weighted")) == {"a": 80, "b": 20}
    assert "aaaaaaaa" not in "".join(lab.times(50, "weighted")), "and spread"


def test_weights_are_exact_for_all_threads_together(lab: Lab) -> None:
    with ThreadPoolExecutor(8) as pool:
        served = list(pool.map(lambda _: lab.serves("weighted"), range(100)))
    assert Counter(served) == {"a": 80, "b": 20}


def test_what_is_ill_gives_its_share_to_the_others(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    assert Counter(lab.times(20, "weighted-ill"))["b"] == 20
    lab.a.reset()
    eventually(lambda: lab.serves("weighted-ill") == "a", "it serves again")
    assert Counter(lab.times(20, "weighted-ill")) == {"a": 10, "b": 10}


@pytest.mark.parametrize("sticky", ["user", "session"])
def test_those_who_belong_together_stay_together(lab: Lab, sticky: str) -> None:
    homes = {}
    for number in range(12):
        header = (f"x-tollway-{sticky}", f"{sticky}-{number}")
        homes[number] = lab.serves(f"sticky-{sticky}", header)
        assert set(lab.times(4, f"sticky-{sticky}", header)) == {homes[number]}
    assert len(set(homes.values())) > 1


def test_a_key_stays(lab: Lab) -> None:
    assert len(set(lab.times(8, "sticky-key"))) == 1
    assert len({lab.serves("sticky-key", key=SECOND_KEY) for _ in range(8)}) == 1


def test_the_same_beginning_stays(lab: Lab) -> None:
    def serves(prompt: str) -> str:
        messages = [{"role": "system", "content": prompt * 1000}, {"role": "user", "content": f"{len(homes)}"}]
        return lab.serves("sticky-prompt", messages=messages)

    homes: list[str] = []
    for prompt in ("law ", "art ", "tax ", "cat ", "dog ", "sea "):
        home = serves(prompt)
        assert {serves(prompt) for _ in range(3)} == {home}
        homes.append(home)
    assert len(set(homes)) > 1


def test_without_anything_to_go_by_it_is_a_turn_each(lab: Lab) -> None:
    assert Counter(lab.times(9, "sticky-user")) == {"a": 3, "b": 3, "c": 3}


def test_who_stays_moves_while_the_home_is_ill_and_comes_back(lab: Lab) -> None:
    header = ("x-tollway-user", "ann")
    home = lab.serves("sticky-ill", header)
    upstream = dict(zip("abc", lab.upstreams, strict=True))[home]
    upstream.otherwise = error(500)
    elsewhere = set(lab.times(4, "sticky-ill", header))
    assert home not in elsewhere
    assert len(elsewhere) == 1, "together, too, while they are away"
    upstream.reset()
    eventually(lambda: lab.serves("sticky-ill", header) == home, "they come back")


def test_the_faster_gets_more(lab: Lab) -> None:
    lab.a.otherwise = late(answer(), 0.12)
    served = Counter(lab.times(40, "latency"))
    assert served["b"] > 2 * served["a"]
    assert served["a"] >= 1, "it had one to be known by"


def test_what_is_much_slower_than_its_peers_goes_last(lab: Lab) -> None:
    lab.a.otherwise = late(answer(), 0.12)
    eventually(lambda: lab.times(4, "outlier") == ["b"] * 4, "the slow one is left alone", 60)
    assert lab.target("outlier", "a")["state"] == "closed"
    assert lab.target("outlier", "a")["p50_ms"] > lab.target("outlier", "b")["p50_ms"]


def test_the_one_with_fewer_requests_under_way_is_next(lab: Lab) -> None:
    gates = [Gate(), Gate()]
    lab.a.script(*(Reply(body=(gate, completion())) for gate in gates))
    lab.b.script(*(Reply(body=(gate, completion())) for gate in gates))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lab.serves, "least-busy")
        eventually(lambda: sum(lab.got()) == 1, "the first request is under way")
        second = pool.submit(lab.serves, "least-busy")
        eventually(lambda: sum(lab.got()) == 2, "the second is, too")
        assert lab.got() == (1, 1, 0)
        assert lab.target("least-busy", "a")["in_flight"] == 1
        for upstream in (lab.a, lab.b):
            upstream.release()
        assert {first.result(30), second.result(30)} == {"a", "b"}
    eventually(lambda: lab.target("least-busy", "a")["in_flight"] == 0, "nothing is under way")


def test_of_equally_busy_ones_any_serves(lab: Lab) -> None:
    assert set(lab.times(30, "least-busy")) == {"a", "b"}


def test_the_cheaper_is_first_and_what_has_no_price_last(lab: Lab) -> None:
    assert lab.times(3, "cost") == ["b"] * 3
    lab.b.script(error(500))
    assert lab.serves("cost") == "a"
    lab.b.script(error(500))
    lab.a.script(error(500))
    told = lab.ask("cost")
    assert told.header("x-tollway-provider") == "c"
    assert lab.record(told)["decision"].startswith("cost 3/3")


def test_a_route_may_be_a_target(lab: Lab) -> None:
    assert Counter(lab.times(10, "outer")) == {"a": 5, "b": 5}
    lab.fails(lab.a, lab.b, reply=error(500))
    assert lab.serves("outer") == "c"


def test_rules(lab: Lab) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    three = [{"role": "user", "content": "x"}] * 3
    assert lab.serves("rules", tools=[tool]) == "a"
    assert lab.serves("rules", messages=three) in {"a", "b"}
    assert lab.serves("rules", metadata={"plan": "gold"}) == "b"
    assert lab.serves("rules", ("x-tollway-tags", "new, vip")) == "b"
    assert lab.serves("rules") == "c"


def test_a_rule_that_fails_at_run_time_does_not_hold_and_is_told(lab: Lab) -> None:
    """Without `max_tokens` the last rule divides by zero."""
    assert lab.serves("rules") == "c"
    alerts = lab.alerts("rule_failed")
    assert [alert["subject"] for alert in alerts] == ["rules"]
    assert "division by 0" in alerts[0]["message"]


def test_no_rule_and_no_default(lab: Lab) -> None:
    assert lab.serves("no-default", ("x-tollway-user", "ann")) == "a"
    told = lab.ask("no-default")
    assert (told.status, told.json()["error"]["code"]) == (403, "no_eligible_target")
    assert "no-default" in told.json()["error"]["message"]
