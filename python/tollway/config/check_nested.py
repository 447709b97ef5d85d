"""Checks of routes that lead to routes: none to itself, none too deep, and no guardrail is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

from tollway.config.checks import Checks
from tollway.config.leads import all_stand_ins, leads, parts, stand_ins
from tollway.config.schema_route import Route
from tollway.config.shape import Path

DEEPEST = 8
"""So deep may routes stand in routes."""

MOST_CHOICES = 1000
"""So many targets may a route come to, counted as often as ways lead there."""


def check_nested(checks: Checks) -> None:
    """Check what every route makes of the routes that it names."""
    _check_circles(checks)
    _check_size(checks)
    told: set[tuple[Path, str]] = set()
    for name, route in checks.config.routes.items():
        for place, other in (*parts(name, route), *all_stand_ins(name, checks.config)):
            inner = checks.config.routes.get(other)
            if inner is None or other == name:
                continue
            for code, message, hint in _lost((name, route), (other, inner)):
                if (place, code) not in told:
                    told.add((place, code))
                    note = checks.error if code == "lost-guardrails" else checks.warning
                    note(code, place, message, hint)


def _lost(outer: tuple[str, Route], inner: tuple[str, Route]) -> Iterator[tuple[str, str, str]]:
    """What the inner route does to its requests and is not done to those that come by the outer one."""
    (name, route), (other, settings) = outer, inner
    guardrails = [one.type for one in settings.guardrails if one not in route.guardrails]
    if guardrails:
        what = ", ".join(dict.fromkeys(guardrails))
        message = f"guardrails of the route `{other}` are not applied to what `{name}` sends there: {what}"
        yield "lost-guardrails", message, f"give `{name}` the same guardrails"
    hooks = [one.call for one in settings.hooks if one not in route.hooks]
    if hooks:
        message = f"hooks of the route `{other}` are not called for what `{name}` sends there: {', '.join(hooks)}"
        yield "lost-hooks", message, f"give `{name}` the same hooks, if they are meant for its requests too"
    if settings.on_lossy == "reject" and route.on_lossy != "reject":
        message = f'on_lossy = "reject" of the route `{other}` does not hold for what `{name}` sends there'
        yield "lost-setting", message, f"give `{name}` the same, if it is meant for its requests too"
    if settings.attachments is not None and route.attachments is None:
        message = f"attachments of the route `{other}` are not bounded in what `{name}` sends there"
        yield "lost-setting", message, f"give `{name}` the same, if it is meant for its requests too"


def _check_size(checks: Checks) -> None:
    for name, lead in leads(checks.config).items():
        path: Path = ("routes", name)
        if lead.depth > DEEPEST:
            message = f"the route `{name}` is {lead.depth} routes deep"
            checks.error("too-deep", path, message, f"at most {DEEPEST}: name the inner routes' targets")
        elif lead.choices > MOST_CHOICES:
            message = f"the route `{name}` comes to more than {MOST_CHOICES} targets"
            checks.error("too-many-targets", path, message, "a route that stands in it several times counts each time")


def _check_circles(checks: Checks) -> None:
    """Walk the routes depth first, without recursion: a chain may be as long as the file.

    Default fallbacks are no links: a fallback's own fallbacks are not followed, and each is one of the others' there.
    """
    routes = checks.config.routes.items()
    links = {name: [*parts(name, route), *stand_ins(name, route)] for name, route in routes}
    done: set[str] = set()
    for start, first in links.items():
        trail = {start: iter(first)} if start not in done else {}
        while trail:
            name, rest = next(reversed(trail.items()))
            for place, other in rest:
                if other in trail:
                    _circle(checks, place, [*trail][[*trail].index(other) :])
                elif other in links and other not in done:
                    trail[other] = iter(links[other])
                    break
            else:
                done.add(name)
                del trail[name]


def _circle(checks: Checks, place: Path, ring: list[str]) -> None:
    shown = ring if len(ring) <= 8 else [*ring[:4], "…", *ring[-3:]]
    hint = "let one of these routes lead to a route outside the circle"
    checks.error("route-cycle", place, f"the routes lead in a circle: {' -> '.join([*shown, ring[0]])}", hint)
