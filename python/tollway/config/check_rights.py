"""Checks of what keys can reach: whether their data policies leave them a route, and a route its fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tollway.config.checks import Checks
from tollway.config.leads import Leads, all_stand_ins, leads
from tollway.config.rights import allowed_routes, satisfies
from tollway.config.schema_access import DataPolicy, Key
from tollway.config.shape import Path


@dataclass(frozen=True, slots=True)
class Rights:
    """What keys with the same rights may do; `routes` is `None` for all."""

    routes: frozenset[str] | None
    policy: DataPolicy | None

    def may_use(self, route: str) -> bool:
        """Whether the route is among those that are allowed."""
        return self.routes is None or route in self.routes


@dataclass(slots=True)
class _Reach:
    """Which routes have a target that a data policy allows; looked up once for each policy."""

    checks: Checks
    leads: dict[str, Leads]
    known: dict[tuple[DataPolicy, str], bool] = field(default_factory=dict)

    def serves(self, route: str, policy: DataPolicy | None) -> bool:
        """Whether the policy leaves a target of the route; of one that is wrong in itself, nothing is known."""
        providers = self.checks.config.providers
        names = [name for name in self.leads[route].providers if name in providers] if route in self.leads else []
        if policy is None or not names:
            return True
        if (policy, route) not in self.known:
            self.known[policy, route] = any(satisfies(providers[name], policy) for name in names)
        return self.known[policy, route]


def check_rights(checks: Checks) -> None:
    """Check what every key that serves can reach."""
    reach = _Reach(checks, leads(checks.config))
    first: dict[Rights, str] = {}
    for name, key in checks.config.keys.items():
        if key.revoked:
            continue
        routes = allowed_routes(key, checks.config)
        rights = Rights(None if routes is None else frozenset(routes), key.data_policy)
        first.setdefault(rights, name)
        if key.data_policy is not None:
            _check_policy(checks, reach, ("keys", name), (key, rights))
    _check_stand_ins(checks, reach, first)


def _check_policy(checks: Checks, reach: _Reach, path: Path, key: tuple[Key, Rights]) -> None:
    """An error where no route is left to the key, a warning of each that it names in vain."""
    settings, rights = key
    routes = [name for name in checks.config.routes if rights.may_use(name)]
    served = {name for name in routes if reach.serves(name, rights.policy)}
    hint = "check `region` and `tags` of the providers; what nobody may serve is refused with `no_eligible_target`"
    if routes and not served:
        message = "no target of any route that the key may use satisfies this data policy"
        checks.warning("unsatisfiable-policy", (*path, "data_policy"), message, hint)
        return
    for index, name in enumerate(settings.models or ()):
        if name in routes and name not in served:
            message = f"no target of the route `{name}` satisfies the key's data policy"
            checks.warning("unsatisfiable-policy", (*path, "models", index), message, hint)


def _check_stand_ins(checks: Checks, reach: _Reach, first: dict[Rights, str]) -> None:
    told: set[tuple[Path, str]] = set()
    for name in checks.config.routes:
        for place, other in all_stand_ins(name, checks.config):
            if other not in checks.config.routes:
                continue
            for message, hint in _lacking(reach, name, other, first):
                if (place, hint) not in told:
                    told.add((place, hint))
                    checks.warning("unusable-fallback", place, message, hint)


def _lacking(reach: _Reach, name: str, other: str, first: dict[Rights, str]) -> Iterator[tuple[str, str]]:
    """Why the route `other` does not stand in for `name` for some key, which the data plane heeds."""
    barred = left = None
    for rights, key in first.items():
        if not rights.may_use(name) or not reach.serves(name, rights.policy):
            continue
        if not rights.may_use(other):
            barred = barred or key
        elif not reach.serves(other, rights.policy):
            left = left or key
        if barred and left:
            break
    if barred:
        message = f"the key `{barred}` may use the route `{name}` but not `{other}`, which is left out for it"
        yield message, "add it to the `models` of the key and its team, or take the fallback out"
    if left:
        providers = ", ".join(f"`{provider}`" for provider in sorted(reach.leads[other].providers))
        message = f"the route `{other}` would leave the data policy of the key `{left}` ({providers}): it is left out"
        yield message, "name a route with a target whose provider satisfies it"
