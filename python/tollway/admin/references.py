"""Whether what a key or a team names is there. A name that is nearly right would else grant, or count, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tollway.admin.mistakes import wrong
from tollway.admin.operation import ask
from tollway.config.shape import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tollway.admin.operation import Context

_SCOPES = ("organisation", "tenant", "team", "project", "environment")
"""The kinds of scopes that are declared before they are named; users and agents come as callers name them."""

_MANY = 1000


async def check_references(context: Context, settings: Mapping[str, Any]) -> None:
    """Check the routes and the scopes that `settings` name. Raises `Failure` for the first that is not there."""
    await _check_models(context, settings.get("models"))
    for kind in _SCOPES:
        if settings.get(kind) is not None:
            await _check_scope(context, kind, kind, settings[kind])
    for index, budget in enumerate(settings.get("budgets") or ()):
        if budget.get("environment") is not None:
            await _check_scope(context, "environment", f"budgets[{index}].environment", budget["environment"])


async def _check_models(context: Context, models: list[str] | None) -> None:
    if not models:
        return
    routes: Any = await ask(context, "routes")
    names = tuple(str(route["name"]) for route in routes)
    for index, model in enumerate(models):
        if model not in names:
            message = f"there is no route `{model}`; {suggestion(model, names)}"
            raise wrong(message, f"models[{index}]")


async def _check_scope(context: Context, kind: str, param: str, name: str) -> None:
    """As in the configuration: a name must be declared if any of its kind is."""
    page: Any = await ask(context, "scopes.list", {"kind": kind, "limit": _MANY})
    names = tuple(str(scope["name"]) for scope in page["data"])
    # Beyond so many, the name is taken as it is: to ask for each page would make one call many.
    if names and name not in names and page["next"] is None:
        raise wrong(f"there is no {kind} `{name}`; {suggestion(name, names)}", param)
