"""The whole configuration as one model, and its JSON Schema."""

from __future__ import annotations

from functools import lru_cache
from types import GenericAlias
from typing import Any

from pydantic import Field, create_model

from tollway.config.fields import Many, Name, Settings
from tollway.config.schema_access import Key, Scope, Team
from tollway.config.schema_alerts import Alerts
from tollway.config.schema_jobs import Jobs
from tollway.config.schema_provider import MODELS, AnyProvider, any_of
from tollway.config.schema_resilience import Resilience, TaskType
from tollway.config.schema_route import Route
from tollway.config.schema_server import Admin, Server, State, Store
from tollway.config.schema_telemetry import Telemetry

SCOPES = ("organisations", "tenants", "projects", "environments", "users", "agents", "tags")
"""The tables, besides teams, whose entries take limits and budgets."""


class Config(Settings):
    """Tollway's configuration file. Durations: `250ms 30s 5m 1h 7d`; sizes: `64KiB 32MiB`."""

    server: Server = Field(default_factory=Server, description="Listeners, threads and bounds.")
    store: Store = Field(default_factory=Store, description="Where records are kept.")
    state: State = Field(default_factory=State, description="What replicas share.")
    admin: Admin = Field(default_factory=Admin, description="Who may use the control plane.")
    telemetry: Telemetry = Field(default_factory=Telemetry, description="Traces and metrics over OTLP.")
    alerts: Alerts = Field(default_factory=Alerts, description="What an operator is told of, and where.")
    jobs: Jobs = Field(default_factory=Jobs, description="Requests whose callers do not wait.")
    providers: dict[Name, AnyProvider] = Field(default_factory=dict, description="Who answers.")
    routes: dict[Name, Route] = Field(default_factory=dict, description="What clients send as `model`.")
    resilience: Resilience = Field(
        default_factory=Resilience, description="What is done when deployments fail, for all that do not say otherwise."
    )
    task_types: Many[TaskType] = Field(
        default=(), description="How task types are told where callers do not say: the first whose rule holds."
    )
    teams: dict[Name, Team] = Field(default_factory=dict, description="Teams that keys belong to.")
    keys: dict[Name, Key] = Field(default_factory=dict, description="Virtual keys.")
    organisations: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of organisations.")
    tenants: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of tenants.")
    projects: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of projects.")
    environments: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of environments.")
    users: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of end users.")
    agents: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of agents.")
    tags: dict[Name, Scope] = Field(default_factory=dict, description="Limits and budgets of tagged requests.")


@lru_cache(maxsize=2)
def config_of(types: frozenset[str]) -> type[Config]:
    """`Config` for a file whose providers are of these types: one of all that there are takes four megabytes more.

    Where one is none of them, it is the whole, whose error names them all.
    """
    if not types <= MODELS.keys():
        return Config
    field: Any = (GenericAlias(dict, (Name, any_of(types))), Config.model_fields["providers"])
    return create_model("Config", __base__=Config, providers=field)


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of the configuration file, for editors: `taplo`, `even-better-toml`."""
    schema = _without_null(Config.model_json_schema(by_alias=True))
    for table in schema["$defs"].values():
        _spell_out(table)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Tollway configuration"}


def _without_null(node: Any) -> Any:  # noqa: ANN401 - JSON of any kind
    """The same schema without the null that pydantic allows for what may be left out: TOML has none."""
    if isinstance(node, list):
        return [_without_null(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    clean = {key: _without_null(entry) for key, entry in node.items() if (key, entry) != ("default", None)}
    options = clean.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del clean["anyOf"]
        clean = {**rest[0], **clean} if len(rest) == 1 else {**clean, "anyOf": rest}
    if "patternProperties" in clean:
        clean["additionalProperties"] = False
    return clean


def _spell_out(table: dict[str, Any]) -> None:
    """Name the second spelling of an expression's key, of which pydantic's schema knows only the first."""
    properties: dict[str, Any] = table.get("properties", {})
    if "when" in properties:
        properties["condition"] = properties["when"]
        table["required"] = [key for key in table.get("required", ()) if key != "when"]
        table["oneOf"] = [{"required": ["when"]}, {"required": ["condition"]}]
