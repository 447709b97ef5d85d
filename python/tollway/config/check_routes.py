"""Checks of `[routes.X]`: each has one form, and is served by providers and routes that exist."""

from __future__ import annotations

from tollway.config.checks import Checks, ResolveHook
from tollway.config.compile_routes import own_deployments
from tollway.config.leads import parts, stand_ins
from tollway.config.schema_guard import Guardrail
from tollway.config.schema_route import Deployment, Route
from tollway.config.shape import Path
from tollway.config.validate import label


def check_routes(checks: Checks, resolve_hook: ResolveHook | None) -> None:
    """Check every route, each by itself and all together."""
    for name, route in checks.config.routes.items():
        path: Path = ("routes", name)
        _check_form(checks, path, route)
        _check_strategy(checks, path, route)
        for place, target in own_deployments(name, route):
            _check_deployment(checks, place, target)
        for place, other in (*parts(name, route), *stand_ins(name, route)):
            checks.reference("routes", place, other)
        for index, rule in enumerate(route.rules or ()):
            if rule.target is not None and (rule.provider or rule.model or rule.route):
                place = (*path, "rules", index)
                message = "the rule has both `target` and the short form"
                checks.error("conflicting-targets", place, message, "keep one of them")
        for index in range(len(route.degrade)):
            _check_degrade(checks, (*path, "degrade", index))
        for index, hook in enumerate(route.hooks):
            checks.hook((*path, "hooks", index, "call"), hook.call, resolve_hook)
        check_guardrails(checks, path, route.guardrails)
    for index, other in enumerate(checks.config.resilience.default_fallbacks):
        checks.reference("routes", ("resilience", "default_fallbacks", index), other)


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
    if checks.has((*path, "default")) and not rules and route.strategy != "conditional":
        hint = "add rules = [ … ], or give the provider and model as the route's own"
        checks.error("missing-key", (*path, "default"), "the route has a `default` and no `rules`", hint)
    if route.strategy == "quality":
        message = 'the strategy "quality" is not in this version: it is served as "fallback"'
        checks.warning("not-enforced", place, message, "the targets are tried in the listed order")
    if route.strategy == "weighted" and route.targets and not any(t.weight != 0 for t in route.targets):
        checks.error(
            "empty-pool", (*path, "targets"), "all targets have the weight 0", "give one a weight of 1 or more"
        )


_OF_A_MODEL = tuple(key for key in Deployment.model_fields if key != "route")
"""What a target says of a model; a route says it of its own."""


def _check_deployment(checks: Checks, path: Path, target: Deployment) -> None:
    """A provider and a model, or a route."""
    if target.provider is not None:
        checks.reference("providers", (*path, "provider"), target.provider)
    if target.route is None:
        for key in ("provider", "model"):
            if not checks.has((*path, key)):
                message = f"{label(checks.working.original(path))} lacks the key `{key}`"
                checks.error("missing-key", path, message, f"add `{key} = …`")
        return
    for key in _OF_A_MODEL:
        if checks.has((*path, key)):
            message = f"the target has both `route` and `{key}`"
            keep = "`provider` and `model`" if key in ("provider", "model") else f"say `{key}` in that route"
            checks.error("conflicting-targets", (*path, key), message, f"keep `route`, or {keep}")


def _check_degrade(checks: Checks, path: Path) -> None:
    """Exactly one thing to do."""
    given = [key for key in ("route", "max_tokens", "answer") if checks.has((*path, key))]
    if not given:
        hint = 'add route = "…", max_tokens = … or answer = "…"'
        checks.error("missing-key", path, "the rule does not say what is done instead", hint)
    for key in given[1:]:
        message = f"the rule has both `{given[0]}` and `{key}`"
        checks.error("conflicting-targets", (*path, key), message, "keep one of them; a second rule can do the other")
