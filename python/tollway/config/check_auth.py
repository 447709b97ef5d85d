"""Checks of `auth` of `[providers.X]`, as far as they need no network, and its settling."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit

from tollway.config.check_alerts import own
from tollway.config.check_aws import settle_aws
from tollway.config.check_azure import settle_azure
from tollway.config.check_google import settle_google
from tollway.config.checks import Checks
from tollway.config.credentials import FILES, MODELS, Auth, Settled, compile_credentials, source_of
from tollway.config.schema_credentials import AwsAuth, AzureAuth, GoogleAuth
from tollway.config.schema_provider import HttpProviderSettings
from tollway.config.secrets import Reference
from tollway.config.shape import Path
from tollway.credentials.fetch import LIBRARIES
from tollway.providers.contract import providers

MOST_TOLD = 48 * 1024
"""The most bytes of all settings together: the control plane is told them in one line."""

PUBLIC = frozenset(("tenant_id", "client_id", "access_key_id"))
"""References that need not be secret."""


def check_auth(checks: Checks, name: str, provider: HttpProviderSettings) -> None:
    """Check how the provider's credential is fetched, if it is, and read what that refers to."""
    path: Path = ("providers", name, "auth")
    auth = _auth(checks, name, provider)
    if auth is None:
        return
    place = path if checks.has(path) else path[:2]
    _check_library(checks, place, auth)
    given: dict[str, Any] = {}
    for setting in type(auth).model_fields.keys() - {"type"}:
        given[setting] = _settled(checks, (*path, setting), getattr(auth, setting))
    source, region, service = source_of(auth, checks.base), None, None
    if isinstance(auth, AwsAuth):
        region, service = settle_aws(checks, name, given, place), auth.service
    elif isinstance(auth, GoogleAuth):
        settle_google(checks, given, place)
    elif isinstance(auth, AzureAuth):
        settle_azure(checks, given, place)
    # The control plane reads the files; up to here they are named as the operator names them.
    files = {name: (checks.base / given[name]).absolute() for name in FILES & given.keys() if given[name]}
    # A file that holds another key than before is read at once, not only when the credential is due.
    given |= {name: str(file) for name, file in files.items()} | {"changed": sorted(map(_changed, files.values()))}
    checks.resolved.provider_auth[name] = Settled(source, auth.type, given, region, service)


def _auth(checks: Checks, name: str, provider: HttpProviderSettings) -> Auth | None:
    """What the file says, or else the module; nothing where there are keys."""
    path: Path = ("providers", name, "auth")
    keys = [key for key in ("api_key", "api_keys") if checks.has((*path[:2], key))]
    if checks.has(path):
        for key in keys:
            checks.error("conflicting-keys", path, f"both `{key}` and `auth` are given", "keep one")
        return provider.auth
    declared = providers()[provider.type].auth
    return None if keys or declared is None else MODELS[declared].model_validate({"type": declared})


def _changed(file: FilePath) -> int:
    try:
        return file.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def check_size(checks: Checks) -> None:
    """Check that what all providers need to fetch their credentials can be told the control plane."""
    told = compile_credentials(checks.resolved.provider_auth)
    if len(str(told).encode()) > MOST_TOLD:
        message = "the settings of all `auth`, and the variables that they go by, are too long"
        checks.error("out-of-range", ("providers",), message, f"keep all of them within {MOST_TOLD // 1024} KiB")


def _settled(checks: Checks, path: Path, value: object) -> object:
    """A setting with its reference read."""
    if path[-1] in ("url", "token_url", "authority") and isinstance(value, str):
        _check_clear_text(checks, path, value)
    if isinstance(value, Reference):
        secret = checks.read(path, value) if path[-1] in PUBLIC else checks.secret(path, value)
        if secret is not None and path[-1] in PUBLIC:
            return secret.reveal()
        return secret
    return value.removeprefix("file:") if path[-1] in FILES and isinstance(value, str) else value


def _check_library(checks: Checks, place: Path, auth: Auth) -> None:
    library = LIBRARIES.get(auth.type)
    if library is None:
        return
    try:
        found = find_spec(library)
    except ImportError:
        found = None
    if found is None:
        message = f'`auth` of the type "{auth.type}" needs {library}, which is not installed'
        checks.error("missing-extra", place, message, f"pip install 'tollway[{auth.type}]'")


def _check_clear_text(checks: Checks, path: Path, url: str) -> None:
    if url.startswith("http://") and not own(urlsplit(url).hostname or ""):
        checks.warning("clear-text", path, "credentials go over the network in clear text", "write https://")
