"""What a key may do: which routes it may use, and which providers its data policy allows."""

from __future__ import annotations

from tollway.config.places import region_of
from tollway.config.schema import Config
from tollway.config.schema_access import DataPolicy, Key
from tollway.config.schema_provider import ProviderSettings


def allowed_routes(key: Key, config: Config) -> list[str] | None:
    """The routes that both the key and its team allow, `None` for all: a key never has more rights than its team."""
    team = config.teams.get(key.team) if key.team is not None else None
    if team is None or team.models is None:
        return None if key.models is None else list(key.models)
    if key.models is None:
        return list(team.models)
    allowed = set(team.models)
    return [model for model in key.models if model in allowed]


def satisfies(provider: ProviderSettings, policy: DataPolicy) -> bool:
    """Whether data under `policy` may go to the provider."""
    in_region = policy.regions is None or region_of(provider) in policy.regions
    return in_region and set(policy.require_tags) <= set(provider.tags)
