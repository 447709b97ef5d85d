"""`[providers.X.prices]`: what a provider's models cost, over the bundled price table."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from tollway.config.fields import Dollars, Many, Moment, Settings

_UNKNOWN = "Without it, the cost of a request that has any is unknown."

Small = Annotated[Dollars, Field(le=10**12)]
"""At most 1,000 US dollars."""


def _million(what: str) -> str:
    return f"US dollars for a million {what}."


class Further(Settings):
    """What may be priced besides plain input and output."""

    cache_read_per_mtok: Dollars | None = Field(
        default=None,
        description=_million("input tokens read from the provider's cache") + " Without it, `input_per_mtok`.",
    )
    audio_cache_read_per_mtok: Dollars | None = Field(
        default=None,
        description=_million("input tokens of audio read from the provider's cache")
        + " Without it, `audio_input_per_mtok`.",
    )
    cache_write_per_mtok: Dollars | None = Field(
        default=None,
        description=_million("input tokens written to the provider's cache, for its shorter lifetime") + f" {_UNKNOWN}",
    )
    cache_write_1h_per_mtok: Dollars | None = Field(
        default=None, description=_million("input tokens written to it for an hour") + f" {_UNKNOWN}"
    )
    audio_input_per_mtok: Dollars | None = Field(
        default=None, description=_million("input tokens of audio") + f" {_UNKNOWN}"
    )
    audio_output_per_mtok: Dollars | None = Field(
        default=None, description=_million("output tokens of audio") + f" {_UNKNOWN}"
    )
    image_input_per_mtok: Dollars | None = Field(
        default=None, description=_million("input tokens of pictures") + " Without it, `input_per_mtok`."
    )
    image_output_per_mtok: Dollars | None = Field(
        default=None, description=_million("output tokens of pictures") + f" {_UNKNOWN}"
    )
    video_input_per_mtok: Dollars | None = Field(
        default=None, description=_million("input tokens of films") + " Without it, `input_per_mtok`."
    )
    video_output_per_mtok: Dollars | None = Field(
        default=None, description=_million("output tokens of films") + f" {_UNKNOWN}"
    )
    document_input_per_mtok: Dollars | None = Field(
        default=None, description=_million("input tokens of files") + " Without it, `input_per_mtok`."
    )
    reasoning_per_mtok: Dollars | None = Field(
        default=None, description=_million("tokens of thoughts") + " Without it, `output_per_mtok`."
    )


class Other(Further):
    """Prices that go over the usual ones; what is not given stays."""

    input_per_mtok: Dollars | None = Field(default=None, description=_million("input tokens"))
    output_per_mtok: Dollars | None = Field(default=None, description=_million("output tokens"))


class Above(Other):
    """Prices of a request whose whole input, cached or not, is over so many tokens; all of its tokens have them."""

    input_tokens: int = Field(ge=1, le=1 << 40, description="Over so many input tokens.")


Tier = Literal["flex", "priority", "batch", "fast", "scale", "provisioned", "other"]
"""A service tier that is not the usual one (`rust/protocol/src/canonical/tier.rs`)."""


class ServiceTier(Other):
    """Prices of a request that the provider says it served on this tier."""

    multiplier: float = Field(
        default=1,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="So many times the usual price of every token that has none here, `above` included.",
    )


UNITS = ("per_image", "per_audio_minute", "per_million_characters", "per_search_unit", "per_request")
"""Prices of what is not counted in tokens."""


class Rates(Other):
    """What a model costs."""

    web_searches_per_thousand: Small | None = Field(
        default=None, description=f"US dollars for a thousand searches of a built-in tool. {_UNKNOWN}"
    )
    per_image: Small | None = Field(default=None, description="US dollars for each picture that is made.")
    per_audio_minute: Small | None = Field(
        default=None, description="US dollars for a minute of recordings that are heard, to the millisecond."
    )
    per_million_characters: Dollars | None = Field(
        default=None, description="US dollars for a million characters of text that is spoken."
    )
    per_search_unit: Small | None = Field(default=None, description="US dollars for each search unit of a reranker.")
    per_request: Small | None = Field(default=None, description="US dollars for each request, besides its tokens.")
    above: Many[Above] = Field(default=(), description="Other prices for requests with much input.")
    service_tiers: dict[Tier, ServiceTier] = Field(
        default_factory=dict,
        description="Other prices by the tier that the provider says it served a request on. On a tier without any, "
        "the cost of a request is unknown.",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        tokens = {"input_per_mtok", "output_per_mtok"}
        lacking = sorted(name for name in tokens if getattr(self, name) is None)
        if lacking and (len(lacking) < len(tokens) or all(getattr(self, name) is None for name in UNITS)):
            units = ", ".join(f"`{name}`" for name in UNITS)
            raise ValueError(
                f"`{lacking[0]}` is missing: tokens need both prices, a model without tokens one of {units}"
            )
        return self


class Change(Rates):
    """What a model costs from a moment on."""

    since: Moment = Field(
        validation_alias=AliasChoices("from"), serialization_alias="from", description="From this moment on."
    )


class Price(Rates):
    """What a model costs, over the bundled price table."""

    since: Moment | None = Field(
        default=None,
        validation_alias=AliasChoices("from"),
        serialization_alias="from",
        description="From this moment on; before, the price table holds. Without it, always.",
    )
    changes: Many[Change] = Field(default=(), description="Prices that hold from later moments on, each whole.")
