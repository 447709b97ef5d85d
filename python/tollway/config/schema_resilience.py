"""`[resilience]`: how the gateway tells that a deployment is ill, and what holds for routes that do not say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from tollway.config.fields import Many, Name, Settings
from tollway.config.quantities import Duration
from tollway.config.schema_route import Expression, RetryBudget, Share, when
from tollway.config.schema_server import preset

Count = Annotated[int, Field(ge=1, le=100_000)]


class Breaker(Settings):
    """When a deployment is left alone, and for how long. Rate limits are no failures: they have their own waits."""

    consecutive: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=5, description="Failures in a row that open the breaker; 0 for never."
    )
    ratio: Share = Field(default=0.5, description="Share of failures in the window that opens it.")
    window: Duration = preset("10s", "Time over which the share is taken.")
    min_requests: Count = Field(default=20, description="Attempts in the window below which the share says nothing.")
    cooldown: Duration = preset("5s", "Time that it stays open at first; doubled each time that a probe fails.")
    max_cooldown: Duration = preset("60s", "Longest time that it stays open.")
    probes: Count = Field(default=1, description="Requests at a time that find out whether the deployment is back.")


class HealthCheck(Settings):
    """How a server is asked, now and then, whether it serves: by GET, with its credential."""

    path: Annotated[str, StringConstraints(pattern=r"^/[\x21\x23-\x7e]*$")] = Field(
        description="What is asked for, on the host of `base_url` and not under its path, such as `/health`."
    )
    interval: Duration = preset("10s", "Time from one check to the next.")
    timeout: Duration = preset("2s", "How long a check may take.")
    unhealthy: Count = Field(default=3, description="Checks that fail in a row after which nothing is sent to it.")


class Outlier(Settings):
    """When a target that answers, but slowly, goes behind the others of its route."""

    factor: Annotated[float, Field(ge=1)] = Field(
        default=3.0, description="How many times the median of its peers the first token must take."
    )
    min_latency: Duration = preset("100ms", "By how much longer than its peers a slow target must take at least.")


class Resilience(Settings):
    """What holds for every deployment and route that does not say otherwise."""

    breaker: Breaker = Field(default_factory=Breaker, description="When a deployment is left alone.")
    outlier: Outlier | None = Field(
        default=None, description="When slow targets go behind the others; never if not given."
    )
    panic_threshold: Share = Field(
        default=0.5, description="Where fewer of a route's targets than this share are well, how they are is ignored."
    )
    retry_budget: RetryBudget = Field(default_factory=RetryBudget, description="What may be sent again.")
    default_fallbacks: Many[Name] = Field(default=(), description="Routes that serve when all targets have failed.")


class TaskType(Settings):
    """A task type, and the requests that are of it."""

    name: Name = Field(description="The type, as rules and records name it.")
    when: Expression = when("CEL expression over the request; also spelt `condition`.")
