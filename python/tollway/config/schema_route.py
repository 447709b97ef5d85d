"""`[routes.X]`: the logical models that clients name, and the targets that serve them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field

from tollway.config.fields import Many, Name, NotYet, Settings
from tollway.config.quantities import Duration, Size
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


def when(description: str) -> Any:  # noqa: ANN401 - what a field is assigned is of the type of its annotation
    """A field for a CEL expression, which `condition` names as well as `when`."""
    return Field(validation_alias=AliasChoices("when", "condition"), description=description)


Share = Annotated[float, Field(ge=0, le=1)]
Sticky = Literal["user", "session", "key", "prompt"]
Ability = Literal["images", "audio", "documents", "tools", "json"]


class Deployment(Settings):
    """A provider and its name for the model, or another route."""

    provider: Name | None = Field(default=None, description="The provider: a table under `[providers]`.")
    model: Model | None = Field(default=None, description="The provider's name for the model.")
    route: Name | None = Field(default=None, description="Another route, in place of a provider and a model.")
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
    context_window: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The most tokens of a request and its answer. Longer requests go elsewhere."
    )
    supports: Many[Ability] | None = Field(
        default=None, description="What the model takes besides text. Requests with anything else go elsewhere."
    )
    tiers: Many[Name] = Field(default=(), description="The tiers of keys that it serves; all if not given.")
    pin: Model | None = Field(default=None, description="The name of the model that must answer.")
    on_drift: Literal["alert", "error"] = Field(
        default="alert",
        description="What happens when another model than `pin` answers: an alert, or the attempt counts as failed.",
    )


class Target(Deployment):
    """One of a route's targets."""

    weight: Weight | None = Field(
        default=None, description="Share of the requests, with the strategy `weighted`; 1 if not given."
    )


class Rule(Settings):
    """One rule of a conditional route: the target for requests that a CEL expression accepts."""

    when: Expression = when("CEL expression over the request; also spelt `condition`.")
    provider: Name | None = Field(default=None, description="The provider, if the target is not given as `target`.")
    model: Model | None = Field(default=None, description="The provider's name for the model.")
    route: Name | None = Field(default=None, description="Another route, in place of a provider and a model.")
    target: Deployment | None = Field(default=None, description="The target as a table of its own.")


class Degrade(Settings):
    """What is done instead for requests that a CEL expression accepts: another route, a shorter or a fixed answer."""

    when: Expression = when("CEL expression, as in `deadline.left_ms < 500`; also spelt `condition`.")
    route: Name | None = Field(default=None, description="The route that serves instead.")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The most tokens of the answer, where the request allows more."
    )
    answer: Annotated[str, Field(min_length=1, max_length=100_000)] | None = Field(
        default=None, description="The text that is answered, without asking a model."
    )


class Hedge(Settings):
    """A second send, to another target, beside one that is slow to answer."""

    delay: Literal["p50", "p75", "p90", "p95", "p98", "p99"] | Duration = Field(
        default="p98", description="How long the first may take: a time, or a percentile of those that were observed."
    )
    share: Share = Field(default=0.1, description="Second sends, at most, as a share of the route's requests.")


class Canary(Deployment):
    """A share of the requests that goes to another target."""

    share: Share = Field(description="The share of the requests, from 0 to 1.")
    sticky: Sticky = Field(default="user", description="Whose requests all go the same way.")


class Shadow(Deployment):
    """A copy of some requests to another target, whose answers are recorded and not used."""

    share: Share = Field(default=1.0, description="The share of the requests that are copied, from 0 to 1.")
    max_usd_per_day: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="What the copies may cost a day, in dollars; each replica counts for itself."
    )


class RetryBudget(Settings):
    """What of a route's traffic may be sent again."""

    share: Share = Field(default=0.2, description="Repeated sends, at most, as a share of the route's requests.")
    floor: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=3.0, description="Repeated sends a second that are allowed whatever the traffic."
    )


