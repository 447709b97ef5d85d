"""A source of credentials as a gateway has it: from a configuration, by way of what its control plane is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.toml import render
from tollway.config import api as config
from tollway.credentials.fetch import fetch
from tollway.credentials.settings import Settings, Source
from tollway.credentials.value import FetchError, Value
from tollway.errors import ConfigError

Auth: TypeAlias = Mapping[str, object]
Fetch: TypeAlias = Callable[[Auth], Value]

PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GCE_", "IDENTITY_", "MSI_", "CLOUDSDK_")
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def alone(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Leave nothing of this machine's own credentials: no variable, no home."""
    for name in [*filter(lambda name: name.startswith(PREFIXES) or name in NETWORK, os.environ)]:
        patch.delenv(name)
    patch.setenv("HOME", str(folder))


def write(folder: Path, auth: Auth | None, **provider: object) -> Path:
    """A configuration with one provider that has this `auth`."""
    settings = {"type": "openai-compatible", "base_url": "http://127.0.0.1:1/v1", **provider}
    document = {"providers": {"cloud": settings if auth is None else settings | {"auth": auth}}}
    file = folder / "tollway.toml"
    file.write_text(render(document))
    return file


def codes(file: Path) -> list[tuple[str, str]]:
    """What `tollway check` says of the configuration: the severity and the code of each."""
    return [(one.severity, one.code) for one in config.check(file)]


def settings_of(file: Path) -> Settings:
    """What the control plane is told, by way of JSON."""
    built = config.build(file, resolve_hook=lambda _: (0, False), create_secrets=False)
    return Settings.parse(json.loads(json.dumps(built.credentials)))


def source_of(file: Path) -> Source:
    """The only source."""
    [source] = settings_of(file).sources
    return source


def refusal(file: Path) -> str:
    """Why there is no credential."""
    with pytest.raises(FetchError) as refused:
        fetch(source_of(file))
    return str(refused.value)


def mistakes(file: Path) -> str:
    """Why the configuration is refused."""
    with pytest.raises(ConfigError) as refused:
        config.load(file, create_secrets=False)
    return str(refused.value)
