"""Checks of `[keys.X]`, `[teams.X]` and the other scopes: their secrets, and the names that they refer to."""

from __future__ import annotations

from tollway._dataplane import hash_key
from tollway.config.check_routes import check_guardrails
from tollway.config.checks import Checks
from tollway.config.schema import SCOPES
from tollway.config.schema_access import Key, Scope
from tollway.config.secrets import MINIMUM_KEY, Secret
from tollway.config.shape import Path


def check_access(checks: Checks) -> None:
    """Check every key and scope, and read the keys' secrets."""
    for table in ("teams", *SCOPES):
        entries: dict[str, Scope] = getattr(checks.config, table)
        for name, scope in entries.items():
            _check_budgets(checks, (table, name), scope)
    for name, team in checks.config.teams.items():
        _check_models(checks, ("teams", name), team.models)
    for name, key in checks.config.keys.items():
        path: Path = ("keys", name)
        _check_secret(checks, path, key)
        _check_models(checks, path, key.models)
        for setting in ("files", "passthrough"):
            for index, provider in enumerate(getattr(key, setting)):
                checks.reference("providers", (*path, setting, index), provider)
        _check_budgets(checks, path, key)
        for table in ("organisations", "tenants", "teams", "projects", "environments"):
            one = table.removesuffix("s")
            checks.scope_reference(table, (*path, one), getattr(key, one))
        check_guardrails(checks, path, key.guardrails)


def _check_secret(checks: Checks, path: Path, key: Key) -> None:
    given, hashed = checks.has((*path, "secret")), checks.has((*path, "hash"))
    if given and hashed:
        checks.error("conflicting-keys", (*path, "hash"), "both `secret` and `hash` are given", "keep one of them")
    elif not given and not hashed:
        hint = 'add secret = "env:NAME", or hash = "…" from `tollway keys hash`'
        checks.error("missing-key", path, f"the key `{path[1]}` has neither `secret` nor `hash`", hint)
    if key.secret is None:
        return
    place = (*path, "secret")
    secret = checks.secret(place, key.secret)
    if secret is None:
        return
    text = secret.reveal()
    if len(text) < MINIMUM_KEY:
        message = f"the key has fewer than {MINIMUM_KEY} characters"
        checks.error("short-key", place, message, "make one with `tollway keys create`, or 32 random bytes of your own")
    elif not text.isprintable() or text != text.strip() or not text.isascii():
        message = "the key holds a space at an end, or a character that no header may"
        checks.error("bad-secret", place, message, "check where it is kept: a file's last line break is taken off")
    else:
        checks.resolved.key_secrets[str(path[1])] = secret


def _check_models(checks: Checks, path: Path, models: tuple[str, ...] | None) -> None:
    for index, model in enumerate(models or ()):
        checks.reference("routes", (*path, "models", index), model)


def _check_budgets(checks: Checks, path: Path, scope: Scope | Key) -> None:
    for index, budget in enumerate(scope.budgets):
        checks.scope_reference("environments", (*path, "budgets", index, "environment"), budget.environment)


def hash_keys(checks: Checks, server_secret: Secret) -> dict[str, str]:
    """The hash of every key under `server_secret`; of two keys that are the same, the second is noted as an error."""
    under = server_secret.reveal().encode()
    hashes: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name, key in checks.config.keys.items():
        secret = checks.resolved.key_secrets.get(name)
        digest = hash_key(under, secret.reveal().encode()) if secret is not None else key.hash
        if digest is None:
            continue
        first = owners.setdefault(digest, name)
        if first != name:
            place: Path = ("keys", name, "secret" if secret is not None else "hash")
            hint = "give each key a secret of its own"
            checks.error("duplicate-key", place, f"the keys `{first}` and `{name}` are the same", hint)
        hashes[name] = digest
    return hashes
