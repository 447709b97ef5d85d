"""Routes as the data plane takes them: each with all targets that may serve it, and the choices that lead there.

A target that is a route, a fallback and a way down are put in whole: the data plane follows no names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tollway.config.schema import Config
from tollway.config.schema_route import Deployment, Hedge, Route, Rule, Shadow, Target
from tollway.config.shape import Path

Json = dict[str, Any]

CANARY_PARTS = 10_000
"""A share is compiled to a weight of so many parts."""

STICKY = ("weighted", "latency", "least-busy")
"""The strategies under which `sticky` means something: the others have one order for every caller."""


def strategy_of(route: Route) -> str:
    """The strategy that serves; `quality`, which is not there yet, is served as `fallback`."""
    if route.rules is not None or route.default is not None:
        return "conditional"
    if route.targets is None or len(route.targets) == 1:
        return "single"
    return "fallback" if route.strategy in (None, "quality") else route.strategy


def is_used(target: Deployment, route: Route) -> bool:
    """Whether the route sends there at all: a weight of 0 takes a target out."""
    return not (route.strategy == "weighted" and isinstance(target, Target) and target.weight == 0)


def own_deployments(name: str, route: Route) -> Iterator[tuple[Path, Deployment]]:
    """Everything that the route itself may send to, routes among it, and its place in the file."""
    path: Path = ("routes", name)
    if route.provider is not None and route.model is not None:
        yield path, Deployment(provider=route.provider, model=route.model)
    for index, target in enumerate(route.targets or ()):
        yield (*path, "targets", index), target
    for index, rule in enumerate(route.rules or ()):
        yield _rule_path(path, index, rule), of_rule(rule)
    if route.default is not None:
        yield (*path, "default"), route.default
    if route.canary is not None:
        yield (*path, "canary"), route.canary
    if route.shadow is not None:
        yield (*path, "shadow"), route.shadow


def _rule_path(path: Path, index: int, rule: Rule) -> Path:
    return (*path, "rules", index, "target") if rule.target else (*path, "rules", index)


def of_rule(rule: Rule) -> Deployment:
    """The target of a rule, however the file wrote it."""
    return rule.target or Deployment(provider=rule.provider, model=rule.model, route=rule.route)


def compile_route(name: str, config: Config) -> Json:
    """The targets, choices and bounds of the route `name`; its hooks and guardrails are somebody else's."""
    route = config.routes[name]
    flat = _Flat(config)
    budget = route.retry_budget or config.resilience.retry_budget
    compiled = {
        **flat.whole(name),
        "deadline_ms": route.deadline,
        "hedge": route.hedge and _hedge(route.hedge),
        "retry_budget": {"share": budget.share, "floor": budget.floor},
    }
    return {"name": name, "targets": flat.targets, **compiled}


def served_targets(name: str, config: Config) -> list[tuple[Path, str, Deployment]]:
    """All that may serve the route `name`, by their places: where and in which route it is said, and what."""
    flat = _Flat(config)
    flat.whole(name)
    return flat.origins


class _Flat:
    """Collects the targets of one route, those of the routes that it leads to among them."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.targets: list[Json] = []
        self.origins: list[tuple[Path, str, Deployment]] = []
        self.places: dict[str, int] = {}

    def whole(self, name: str) -> Json:
        """Everything of the route `name` that leads to targets."""
        route = self.config.routes[name]
        fallbacks = self.config.resilience.default_fallbacks if route.fallbacks is None else route.fallbacks
        return {
            "choice": self.route(name),
            "fallbacks": [self.via(other) for other in fallbacks if other != name],
            "context_window_fallback": self.via(route.context_window_fallback),
            "content_policy_fallback": self.via(route.content_policy_fallback),
            "degrade": [
                {
                    "when": rule.when,
                    "name": rule.route or ("answer" if rule.answer is not None else "max_tokens"),
                    "choice": self.via(rule.route),
                    "max_tokens": rule.max_tokens,
                    "answer": rule.answer,
                }
                for rule in route.degrade
            ],
            "shadow": route.shadow and self.shadow(route.shadow, name),
        }

    def via(self, name: str | None) -> Json | None:
        """A route that serves only whom it is allowed to."""
        return None if name is None else {**self.route(name), "via": name}

    def route(self, name: str) -> Json:
        """The choice of the route `name`."""
        route = self.config.routes[name]
        node = self._choice(name, route)
        canary = route.canary
        if canary is None or canary.share == 0:
            return node
        part = round(canary.share * CANARY_PARTS)
        return {
            "strategy": "weighted",
            "children": [self.deployment(canary, name, "canary"), node],
            "weights": [part, CANARY_PARTS - part],
            "sticky": canary.sticky,
        }

    def _choice(self, name: str, route: Route) -> Json:
        if route.provider is not None and route.model is not None:
            return self.deployment(Deployment(provider=route.provider, model=route.model), name)
        if route.rules is not None or route.default is not None:
            rules = route.rules or ()
            children = [
                self.deployment(of_rule(rule), name, *_rule_path((), index, rule)) for index, rule in enumerate(rules)
            ]
            if route.default is not None:
                children.append(self.deployment(route.default, name, "default"))
            return {"strategy": "conditional", "children": children, "rules": [rule.when for rule in rules]}
        strategy = strategy_of(route)
        used = [(index, target) for index, target in enumerate(route.targets or ()) if is_used(target, route)]
        if len(used) == 1:
            return self.deployment(used[0][1], name, "targets", used[0][0])
        node: Json = {
            "strategy": strategy,
            "children": [self.deployment(target, name, "targets", index) for index, target in used],
            "sticky": route.sticky if strategy in STICKY else None,
        }
        if strategy == "weighted":
            node["weights"] = [1 if target.weight is None else target.weight for _, target in used]
        return node

    def deployment(self, target: Deployment, name: str, *place: str | int) -> Json:
        """A leaf; or, for a route, that route's choice. `place` is where the route `name` says it."""
        if target.route is not None:
            return self.route(target.route)
        compiled = _target(target, self.config.routes[name])
        # The same deployment on the same terms has one place, whichever ways lead there.
        index = self.places.setdefault(repr(compiled), len(self.targets))
        if index == len(self.targets):
            self.targets.append(compiled)
            self.origins.append((("routes", name, *place), name, target))
        return {"target": index}

    def shadow(self, shadow: Shadow, name: str) -> Json:
        most = shadow.max_usd_per_day
        return {
            "choice": self.deployment(shadow, name, "shadow"),
            "share": shadow.share,
            "max_nano_per_day": None if most is None else round(most * 1e9),
        }


def _hedge(hedge: Hedge) -> Json:
    if isinstance(hedge.delay, str):
        return {"delay_ms": None, "quantile": float(hedge.delay.removeprefix("p")) / 100, "share": hedge.share}
    return {"delay_ms": hedge.delay, "quantile": 1.0, "share": hedge.share}


def _target(target: Deployment, route: Route) -> Json:
    timeout = target.timeout or route.timeout
    return {
        "provider": target.provider,
        "model": target.model,
        "timeout_ms": timeout,
        "first_token_ms": min(target.first_token or route.first_token or timeout, timeout),
        "idle_ms": target.idle or route.idle,
        "max_retries": route.max_retries if target.max_retries is None else target.max_retries,
        "context_window": target.context_window,
        "supports": target.supports,
        "tiers": target.tiers,
        "pin": target.pin,
        "on_drift": target.on_drift,
    }
