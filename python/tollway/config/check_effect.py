"""Checks of settings of routes that are right in themselves and do nothing where they stand."""

from __future__ import annotations

import re

from tollway.config.checks import Checks
from tollway.config.compile_routes import STICKY, own_deployments, strategy_of
from tollway.config.leads import Leads, leads
from tollway.config.schema_resilience import Breaker
from tollway.config.schema_route import Deployment, Route
from tollway.config.shape import Path

_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})$")


def check_effect(checks: Checks) -> None:
    """Warn of every setting that has no effect, and refuse bounds that exclude each other."""
    config = checks.config
    found = leads(config)
    for name, route in config.routes.items():
        path: Path = ("routes", name)
        _check_choice(checks, path, route, found[name])
        _check_copies(checks, path, route)
        for place, target in own_deployments(name, route):
            _check_target(checks, place, target)
        _check_deadline(checks, path, route)
    _check_breaker(checks, ("resilience", "breaker"), config.resilience.breaker)
    for name, provider in config.providers.items():
        if provider.breaker is not None:
            _check_breaker(checks, ("providers", name, "breaker"), provider.breaker)


def _check_choice(checks: Checks, path: Path, route: Route, lead: Leads) -> None:
    """`weight`, `sticky` and `hedge` need a strategy, or targets, to work on."""
    strategy = strategy_of(route)
    for index, target in enumerate(route.targets or ()):
        if target.weight is not None and route.strategy != "weighted":
            place = (*path, "targets", index, "weight")
            message = '`weight` has no effect without the strategy "weighted"'
            checks.warning("no-effect", place, message, 'add strategy = "weighted"')
    if route.sticky is not None and strategy not in STICKY:
        what = "one target" if strategy == "single" else f'the strategy "{strategy}"'
        hint = f"use it with one of: {', '.join(STICKY)}"
        checks.warning("no-effect", (*path, "sticky"), f"`sticky` has no effect with {what}", hint)
    if route.hedge is not None and lead.at_once == 1:
        message = "`hedge` has no effect: a request of this route has one target"
        checks.warning("no-effect", (*path, "hedge"), message, "give the route a second target")


def _check_copies(checks: Checks, path: Path, route: Route) -> None:
    """A canary or shadow that goes where the route goes anyway."""
    served = {
        (target.provider, target.model, target.route)
        for place, target in own_deployments(str(path[1]), route)
        if place[-1] not in ("canary", "shadow")
    }
    for key, target in (("canary", route.canary), ("shadow", route.shadow)):
        complete = target is not None and (target.route or (target.provider and target.model))
        if target is not None and complete and (target.provider, target.model, target.route) in served:
            message = f"the {key} goes where the route's own requests go"
            checks.warning("no-effect", (*path, key), message, "name another model, provider or route")


def _check_target(checks: Checks, path: Path, target: Deployment) -> None:
    if checks.has((*path, "on_drift")) and target.pin is None:
        message = "`on_drift` has no effect without `pin`"
        checks.warning("no-effect", (*path, "on_drift"), message, 'add pin = "…", the model that must answer')
    named, pinned = (_DATE.search(name or "") for name in (target.model, target.pin))
    if named and pinned and named.groups() != pinned.groups():
        message = "the pin has another date than the model that is asked for: every answer would count as drift"
        checks.warning("wrong-pin", (*path, "pin"), message, "pin the model that `model` names")


def _check_deadline(checks: Checks, path: Path, route: Route) -> None:
    """A `first_token` that the deadline forestalls; that the default `timeout` is longer is no mistake."""
    own = ((place, target.first_token) for place, target in own_deployments(str(path[1]), route))
    for place, first_token in ((path, route.first_token), *own):
        if route.deadline is not None and first_token is not None and first_token > route.deadline:
            message = "`first_token` has no effect: the route's `deadline` is over sooner"
            checks.warning("no-effect", (*place, "first_token"), message, "make it shorter than the deadline")


def _check_breaker(checks: Checks, path: Path, breaker: Breaker) -> None:
    if breaker.max_cooldown < breaker.cooldown:
        given = "max_cooldown" if checks.has((*path, "max_cooldown")) else "cooldown"
        message = f"`cooldown` is longer than `max_cooldown`, {breaker.max_cooldown} ms"
        checks.error("conflicting-bounds", (*path, given), message, "a cooldown grows from the one to the other")
