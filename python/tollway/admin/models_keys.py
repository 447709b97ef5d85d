"""Keys and scopes: what the admin API takes, and what it says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from tollway.admin.models import Shown, example
from tollway.admin.moments import Expiry
from tollway.admin.reading import Query
from tollway.config.fault import fault
from tollway.config.fields import Many, Name, Settings
from tollway.config.quantities import DURATION_UNITS, Delay
from tollway.config.schema_access import (
    Budgets,
    Callbacks,
    DataPolicy,
    LimitsLater,
    Metadata,
    Priority,
    Tags,
)
from tollway.config.schema_guard import Guardrail

Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Limit = Annotated[int, Field(ge=1, le=1000, description="Most entries of the answer.")]
Cursor = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=r"^[\x21-\x7e]*$"),
    Field(description="`next` of the page before."),
]

LONGEST_GRACE = 90
"""Days for which a secret may work on beside the next."""


def _grace(milliseconds: int) -> int:
    if milliseconds > LONGEST_GRACE * DURATION_UNITS["d"]:
        raise fault("out-of-range", "the grace period is too long", f'write at most "{LONGEST_GRACE}d"')
    return milliseconds


Grace = Annotated[Delay, AfterValidator(_grace)]

_KEY_SETTINGS: dict[str, JsonValue] = {
    "name": "Ticket summaries",
    "team": "data-science",
    "project": "tickets",
    "environment": "dev",
    "models": ["primary-summarization"],
    "expires": "2027-01-31T12:00:00Z",
    "budgets": [{"usd": 50, "per": "month"}],
    "limits": {"rpm": 100},
    "data_policy": {"regions": ["eu"], "require_tags": ["baa"]},
    "tags": ["nightly"],
    "metadata": {"owner": "Ada Lovelace"},
}


class KeySettings(Settings):
    """The settings of a key. Of a change, what is not named stays as it is, and null clears."""

    model_config = example(**_KEY_SETTINGS)

    name: Label | None = Field(default=None, description="What people call the key.")
    organisation: Name | None = Field(default=None, description="Organisation that the key's use counts for.")
    tenant: Name | None = Field(default=None, description="Tenant that the key's use counts for.")
    team: Name | None = Field(default=None, description="Team that the key's use counts for.")
    project: Name | None = Field(default=None, description="Project that the key's use counts for.")
    environment: Name | None = Field(default=None, description="Environment that the key's use counts for.")
    user: Name | None = Field(default=None, description="User that counts where the caller names none.")
    agent: Name | None = Field(default=None, description="Agent that counts where the caller names none.")
    priority: Priority | None = Field(default=None, description="Who goes first when requests wait.")
    models: Many[Name] | None = Field(default=None, description="Routes that the key may use; all if not given.")
    files: Many[Name] | None = Field(default=None, description="Providers whose files and batches the key may use.")
    passthrough: Many[Name] | None = Field(
        default=None, description="Providers of which the key may use everything, by `/passthrough/PROVIDER/…`."
    )
    expires: Expiry | None = Field(default=None, description="When the key stops working.")
    budgets: Budgets | None = Field(default=None, description="Budgets of the key.")
    limits: LimitsLater = Field(default=None, description="Rate limits of the key.")
    guardrails: Many[Guardrail] | None = Field(default=None, description="Checks of the key's requests and answers.")
    data_policy: DataPolicy | None = Field(default=None, description="Where the key's data may go.")
    callbacks: Callbacks | None = Field(
        default=None, description="URLs below which answers of the key's jobs may be posted."
    )
    tags: Tags | None = Field(default=None, description="Tags of every request of the key.")
    metadata: Metadata | None = Field(default=None, description="Texts of your own.")


class Rotation(Settings):
    """How a key is rotated."""

    model_config = example(grace="1h")

    grace: Grace = Field(default=0, description="How long the old secret works on, beside the new one: at most 90d.")


class KeyShown(Shown):
    """A key's settings, as far as they were given."""

    name: str | None = None
    organisation: str | None = None
    tenant: str | None = None
    team: str | None = None
    project: str | None = None
    environment: str | None = None
    user: str | None = None
    agent: str | None = None
    priority: str | None = None
    models: list[str] | None = None
    files: list[str] | None = None
    passthrough: list[str] | None = None
    expires: int | None = Field(default=None, description="Seconds since 1970 (UTC).")
    budgets: list[dict[str, JsonValue]] | None = None
    limits: dict[str, JsonValue] | None = None
    guardrails: list[dict[str, JsonValue]] | None = None
    data_policy: dict[str, JsonValue] | None = None
    callbacks: list[str] | None = None
    tags: list[str] | None = None
    metadata: dict[str, str] | None = None


