"""Checks of `[providers.X]` that need more than one value, or a look outside the file."""

from __future__ import annotations

from tollway.config.check_auth import check_auth, check_size
from tollway.config.check_expiry import check_expiry
from tollway.config.checks import Checks, ResolveAdapter, sendable
from tollway.config.places import missing_of, unused_of
from tollway.config.schema_provider import HttpProviderSettings, adapter_of
from tollway.config.secrets import Reference, Secret
from tollway.config.shape import Path
from tollway.config.whole import at
from tollway.providers.contract import providers


def check_providers(checks: Checks, resolve_adapter: ResolveAdapter | None) -> None:
    """Check every provider and its adapter, and read its credentials, headers and authorities."""
    for name, provider in checks.config.providers.items():
        if isinstance(provider, HttpProviderSettings):
            _check_address(checks, name, provider)
            _check_keys(checks, name, provider)
            check_auth(checks, name, provider)
            _check_adapter(checks, name, provider, resolve_adapter)
            headers = checks.headers(("providers", name, "headers"), provider.headers)
            checks.resolved.provider_headers[name] = headers
            if provider.ca is not None:
                authorities = checks.pem(("providers", name, "ca"), provider.ca, "CERTIFICATE")
                if authorities is not None:
                    checks.resolved.provider_ca[name] = authorities
    check_size(checks)


def _check_address(checks: Checks, name: str, provider: HttpProviderSettings) -> None:
    missing = missing_of(provider)
    if any(checks.has(("providers", name, option)) for option in missing):
        return  # It is given, and told to be wrong.
    if missing:
        message, hint = f"the address of the provider `{name}` needs `{missing[0]}`", f'add {missing[0]} = "…"'
        checks.error("missing-key", ("providers", name), message, hint)
    for option in unused_of(provider):
        message = f"`{option}` changes nothing where the requests of `{name}` go"
        checks.error("no-effect", ("providers", name, option), message, "take it out, or give what it goes with")


def _check_adapter(
    checks: Checks, name: str, provider: HttpProviderSettings, resolve_adapter: ResolveAdapter | None
) -> None:
    path: Path = ("providers", name)
    adapter = adapter_of(provider)
    if adapter is None:
        return
    if checks.has((*path, "dialects")):
        hint = "take it out, and give the class its `dialect`"
        checks.error("no-effect", (*path, "dialects"), f"the adapter of `{name}` says what it speaks", hint)
    place = (*path, "adapter") if checks.has((*path, "adapter")) else (*path, "type")
    checks.adapter(place, adapter, resolve_adapter)


def _check_keys(checks: Checks, name: str, provider: HttpProviderSettings) -> None:
    path: Path = ("providers", name)
    one, pool = checks.has((*path, "api_key")), checks.has((*path, "api_keys"))
    if one and pool:
        checks.error("conflicting-keys", (*path, "api_keys"), "both `api_key` and `api_keys` are given", "keep one")
    elif not one and not pool and not checks.has((*path, "auth")) and providers()[provider.type].needs_key:
        hint = 'add api_key = "env:NAME"'
        checks.warning("no-credential", path, f"the provider `{name}` has no credential", hint)
    keys: list[tuple[Secret, int]] = []
    _, written_keys = at(checks.working.original((*path, "api_keys")), checks.document.values)
    pool_is_wrong = isinstance(written_keys, list) and len(written_keys) != len(provider.api_keys or ())
    if provider.api_key is not None:
        _add(checks, (*path, "api_key"), (provider.api_key, 1), keys)
    for index, pooled in enumerate(provider.api_keys or ()):
        _add(checks, (*path, "api_keys", index, "key"), (pooled.key, pooled.weight), keys)
    if provider.api_keys is not None and not pool_is_wrong and not any(pooled.weight for pooled in provider.api_keys):
        written = "has only keys of weight 0" if provider.api_keys else "is empty"
        hint = "give at least one key a weight of 1 or more"
        checks.error("empty-pool", (*path, "api_keys"), f"the pool of `{name}` {written}", hint)
    checks.resolved.provider_keys[name] = tuple(keys)


def _add(checks: Checks, path: Path, key: tuple[Reference, int], keys: list[tuple[Secret, int]]) -> None:
    secret = checks.secret(path, key[0])
    if secret is None:
        return
    if not sendable(secret):
        checks.error(
            "bad-secret", path, "the credential holds a character that no header may", "check where it is kept"
        )
    hint = "give `auth`, so that it is fetched anew, or a new one"
    check_expiry(checks, path, secret.reveal(), "the credential", hint)
    keys.append((secret, key[1]))
