"""`[routes.X]`: the logical models that clients name, and the targets that serve them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field

from tollway.config.fields import Many, Name, NotYet, Settings
from tollway.config.quantities import Duration
from tollway.config.schema_guard import Guardrail, Hook
from tollway.config.schema_server import preset

Expression = Annotated[str, Field(min_length=1, max_length=10_000)]
Model = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]
Retries = Annotated[int, Field(ge=0, le=10)]


def _canonical(strategy: str) -> str:
    return "conditional" if strategy == "content-based" else strategy


Strategy = Annotated[
    Literal[
        "single", "fallback", "weighted", "latency", "least-busy", "cost", "quality", "conditional", "content-based"
    ],
    AfterValidator(_canonical),
]

SERVED = ("single", "fallback", None)
"""The strategies that this version serves; the others are served as `fallback`."""


def when(description: str) -> Any:  # noqa: ANN401 - what a field is assigned is of the type of its annotation
    """A field for a CEL expression, which `condition` names as well as `when`."""
    return Field(validation_alias=AliasChoices("when", "condition"), description=description)


class Target(Settings):
    """A reference to a deployment: a provider, and its name for the model."""

    provider: Name = Field(description="The provider: a table under `[providers]`.")
    model: Model = Field(description="The provider's name for the model.")
    timeout: Duration | None = Field(
        default=None, description="Most time of one attempt in all; the route's if not given."
    )
    first_token: Duration | None = Field(
        default=None, description="Most time until the first content of the answer; the route's if not given."
    )
    idle: Duration | None = Field(default=None, description="Most time between two chunks; the route's if not given.")
    max_retries: Retries | None = Field(
        default=None, description="How often a failed attempt is repeated on this target; the route's if not given."
    )
    weight: Annotated[Weight | None, NotYet()] = Field(
        default=None, description="Share of the requests, with the strategy `weighted`; 1 if not given."
    )


class Rule(Settings):
    """One rule of a conditional route: the target for requests that a CEL expression accepts."""

    when: Expression = when("CEL expression over the request; also spelt `condition`.")
    provider: Name | None = Field(default=None, description="The provider, if the target is not given as `target`.")
    model: Model | None = Field(default=None, description="The provider's name for the model.")
    target: Target | None = Field(default=None, description="The target as a table of its own.")


class Degrade(Settings):
    """Another route for requests that a CEL expression accepts."""

    when: Expression = when("CEL expression, as in `budget.remaining_ratio < 0.1`; also spelt `condition`.")
    route: Name = Field(description="The route that serves instead.")


class Cache(Settings):
    """`[routes.X.cache]`: answers that may be used again."""

    enabled: bool = Field(default=True, description="Whether answers are cached.")
    strategy: Literal["exact", "semantic"] = Field(
        default="exact", description="Whether requests must be equal, or alike."
    )
    similarity_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.92, description="How alike requests must be, with `semantic`."
    )
    ttl: Duration = preset("1h", "How long an answer may be used.")


class Route(Settings):
    """What clients send as `model`. One of: `targets`; `provider` and `model`; `rules` with `default`."""

    strategy: Strategy | None = Field(
        default=None,
        description="How a target is chosen; `single` for one target, `fallback` for several, if not given. "
        "`content-based` means `conditional`. This version serves all but `single` as `fallback`.",
    )
    provider: Name | None = Field(default=None, description="Short for one target: its provider.")
    model: Model | None = Field(default=None, description="Short for one target: its model.")
    targets: Many[Target] | None = Field(default=None, description="The targets, in the order in which they are tried.")
    rules: Annotated[Many[Rule] | None, NotYet()] = Field(
        default=None, description="The rules of a conditional route, in the order in which they are asked."
    )
    default: Target | None = Field(default=None, description="The target of a conditional route when no rule accepts.")
    timeout: Duration = preset("600s", "Most time of one attempt in all, for targets that do not say.")
    first_token: Duration | None = Field(
        default=None, description="Most time until the first content of the answer; `timeout` if not given."
    )
    idle: Duration = preset("120s", "Most time between two chunks, for targets that do not say.")
    max_retries: Retries = Field(
        default=2, description="How often a failed attempt is repeated on the same target, for targets that do not say."
    )
    context_window_fallback: Annotated[Name | None, NotYet()] = Field(
        default=None, description="Route that serves when a request is too long for this one."
    )
    content_policy_fallback: Annotated[Name | None, NotYet()] = Field(
        default=None, description="Route that serves when this one's provider refuses the content."
    )
    degrade: Annotated[Many[Degrade], NotYet()] = Field(default=(), description="Other routes for tight times.")
    on_exceed: Annotated[Literal["reject", "queue", "degrade", "deprioritise"], NotYet()] = Field(
        default="reject", description="What happens to requests over our own limits."
    )
    on_lossy: Literal["flag", "reject"] = Field(
        default="flag",
        description="What happens to requests of which a target cannot say everything: what is lost is named in "
        "`x-tollway-flags`, or the request is refused.",
    )
    hooks: Many[Hook] = Field(default=(), description="Policy hooks, in the order in which they are called.")
    guardrails: Many[Guardrail] = Field(default=(), description="Checks of this route's requests and answers.")
    cache: Annotated[Cache | None, NotYet()] = Field(default=None, description="Whether answers may be used again.")
