"""Checks of `[routes.X]`: each can be served, by providers and routes that exist, and none leads to itself."""

from __future__ import annotations

from collections.abc import Iterator

from tollway.config.checks import Checks, ResolveHook
from tollway.config.compile_routes import own_deployments
from tollway.config.schema_guard import Guardrail
from tollway.config.schema_route import Degrade, Deployment, Route
from tollway.config.shape import Path


def check_routes(checks: Checks, resolve_hook: ResolveHook | None) -> None:
    """Check every route, each by itself and all together."""
    for name, route in checks.config.routes.items():
        path: Path = ("routes", name)
        _check_form(checks, path, route)
        _check_strategy(checks, path, route)
        for place, target in own_deployments(name, route):
            _check_deployment(checks, place, target)
        for place, other in _routes(path, route):
            checks.reference("routes", place, other)
        for index, rule in enumerate(route.rules or ()):
            if rule.target is not None and (rule.provider or rule.model or rule.route):
                place = (*path, "rules", index)
                message = "the rule has both `target` and the short form"
                checks.error("conflicting-targets", place, message, "keep one of them")
        for index, degrade in enumerate(route.degrade):
            _check_degrade(checks, (*path, "degrade", index), degrade)
        for index, hook in enumerate(route.hooks):
            checks.hook((*path, "hooks", index, "call"), hook.call, resolve_hook)
        check_guardrails(checks, path, route.guardrails)
    _check_cycles(checks)


def check_guardrails(checks: Checks, path: Path, guardrails: tuple[Guardrail, ...]) -> None:
    """Check the guardrails of a route or a key, which is at `path`."""
    for index, guardrail in enumerate(guardrails):
        if guardrail.restore and (guardrail.action != "mask" or guardrail.on == "output"):
            place = (*path, "guardrails", index, "restore")
            message = "`restore` has no effect: only what was masked in the request can be put back"
            checks.warning("no-effect", place, message, 'use it with action = "mask" and on = "input" or "both"')


def _check_form(checks: Checks, path: Path, route: Route) -> None:
    """Exactly one of: `targets`; `provider` and `model`; `rules` with `default`."""
    targets, short = checks.has((*path, "targets")), checks.has((*path, "provider")) or checks.has((*path, "model"))
    conditional = checks.has((*path, "rules")) or checks.has((*path, "default"))
    if targets and short:
        place = (*path, "provider" if checks.has((*path, "provider")) else "model")
        hint = "keep `targets`, or `provider` and `model`"
        checks.error("conflicting-targets", place, "the route has both `targets` and the short form", hint)
    elif conditional and (targets or short):
        place = (*path, "rules" if checks.has((*path, "rules")) else "default")
        hint = "keep `rules` and `default`, or take them out"
        checks.error("conflicting-targets", place, "the route has targets of its own besides rules", hint)
    elif short:
        for key in ("provider", "model"):
            if not checks.has((*path, key)):
                checks.error("missing-key", path, f"the route `{path[1]}` lacks the key `{key}`", f"add `{key} = …`")
    elif not targets and not conditional:
        hint = 'add provider = "…" and model = "…", or targets = [ … ]'
        checks.error("no-targets", path, f"the route `{path[1]}` has no target", hint)
    elif route.targets == () and not checks.working.values["routes"][path[1]]["targets"]:
        _check_emptied(checks, path)


def _check_emptied(checks: Checks, path: Path) -> None:
    written = checks.document.values["routes"][path[1]]["targets"]  # type: ignore[index]
    if not written:
        checks.error("no-targets", (*path, "targets"), "the list of targets is empty", "add at least one target")


def _check_strategy(checks: Checks, path: Path, route: Route) -> None:
    place = (*path, "strategy")
    if route.strategy == "single" and len(route.targets or ()) > 1:
        hint = 'use "fallback", or keep one target'
        checks.error("too-many-targets", place, 'the strategy "single" takes one target', hint)
    rules = checks.has((*path, "rules"))
    if (rules and route.strategy not in ("conditional", None)) or (route.strategy == "conditional" and not rules):
        where = place if checks.has(place) else path
        checks.error("conflicting-strategy", where, '`rules` and the strategy "conditional" go together', "give both")
    if route.strategy == "weighted" and route.targets and not any(t.weight != 0 for t in route.targets):
        checks.error(
            "empty-pool", (*path, "targets"), "all targets have the weight 0", "give one a weight of 1 or more"
        )


def _check_deployment(checks: Checks, path: Path, target: Deployment) -> None:
    """A provider and a model, or a route."""
    if target.provider is not None:
        checks.reference("providers", (*path, "provider"), target.provider)
    if target.route is None:
        for key in ("provider", "model"):
            if not checks.has((*path, key)):
                what = "rule" if "rules" in path else "target"
                checks.error("missing-key", path, f"the {what} lacks the key `{key}`", f"add `{key} = …`")
        return
    for key in ("provider", "model"):
        if checks.has((*path, key)):
            message = f"the target has both `route` and `{key}`"
            checks.error("conflicting-targets", (*path, key), message, "keep `route`, or `provider` and `model`")


def _check_degrade(checks: Checks, path: Path, degrade: Degrade) -> None:
    """Exactly one thing to do."""
    given = [key for key in ("route", "max_tokens", "answer") if checks.has((*path, key))]
    if not given:
        hint = 'add route = "…", max_tokens = … or answer = "…"'
        checks.error("missing-key", path, "the rule does not say what is done instead", hint)
    for key in given[1:]:
        message = f"the rule has both `{given[0]}` and `{key}`"
        checks.error("conflicting-targets", (*path, key), message, "keep one of them; a second rule can do the other")


def _routes(path: Path, route: Route) -> Iterator[tuple[Path, str]]:
    """Every other route that the route may hand a request to, with its place."""
    if route.context_window_fallback is not None:
        yield (*path, "context_window_fallback"), route.context_window_fallback
    if route.content_policy_fallback is not None:
        yield (*path, "content_policy_fallback"), route.content_policy_fallback
    for index, name in enumerate(route.fallbacks or ()):
        yield (*path, "fallbacks", index), name
    for index, degrade in enumerate(route.degrade):
        if degrade.route is not None:
            yield (*path, "degrade", index, "route"), degrade.route
    for place, target in own_deployments(str(path[1]), route):
        if target.route is not None:
            yield (*place, "route"), target.route


def _check_cycles(checks: Checks) -> None:
    """Walk the routes depth first, without recursion: a chain may be as long as the file."""
    links = {name: list(_routes(("routes", name), route)) for name, route in checks.config.routes.items()}
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
    hint = "let one of these routes fall back to a route outside the circle"
    checks.error("route-cycle", place, f"the routes lead in a circle: {' -> '.join([*shown, ring[0]])}", hint)
