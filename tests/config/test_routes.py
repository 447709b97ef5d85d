"""Routes as the data plane takes them: trees of choices, whose leaves are places among all that may serve the route."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.config.setting import resolve_hook
from tollway.config import api as config

Write = Callable[[str], Path]

PROVIDERS = """
[providers.a]
type = "mock"
[providers.b]
type = "mock"
"""
A, B = '{ provider = "a", model = "m" }', '{ provider = "b", model = "n" }'


def route(write: Write, text: str, name: str = "r") -> dict[str, Any]:
    """The route `name` of a file with these routes, compiled."""
    snapshot = orjson.loads(config.build(write(PROVIDERS + text), resolve_hook=resolve_hook).snapshot)
    [found] = [route for route in snapshot["routes"] if route["name"] == name]
    assert isinstance(found, dict)
    return found


def leaves(node: dict[str, Any]) -> list[Any]:
    """The tree with nothing but its strategies and places."""
    return node["target"] if "target" in node else [node["strategy"], *map(leaves, node["children"])]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ('provider = "a"\nmodel = "m"', {"target": 0}),
        (f"targets = [{A}]", {"target": 0}),
        (f'strategy = "weighted"\ntargets = [{A}]', {"target": 0}),
        (
            f"targets = [{A}, {B}]",
            {"strategy": "fallback", "children": [{"target": 0}, {"target": 1}], "sticky": None},
        ),
        (
            f"strategy = 'latency'\nsticky = 'session'\ntargets = [{A}, {B}]",
            {"strategy": "latency", "children": [{"target": 0}, {"target": 1}], "sticky": "session"},
        ),
        (
            f"strategy = 'cost'\nsticky = 'user'\ntargets = [{A}, {B}]",
            {"strategy": "cost", "children": [{"target": 0}, {"target": 1}], "sticky": None},
        ),
        (
            f"strategy = 'quality'\ntargets = [{A}, {B}]",
            {"strategy": "fallback", "children": [{"target": 0}, {"target": 1}], "sticky": None},
        ),
        (
            f"rules = [{{ when = 'stream', provider = 'a', model = 'm' }}]\ndefault = {B}",
            {"strategy": "conditional", "children": [{"target": 0}, {"target": 1}], "rules": ["stream"]},
        ),
        (
            f"strategy = 'content-based'\nrules = [{{ condition = 'stream', target = {A} }}]",
            {"strategy": "conditional", "children": [{"target": 0}], "rules": ["stream"]},
        ),
    ],
)
def test_strategies(write: Write, text: str, choice: dict[str, Any]) -> None:
    assert route(write, f"[routes.r]\n{text}")["choice"] == choice


def test_eighty_to_twenty(write: Write) -> None:
    """A weight of zero takes a target out; one that is not given is 1."""
    targets = f"[{A[:-1]}, weight = 80 }}, {B[:-1]}, weight = 20 }}, {B[:-1]}, timeout = 1 }}, {A[:-1]}, weight = 0 }}]"
    found = route(write, f"[routes.r]\nstrategy = 'weighted'\nsticky = 'user'\ntargets = {targets}")
    assert found["choice"] == {
        "strategy": "weighted",
        "children": [{"target": 0}, {"target": 1}, {"target": 2}],
        "weights": [80, 20, 1],
        "sticky": "user",
    }
    assert [target["provider"] for target in found["targets"]] == ["a", "b", "b"]


def test_a_canary_goes_before_everything(write: Write) -> None:
    found = route(write, f"[routes.r]\ntargets = [{A}]\ncanary = {B[:-1]}, share = 0.025 }}")
    assert found["choice"] == {
        "strategy": "weighted",
        "children": [{"target": 1}, {"target": 0}],
        "weights": [250, 9750],
        "sticky": "user",
    }
    assert route(write, f"[routes.r]\ntargets = [{A}]\ncanary = {B[:-1]}, share = 0 }}")["choice"] == {"target": 0}


def test_a_shadow_is_no_choice(write: Write) -> None:
    found = route(write, f"[routes.r]\ntargets = [{A}]\nshadow = {B[:-1]}, max_usd_per_day = 0.5 }}")
    assert found["choice"] == {"target": 0}
    assert found["shadow"] == {"choice": {"target": 1}, "share": 1.0, "max_nano_per_day": 500_000_000}


def test_a_route_stands_whole_in_another(write: Write) -> None:
    """With its own strategy, canary and terms; the same deployment on the same terms is one target."""
    text = f"""
