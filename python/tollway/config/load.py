"""From a file to a configuration that is right in all its parts, or to every reason why it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tollway._dataplane import TomlError, parse_toml
from tollway.config.check_access import check_access, hash_keys
from tollway.config.check_alerts import check_alerts
from tollway.config.check_effect import check_effect
from tollway.config.check_expressions import check_expressions
from tollway.config.check_jobs import check_jobs
from tollway.config.check_nested import check_nested
from tollway.config.check_prices import check_prices
from tollway.config.check_providers import check_providers
from tollway.config.check_rights import check_rights
from tollway.config.check_routes import check_routes
from tollway.config.check_server import check_server, secret_file
from tollway.config.check_telemetry import check_telemetry
from tollway.config.checks import Checks, ResolveAdapter, Resolved, ResolveHook
from tollway.config.diagnose import render
from tollway.config.document import Document
from tollway.config.schema import Config
from tollway.config.secrets import Secret, SecretError, kept_secret
from tollway.config.source import read_source, syntax_error
from tollway.config.validate import validate
from tollway.config.whole import marked
from tollway.errors import ConfigError, Diagnostic

SECRET_FILE = "tollway.secret"
"""The file of a `server.secret` that was not configured."""

TOKEN_FILE = "tollway.admin-token"
"""The file of an `admin.token` that was not configured."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that is right, what it refers to, and what to warn of."""

    path: Path | None
    config: Config
    resolved: Resolved
    warnings: tuple[Diagnostic, ...] = field(default=())
    document: Document | None = field(default=None, repr=False)


def load(
    path: Path,
    *,
    resolve_hook: ResolveHook | None = None,
    resolve_adapter: ResolveAdapter | None = None,
    create_secrets: bool = True,
) -> Loaded:
    """The configuration in the file at `path`.

    With `create_secrets`, a secret that was not configured is made and kept beside the store; without, it lives in
    memory. Raises `ConfigError` with every mistake that was found.
    """
    # The error is raised here, where no local variable holds the file's text: it may hold secrets.
    loaded, found = _attempt(path, (resolve_hook, resolve_adapter), create_secrets)
    if loaded is None:
        raise ConfigError(found, render(found))
    return loaded


def check(
    path: Path, *, resolve_hook: ResolveHook | None = None, resolve_adapter: ResolveAdapter | None = None
) -> list[Diagnostic]:
    """Every error and warning of the file at `path`, in the file's order. Creates no file."""
    return _attempt(path, (resolve_hook, resolve_adapter), False)[1]


def _attempt(
    path: Path, resolve: tuple[ResolveHook | None, ResolveAdapter | None], create: bool
) -> tuple[Loaded | None, list[Diagnostic]]:
    document = parse(path)
    if isinstance(document, Diagnostic):
        return None, [document]
    config, working, wrong = validate(document)
    checks = Checks(document, config, working, path.parent)
    checks.found += wrong
    check_server(checks)
    check_telemetry(checks)
    check_alerts(checks)
    check_providers(checks, resolve[1])
    check_routes(checks, resolve[0])
    check_nested(checks)
    check_effect(checks)
    check_expressions(checks)
    check_access(checks)
    check_jobs(checks)
    check_rights(checks)
    check_prices(checks)
    _warn_unenforced(checks)
    _settle_secrets(checks, create)
    found = sorted(checks.found, key=lambda one: (one.line, one.column))
    if any(one.severity == "error" for one in found):
        return None, found
    checks.resolved.watch.add(path)
    return Loaded(path, config, checks.resolved, tuple(found), document), found


def parse(path: Path) -> Document | Diagnostic:
    """The file at `path` as TOML, or why it is none."""
    text = read_source(path)
    if isinstance(text, Diagnostic):
        return text
    try:
        values, spans = parse_toml(text)
    except TomlError as error:
        return syntax_error(path, text, error)
    return Document(str(path), text, values, spans)


def _warn_unenforced(checks: Checks) -> None:
    document = checks.document
    for path in marked(document.values):
        said = (f"`{path[-1]}`: accepted, but this version does not enforce it yet", None)
        checks.found.append(document.diagnostic("warning", "not-enforced", document.key(path), said))


def _settle_secrets(checks: Checks, create: bool) -> None:
    """Hash the keys, and make the secrets that were not configured, unless there are errors: then nothing is made."""
    resolved, config = checks.resolved, checks.config
    configured = resolved.server_secret if config.server.secret is not None else None
    draft = configured or _kept(checks, SECRET_FILE, False) or Secret("")
    resolved.key_hashes = hash_keys(checks, draft)
    resolved.server_secret = draft
    create = create and not any(one.severity == "error" for one in checks.found)
    if configured is None and create:
        resolved.server_secret = _kept(checks, SECRET_FILE, True) or draft
        resolved.key_hashes = hash_keys(checks, resolved.server_secret)
    if config.admin.token is None:
        resolved.admin_token_file = secret_file(checks, TOKEN_FILE)
        resolved.admin_token = _kept(checks, TOKEN_FILE, create)


def _kept(checks: Checks, name: str, create: bool) -> Secret | None:
    try:
        return kept_secret(secret_file(checks, name), create=create)
    except SecretError as error:
        place = ("store", "url") if checks.has(("store", "url")) else ("server",)
        checks.error(error.code, place, str(error), error.hint)
        return None