def _origin(text: str) -> str:
    url = urlsplit(text.lower())
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise ValueError("give an origin, as in `http://127.0.0.1:9000`")
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError("an origin has no path: give `http://127.0.0.1:9000` alone")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}:{port}"


Origin = Annotated[str, AfterValidator(_origin)]
"""An origin with its port (RFC 6454)."""

MediaType = Annotated[str, Field(pattern=r"^([a-z]+|\*)/(\*|[a-z0-9][a-z0-9.+-]*)$", max_length=100)]


class Attachments(Settings):
    """`[routes.X.attachments]`: what of pictures, recordings, films and files a request may hold.

    Where it stands, each is checked: it must be base64, and be what it is said to be.
    """

    max_bytes: Size | None = Field(default=None, description="Most bytes of each.")
    max_count: Annotated[int, Field(ge=0, le=10_000)] | None = Field(default=None, description="Most of them.")
    types: Many[MediaType] = Field(
        default=(), description="Their media types, as in `image/png` or `image/*`; all if not given."
    )
    urls: Literal["pass", "refuse", "fetch"] = Field(
        default="pass",
        description="What stands at a URL: the provider fetches it, the request is refused, or the gateway fetches it "
        "(by https, from public addresses alone) and sends the data.",
    )
    fetch_origins: Many[Origin] = Field(
        default=(),
        description='With `urls = "fetch"`: origins that may be fetched from wherever they are, also by http.',
    )
    fetch_timeout: Duration = preset("10s", "Most time of all that is fetched for a request.")


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
        "`content-based` means `conditional`.",
    )
    provider: Name | None = Field(default=None, description="Short for one target: its provider.")
    model: Model | None = Field(default=None, description="Short for one target: its model.")
    targets: Many[Target] | None = Field(default=None, description="The targets, in the order in which they are tried.")
    rules: Many[Rule] | None = Field(
        default=None, description="The rules of a conditional route, in the order in which they are asked."
    )
    sticky: Sticky | None = Field(
        default=None,
        description="What requests have in common that go to the same target as long as it is well: the `user`, the "
        "`session`, the `key`, or how the `prompt` begins, so that a provider's prompt cache is hit.",
    )
    canary: Canary | None = Field(default=None, description="A share of the requests that goes to another target.")
    shadow: Shadow | None = Field(default=None, description="A copy of some requests, whose answers are not used.")
    fallbacks: Many[Name] | None = Field(
        default=None,
        description="Routes that serve when all targets have failed; `resilience.default_fallbacks` if not given.",
    )
    deadline: Duration | None = Field(
        default=None,
        description="Most time of a request in all, over all its attempts. `x-tollway-timeout` shortens it.",
    )
    hedge: Hedge | None = Field(default=None, description="A second send beside one that is slow to answer.")
    retry_budget: RetryBudget | None = Field(
        default=None, description="What may be sent again; `resilience.retry_budget` if not given."
    )
    default: Deployment | None = Field(
        default=None, description="The target of a conditional route when no rule accepts."
    )
    timeout: Duration = preset("600s", "Most time of one attempt in all, for targets that do not say.")
    first_token: Duration | None = Field(
        default=None, description="Most time until the first content of the answer; `timeout` if not given."
    )
    idle: Duration = preset("120s", "Most time between two chunks, for targets that do not say.")
    max_retries: Retries = Field(
        default=2, description="How often a failed attempt is repeated on the same target, for targets that do not say."
    )
    context_window_fallback: Name | None = Field(
        default=None, description="Route that serves when a request is too long for this one."
    )
    content_policy_fallback: Name | None = Field(
        default=None, description="Route that serves when this one's provider refuses the content."
    )
    degrade: Many[Degrade] = Field(
        default=(), description="What is done instead in tight times: the first whose rule holds."
    )
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
    attachments: Attachments | None = Field(
        default=None,
        description="What a request may hold besides text, such as pictures; anything if not given.",
    )
    cache: Annotated[Cache | None, NotYet()] = Field(default=None, description="Whether answers may be used again.")