_KEY: dict[str, JsonValue] = {
    "id": "k3v9x2m4q8ta",
    "source": "store",
    "settings": {**_KEY_SETTINGS, "expires": 1801396800},
    "state": "active",
    "created_us": 1793620800000000,
    "updated_us": 1793620800000000,
    "revoked_us": None,
    "rotated_us": None,
    "previous_until_us": None,
    "version": 1,
}


class Key(Shown):
    """A virtual key, as policy. Neither the key nor its hash is ever shown."""

    model_config = example(**_KEY)

    id: str = Field(description="The key's public id: its name in the configuration, or the one that it was given.")
    source: Literal["config", "store"] = Field(description="Where it is declared; `config` can be changed there alone.")
    settings: KeyShown = Field(description="What it may do, and what its use counts for.")
    state: Literal["active", "revoked", "expired"] = Field(description="Whether it works.")
    created_us: int | None = Field(default=None, description="When it was made.")
    updated_us: int | None = Field(default=None, description="When its settings were changed last.")
    revoked_us: int | None = Field(default=None, description="When it was revoked.")
    rotated_us: int | None = Field(default=None, description="When its secret was changed last.")
    previous_until_us: int | None = Field(default=None, description="Until when the secret before works too.")
    version: int | None = Field(default=None, description="Counts its changes.")


class NewKey(Key):
    """A key with its secret, which no other answer holds."""

    model_config = example(**_KEY, secret="tw-ID-SECRET")  # noqa: S106 - says its shape

    secret: str = Field(description="What callers send. It is shown this once.")


class Keys(Shown):
    """One page of keys."""

    model_config = example(data=[_KEY], next="k3v9x2m4q8ta")

    data: list[Key]
    next: str | None = Field(description="`after` of the next page; null on the last.")


class KeyQuery(Query):
    """Which keys."""

    limit: Limit = 100
    after: Cursor | None = None
    team: Name | None = Field(default=None, description="Of this team.", examples=["data-science"])
    project: Name | None = Field(default=None, description="Of this project.")
    environment: Name | None = Field(default=None, description="Of this environment.")
    state: Literal["active", "revoked", "expired"] | None = Field(default=None, description="In this state.")


class PageQuery(Query):
    """Which page."""

    limit: Limit = 100
    after: Cursor | None = None


class ScopeSettings(Settings):
    """What applies to all requests that count for a scope. Of a change, what is not named stays, and null clears."""

    model_config = example(limits={"rpm": 1000}, budgets=[{"usd": 500, "per": "month"}])

    budgets: Budgets | None = Field(default=None, description="Budgets of the scope.")
    limits: LimitsLater = Field(default=None, description="Rate limits of the scope.")


class TeamSettings(ScopeSettings):
    """The settings of a team, which may also narrow the routes of its keys."""

    model_config = example(models=["primary-summarization"], limits={"rpm": 1000})

    models: Many[Name] | None = Field(default=None, description="Routes that its keys may use; all if not given.")


class NewScope(ScopeSettings):
    """A scope to be declared."""

    model_config = example(name="tickets", limits={"rpm": 1000})

    name: Name = Field(description="Its name.")


class NewTeam(TeamSettings):
    """A team to be declared."""

    model_config = example(name="data-science", models=["primary-summarization"], limits={"rpm": 1000})

    name: Name = Field(description="Its name.")


class ScopeShown(Shown):
    """A scope's settings, as far as they were given."""

    models: list[str] | None = None
    budgets: list[dict[str, JsonValue]] | None = None
    limits: dict[str, JsonValue] | None = None


_SCOPE: dict[str, JsonValue] = {
    "kind": "team",
    "name": "data-science",
    "source": "store",
    "settings": {"models": ["primary-summarization"], "limits": {"rpm": 1000}},
    "created_us": 1793620800000000,
    "updated_us": 1793620800000000,
    "version": 1,
}


class Scope(Shown):
    """What requests count for, such as a team or a project."""

    model_config = example(**_SCOPE)

    kind: str = Field(description="`team`, `project`, …")
    name: str = Field(description="Its name.")
    source: Literal["config", "store"] = Field(description="Where it is declared; `config` can be changed there alone.")
    settings: ScopeShown = Field(description="What applies to it.")
    created_us: int | None = Field(default=None, description="When it was made.")
    updated_us: int | None = Field(default=None, description="When it was changed last.")
    version: int | None = Field(default=None, description="Counts its changes.")


class Scopes(Shown):
    """One page of scopes of one kind."""

    model_config = example(data=[_SCOPE], next=None)

    data: list[Scope]
    next: str | None = Field(description="`after` of the next page; null on the last.")
