"""Guardrails and policy hooks, which routes (and guardrails, keys too) list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tollway.config.fields import Call, Many, Settings
from tollway.config.quantities import Duration
from tollway.config.schema_server import preset

Entity = Literal["email", "card", "phone"]
OnFailure = Literal["open", "closed"]


class Guardrail(Settings):
    """One check of what is sent or answered, with a verdict."""

    type: Literal["pii"] = Field(description="Which check: `pii` finds personal data.")
    entities: Many[Entity] = Field(default=("email", "card", "phone"), min_length=1, description="What is looked for.")
    on: Literal["input", "output", "both"] = Field(default="both", description="What is inspected.")
    action: Literal["mask", "reject", "flag"] = Field(default="mask", description="What happens to a find.")
    restore: bool = Field(
        default=False, description="Whether what was masked in the request is put back in the answer; with `mask` only."
    )
    on_failure: OnFailure = Field(
        default="closed", description="When the check itself fails: `closed` refuses the request, `open` lets it pass."
    )


class Hook(Settings):
    """One call of the operator's own Python."""

    call: Call = Field(description="The function to call: `module:function`, sync or async.")
    on: Literal["request", "response"] = Field(default="request", description="What the hook sees.")
    timeout: Duration = preset("1s", "How long the hook may take.")
    on_failure: OnFailure = Field(
        default="closed",
        description="When the hook fails or is late: `closed` refuses the request, `open` lets it pass.",
    )
