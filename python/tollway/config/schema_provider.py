"""`[providers.X]`: who answers, and with which credentials. One model for each bundled provider's `type`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, create_model

from tollway.config.fields import (
    BaseUrl,
    Call,
    FilePath,
    HeaderName,
    Hidden,
    Many,
    MemberPath,
    Name,
    ProxyUrl,
    SecretRef,
    Settings,
    Word,
)
from tollway.config.quantities import Delay, Duration
from tollway.config.schema_credentials import AnyAuth
from tollway.config.schema_price import Price
from tollway.config.schema_resilience import Breaker, HealthCheck
from tollway.config.schema_server import preset
from tollway.providers.contract import CONFIGURED, Dialect, Option, Provider, providers


class PooledKey(Settings):
    """One credential of a pool."""

    key: SecretRef = Field(description="The credential.")
    weight: int = Field(default=1, ge=0, le=1_000_000, description="Its share of the requests; 0 takes it out.")


class ProviderSettings(Settings):
    """What every provider has."""

    type: str = Field(description="The provider's module.")
    region: Name | None = Field(default=None, description="Where the provider is, for data policies.")
    tags: Many[Name] = Field(default=(), description="What the provider guarantees, for data policies.")
    prices: dict[str, Price] = Field(
        default_factory=dict, description="Prices by the provider's name of the model, over the price table."
    )
    breaker: Breaker | None = Field(
        default=None, description="When a deployment of this provider is left alone; `resilience.breaker` if not given."
    )


class HttpProviderSettings(ProviderSettings):
    """What every provider that is called over HTTP has."""

    base_url: BaseUrl | None = Field(default=None, description="Where the API starts; the module has a default.")
    dialects: Annotated[Many[Dialect], Field(min_length=1)] | None = Field(
        default=None,
        description="What the server speaks, the one that others are translated to first; the module has a default.",
    )
    api_key: SecretRef | None = Field(default=None, description="The credential. Either this, `api_keys` or `auth`.")
    api_keys: Annotated[Many[PooledKey], Field(max_length=1000)] | None = Field(
        default=None, description="A pool of credentials, used by weight."
    )
    auth: AnyAuth | None = Field(
        default=None,
        description="A credential that is fetched and refreshed, in place of `api_key`; the module may have a default.",
    )
    headers: Annotated[dict[HeaderName, SecretRef], Hidden()] = Field(
        default_factory=dict,
        description="Headers that every request to the provider carries; values may be references.",
    )
    drop_params: Many[MemberPath] = Field(
        default=(), description="Members of requests that the server refuses, besides those that the module knows."
    )
    rename_params: dict[MemberPath, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Members of requests that the server knows by another name."
    )
    health_check: HealthCheck | None = Field(
        default=None, description="How the server is asked whether it serves; only requests find out if not given."
    )
    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust instead of the system's."
    )
    proxy: ProxyUrl | None = Field(default=None, description="HTTP proxy: `http://HOST:PORT`.")
    http2: Literal["auto", "prior", "off"] = Field(
        default="auto", description="HTTP/2: where ALPN offers it, always (also without TLS), or never."
    )
    fetches_urls: bool | None = Field(
        default=None,
        description="Whether the server fetches what stands at a URL in a request; as its module declares if not "
        "given. Where it does not, such requests go elsewhere.",
    )
    connect_timeout: Duration = preset("5s", "How long connecting may take, TLS included.")
    max_connections: int = Field(default=16_384, ge=1, le=1 << 24, description="Most connections to the provider.")
    max_connection_age: Duration = preset("5m", "After how long a connection takes no further request.")
    dns_ttl: Duration = preset(
        "30s", "How long the addresses of the provider's name are used before it is looked up anew."
    )


def _option(option: Option) -> tuple[Any, Any]:
    kinds: dict[str, Any] = {
        "delay": Delay,
        "count": Annotated[int, Field(ge=0, le=1 << 32)],
        "status": Annotated[int, Field(ge=400, le=599)],
        "word": Word,
    }
    kind = kinds[option.kind]
    if option.default is None:
        return kind | None, Field(default=None, description=option.description)
    return kind, Field(default=option.default, validate_default=True, description=option.description)


def _model(type_name: str, provider: Provider) -> type[ProviderSettings]:
    """The model of one `type`: what all have, whether its `base_url` must be given, and its own options."""
    base = HttpProviderSettings if provider.kind == "http" else ProviderSettings
    # A Literal of a run-time value: the names are those of the modules that are found.
    fields: dict[str, Any] = {"type": (Literal[type_name], Field(description=provider.title))}
    if provider.kind == "http" and provider.base_url is None:
        fields["base_url"] = (BaseUrl, Field(description="Where the API starts."))
    if provider.adapter == CONFIGURED:
        fields["adapter"] = (Call, Field(description="The class that translates: `module:Class`."))
    if provider.adapter is not None:
        fields["adapter_timeout"] = (Duration, preset("1s", "How long one call of the adapter may take."))
    fields |= {option.name: _option(option) for option in provider.options}
    name = "".join(part.title() for part in type_name.split("-"))
    return create_model(
        f"{name}Provider", __base__=base, __doc__=f'`type = "{type_name}"`: {provider.title}.', **fields
    )


MODELS = {name: _model(name, provider) for name, provider in providers().items()}
"""The model of each `type`."""

USUAL = frozenset({"mock", "openai"})
"""Two types that are always known: a union of variants needs as many."""


def any_of(types: Collection[str]) -> Any:  # noqa: ANN401 - a type
    """What a provider of one of these types is."""
    chosen = tuple(model for name, model in MODELS.items() if name in types or name in USUAL)
    return Annotated[Union[chosen], Field(discriminator="type")]  # noqa: UP007


if TYPE_CHECKING:
    AnyProvider = ProviderSettings
else:
    AnyProvider = any_of(MODELS)


def adapter_of(settings: ProviderSettings) -> str | None:
    """The adapter of a provider with these settings, as `module:Class`, if it has one."""
    declared = providers()[settings.type].adapter
    return getattr(settings, "adapter", None) if declared == CONFIGURED else declared