[routes.r]
targets = [{{ route = "inner" }}, {A}]
[routes.inner]
strategy = "least-busy"
timeout = "9s"
targets = [{A}, {B}]
canary = {{ route = "spare", share = 0.5 }}
[routes.spare]
provider = "b"
model = "n"
timeout = "9s"
"""
    found = route(write, text)
    assert leaves(found["choice"]) == ["fallback", ["weighted", 1, ["least-busy", 0, 1]], 2]
    assert [(one["provider"], one["timeout_ms"]) for one in found["targets"]] == [
        ("a", 9000),
        ("b", 9000),
        ("a", 600_000),
    ]


STAND_INS = f"""
[resilience]
default_fallbacks = ["spare", "r"]
[routes.r]
targets = [{A}]
context_window_fallback = "long"
content_policy_fallback = "spare"
degrade = [
  {{ when = "upstream.open", route = "spare" }},
  {{ when = "stream", max_tokens = 5 }},
  {{ condition = "true", answer = "later" }},
]
[routes.long]
targets = [{A}, {B}]
fallbacks = []
[routes.spare]
targets = [{B}]
"""


def test_what_stands_in_is_put_in_whole_behind_its_name(write: Write) -> None:
    """So that a key that may not use the route does not get there by another."""
    found = route(write, STAND_INS)
    assert found["fallbacks"] == [{"target": 1, "via": "spare"}], "the default, without the route itself"
    assert found["content_policy_fallback"] == {"target": 1, "via": "spare"}
    assert found["context_window_fallback"]["via"] == "long"
    assert leaves(found["context_window_fallback"]) == ["fallback", 0, 1]
    assert [(one["name"], one["choice"], one["max_tokens"], one["answer"]) for one in found["degrade"]] == [
        ("spare", {"target": 1, "via": "spare"}, None, None),
        ("max_tokens", None, 5, None),
        ("answer", None, None, "later"),
    ]
    assert [one["when"] for one in found["degrade"]] == ["upstream.open", "stream", "true"]
    assert route(write, STAND_INS, "long")["fallbacks"] == [], "an empty list is one"
    assert route(write, STAND_INS, "spare")["fallbacks"] == [{"target": 1, "via": "r"}]


def test_bounds(write: Write) -> None:
    plain = route(write, f"[routes.r]\ntargets = [{A}]")
    assert (plain["deadline_ms"], plain["hedge"], plain["retry_budget"]) == (None, None, {"share": 0.2, "floor": 3.0})
    text = "deadline = '2s'\nhedge = { delay = '70ms' }\nretry_budget = { share = 1 }"
    own = route(write, f"[resilience]\nretry_budget = {{ share = 0 }}\n[routes.r]\ntargets = [{A}, {B}]\n{text}")
    assert (own["deadline_ms"], own["hedge"]) == (2000, {"delay_ms": 70, "quantile": 1.0, "share": 0.1})
    assert own["retry_budget"] == {"share": 1, "floor": 3.0}
    inherits = route(write, f"[resilience.retry_budget]\nfloor = 0\n[routes.r]\ntargets = [{A}, {B}]\nhedge = {{}}")
    assert inherits["retry_budget"] == {"share": 0.2, "floor": 0}
    assert (inherits["hedge"]["delay_ms"], inherits["hedge"]["quantile"]) == (None, 0.98)
