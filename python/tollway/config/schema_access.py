"""The tables of who may call and how much: keys, teams and the other scopes, with limits, budgets and policies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tollway.config.fields import CallbackUrl, Dollars, Hidden, Many, Moment, Name, NotYet, SecretRef, Settings
from tollway.config.schema_guard import Guardrail

Priority = Literal["interactive", "standard", "batch"]
Metadata = Annotated[dict[Name, Annotated[str, Field(max_length=500)]], Field(max_length=32)]
Tags = Annotated[Many[Name], Field(max_length=32)]
Callbacks = Annotated[Many[CallbackUrl], Field(max_length=32)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]


class Limits(Settings):
    """Rate limits of a scope: requests and tokens in a minute, an hour or a day, and requests at a time."""

    rpm: Count | None = Field(default=None, description="Most requests in a minute.")
    rph: Count | None = Field(default=None, description="Most requests in an hour.")
    rpd: Count | None = Field(default=None, description="Most requests in a day.")
    tpm: Count | None = Field(default=None, description="Most tokens in a minute.")
    tph: Count | None = Field(default=None, description="Most tokens in an hour.")
    tpd: Count | None = Field(default=None, description="Most tokens in a day.")
    concurrency: Count | None = Field(default=None, description="Most requests at a time.")


class Budget(Settings):
    """What a scope may spend in a period."""

    usd: Dollars = Field(description="US dollars that may be spent in each period.")
    per: Literal["hour", "day", "week", "month", "year", "total"] = Field(description="The period.")
    alert_at: Ratio | None = Field(default=None, description="Share of the budget at which an alert is raised.")
    environment: Name | None = Field(default=None, description="Counts only requests of this environment.")
    mode: Literal["soft", "hard", "strict"] = Field(
        default="hard",
        description="soft: only alerts; hard: refuses once spent; strict: also refuses while shared limits are away.",
    )


Budgets = Annotated[Many[Budget], NotYet()]
LimitsLater = Annotated[Limits | None, NotYet()]


class Scope(Settings):
    """`[organisations.X]`, `[tenants.X]`, `[projects.X]`, `[environments.X]`, `[users.X]`, `[agents.X]`, `[tags.X]`."""

    budgets: Budgets = Field(default=(), description="Budgets of this scope.")
    limits: LimitsLater = Field(default=None, description="Rate limits of this scope.")


class Team(Scope):
    """`[teams.X]`: a scope that may also narrow the routes of its keys."""

    models: Many[Name] | None = Field(
        default=None, description="Routes that the team's keys may use; all if not given."
    )


class DataPolicy(Settings):
    """Where a key's data may go. A target whose provider does not satisfy it is never tried."""

    regions: Many[Name] | None = Field(default=None, description="Regions a provider must be in; any if not given.")
    require_tags: Many[Name] = Field(default=(), description="Tags that a provider must have, all of them.")
    classes: Annotated[Many[Name] | None, NotYet()] = Field(
        default=None, description="Classes of data that the key may send."
    )


class Key(Settings):
    """`[keys.X]`: a virtual key; X is its public id."""

    secret: SecretRef | None = Field(
        default=None, description="The key that callers send: 16 or more characters. Either this or `hash`."
    )
    # Hidden: what stands here by mistake is the key itself.
    hash: Annotated[Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None, Hidden()] = Field(
        default=None, description="The key's hash under `server.secret`, from `tollway keys hash`."
    )
    organisation: Name | None = Field(default=None, description="Organisation that the key's use counts for.")
    tenant: Name | None = Field(default=None, description="Tenant that the key's use counts for.")
    team: Name | None = Field(default=None, description="Team that the key's use counts for.")
    project: Name | None = Field(default=None, description="Project that the key's use counts for.")
    environment: Name | None = Field(default=None, description="Environment that the key's use counts for.")
    user: Name | None = Field(
        default=None, description="User that the key's use counts for, where the caller names none."
    )
    agent: Name | None = Field(
        default=None, description="Agent that the key's use counts for, where the caller names none."
    )
    priority: Annotated[Priority, NotYet()] = Field(
        default="standard", description="Who goes first when requests wait; it is recorded with each request."
    )
    tier: Name | None = Field(default=None, description="The key's tier, for targets that serve some tiers only.")
    models: Many[Name] | None = Field(default=None, description="Routes that the key may use; all if not given.")
    files: Many[Name] = Field(
        default=(), description="Providers whose files and batches the key may use, all of their account's."
    )
    passthrough: Many[Name] = Field(
        default=(), description="Providers of which the key may use everything, by `/passthrough/PROVIDER/…`."
    )
    expires: Moment | None = Field(default=None, description="When the key stops working.")
    revoked: bool = Field(default=False, description="Whether the key has been withdrawn.")
    budgets: Budgets = Field(default=(), description="Budgets of this key.")
    limits: LimitsLater = Field(default=None, description="Rate limits of this key.")
    guardrails: Many[Guardrail] = Field(default=(), description="Checks of this key's requests and answers.")
    data_policy: DataPolicy | None = Field(default=None, description="Where this key's data may go.")
    callbacks: Callbacks = Field(
        default=(), description="URLs below which answers of the key's jobs may be posted; none if not given."
    )
    callback_secret: SecretRef | None = Field(
        default=None, description="Signs those posts, in `x-tollway-signature`. At least 16 characters."
    )
    tags: Tags = Field(default=(), description="Tags of every request of the key, besides those that the caller gives.")
    metadata: Metadata = Field(
        default_factory=dict, description="Texts of your own, kept with the key and shown with it."
    )
