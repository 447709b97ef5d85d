"""Where routes lead, without compiling them: also for a file whose references are wrong or go in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tollway.config.compile_routes import is_used, own_deployments, strategy_of
from tollway.config.schema import Config
from tollway.config.schema_route import Deployment, Route
from tollway.config.shape import Path


@dataclass(frozen=True, slots=True)
class Leads:
    """What a route comes to, the routes among its targets included."""

    providers: frozenset[str] = frozenset()
    """Who may serve it; whoever only gets copies is not among them."""

    at_once: int = 0
    """The most targets that one request has before it."""

    choices: int = 0
    """How large it is once compiled: a target counts as often as ways lead there."""

    depth: int = 0
    """How deep routes stand in routes; 1 for one with targets alone."""


def parts(name: str, route: Route) -> Iterator[tuple[Path, str]]:
    """The routes that are targets of the route, each with its place."""
    for place, target in own_deployments(name, route):
        if target.route is not None:
            yield (*place, "route"), target.route


def stand_ins(name: str, route: Route) -> Iterator[tuple[Path, str]]:
    """The routes that the route itself names to serve in its stead, each with its place."""
    path: Path = ("routes", name)
    for index, other in enumerate(route.fallbacks or ()):
        yield (*path, "fallbacks", index), other
    for key in ("context_window_fallback", "content_policy_fallback"):
        other = getattr(route, key)
        if other is not None:
            yield (*path, key), other
    for index, degrade in enumerate(route.degrade):
        if degrade.route is not None:
            yield (*path, "degrade", index, "route"), degrade.route


def all_stand_ins(name: str, config: Config) -> Iterator[tuple[Path, str]]:
    """The same with the default fallbacks, where they hold for the route `name`."""
    route = config.routes[name]
    yield from stand_ins(name, route)
    if route.fallbacks is None:
        for index, other in enumerate(config.resilience.default_fallbacks):
            if other != name:
                yield ("resilience", "default_fallbacks", index), other


def leads(config: Config) -> dict[str, Leads]:
    """Where every route leads. What would lead in a circle leads nowhere there."""
    found: dict[str, Leads] = {}
    for name in _inner_first(config):
        found[name] = _lead(name, config.routes[name], found)
    return found


def _inner_first(config: Config) -> Iterator[str]:
    """Every route after those that are its targets, without recursion: a chain may be as long as the file."""
    seen: set[str] = set()
    for start in config.routes:
        trail = [(start, parts(start, config.routes[start]))] if start not in seen else []
        seen.add(start)
        while trail:
            name, rest = trail[-1]
            for _, other in rest:
                if other in config.routes and other not in seen:
                    seen.add(other)
                    trail.append((other, parts(other, config.routes[other])))
                    break
            else:
                trail.pop()
                yield name


def _lead(name: str, route: Route, found: Mapping[str, Leads]) -> Leads:
    def of(target: Deployment) -> Leads:
        if target.route is not None:
            return found.get(target.route, Leads())
        return Leads(frozenset((target.provider or "",)), 1, 1, 0)

    own = [(place, target) for place, target in own_deployments(name, route) if is_used(target, route)]
    all_leads = [of(target) for _, target in own]
    serving = [of(target) for place, target in own if place[-1] != "shadow"]
    widths = [lead.at_once for lead in serving]
    return Leads(
        frozenset().union(*(lead.providers for lead in serving)),
        max(widths, default=0) if strategy_of(route) == "conditional" else sum(widths),
        sum(lead.choices for lead in all_leads),
        1 + max((lead.depth for lead in all_leads), default=0),
    )
