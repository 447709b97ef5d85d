"""Credentials that are fetched: a source for each way to one, as the data plane and the control plane know it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tollway.config.schema_credentials import AwsAuth, AzureAuth, GoogleAuth, IbmAuth, OAuthAuth
from tollway.config.secrets import Reference, Secret

Auth = AwsAuth | GoogleAuth | AzureAuth | IbmAuth | OAuthAuth

MODELS: dict[str, type[Auth]] = {"aws": AwsAuth, "google": GoogleAuth, "azure": AzureAuth}
"""Of the kinds that a provider's module may declare: they need no settings."""

FILES = frozenset(("file", "certificate", "token_file"))
"""The settings that name a file."""

_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PREFIXES = {
    "aws": ("AWS_",),
    "google": ("GOOGLE_", "GCE_", "NO_GCE_CHECK", "CLOUDSDK_CONFIG", "AWS_"),
    "azure": ("AZURE_", "IDENTITY_", "IMDS_ENDPOINT", "MSI_"),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """`auth` of a provider with every default and reference settled.

    `source` names it: the same for all that ask for the same in the same way. `region` and `service` are for signing.
    """

    source: str
    kind: str
    given: dict[str, Any] = field(repr=False)
    region: str | None = None
    service: str | None = None

    def to_snapshot(self) -> dict[str, str | None]:
        """`auth` of a provider in the snapshot: nothing secret."""
        kind = "sigv4" if self.kind == "aws" else "bearer"
        return {"source": self.source, "kind": kind, "region": self.region, "service": self.service}


def source_of(auth: Auth, base: Path) -> str:
    """16 hexadecimal digits of a SHA-256 over the settings, references as they are written.

    A secret that is replaced where it is kept leaves the source as it was: the old credential serves until there is a
    new one.
    """
    written = {name: _written(name, getattr(auth, name), base) for name in type(auth).model_fields}
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


def _written(name: str, value: object, base: Path) -> object:
    if isinstance(value, Reference):
        if value.literal is not None:
            return ["literal", hashlib.sha256(value.literal.reveal().encode()).hexdigest()]
        return [value.scheme, str(base / value.place) if value.scheme == "file" else value.place]
    return str(base / str(value)) if name in FILES and value is not None else value


def _environment(kinds: set[str]) -> dict[str, str]:
    """The variables of this process that libraries of these kinds go by: the control plane is told no others."""
    prefixes = tuple(prefix for kind in kinds for prefix in _PREFIXES.get(kind, ()))
    return {
        name: value
        for name, value in os.environ.items()
        if name in (*_NETWORK, *_AUTHORITIES) or name.startswith(prefixes)
    }


def compile_credentials(settled: dict[str, Settled]) -> dict[str, Any] | None:
    """What the control plane needs to keep the credentials of the providers: it holds secrets. `None` for nothing."""
    if not settled:
        return None
    found: dict[str, dict[str, Any]] = {}
    for provider, one in settled.items():
        known = found.setdefault(
            one.source,
            {
                "source": one.source,
                "kind": one.kind,
                "providers": [],
                "given": {name: _revealed(value) for name, value in one.given.items()},
            },
        )
        known["providers"].append(provider)
    return {"environment": _environment({one.kind for one in settled.values()}), "sources": list(found.values())}


def _revealed(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value
