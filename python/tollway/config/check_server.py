"""Checks of `[server]`, `[store]`, `[state]`, `[admin]` that need more than one value, or a look outside the file."""

from __future__ import annotations

from pathlib import Path as FilePath

from pydantic_core import PydanticCustomError

from tollway.config.check_store import check_store
from tollway.config.checks import Checks
from tollway.config.fields import check_state_url, check_store_url
from tollway.config.secrets import MINIMUM_KEY, Reference, Secret
from tollway.config.shape import Path


def check_server(checks: Checks) -> None:
    """Check the process's own tables, and read what they refer to."""
    server = checks.config.server
    if server.listen == server.admin and server.listen.port and checks.has(("server",)):
        place: Path = ("server", "admin") if checks.has(("server", "admin")) else ("server", "listen")
        hint = "give the control plane a port of its own"
        checks.error("same-address", place, f"`listen` and `admin` are both {server.listen}", hint)
    _check_tls(checks)
    secret = _strong(checks, ("server", "secret"), server.secret)
    if secret is not None:
        checks.resolved.server_secret = secret
    read_admin(checks)
    _check_state(checks)


def read_admin(checks: Checks) -> None:
    """Read the admin token, and settle the store's folder, beside which one that is not configured is kept."""
    checks.resolved.admin_token = _strong(checks, ("admin", "token"), checks.config.admin.token)
    _check_store_url(checks)


def _check_tls(checks: Checks) -> None:
    tls = checks.config.server.tls
    if tls is None:
        return
    path = ("server", "tls")
    cert = checks.pem((*path, "cert"), tls.cert, "CERTIFICATE")
    key = checks.pem((*path, "key"), tls.key, "PRIVATE KEY")
    if key is not None:
        checks.private((*path, "key"), tls.key.removeprefix("file:"))
    authority = checks.pem((*path, "client_ca"), tls.client_ca, "CERTIFICATE") if tls.client_ca else None
    if tls.trusted_identity_header and not checks.has((*path, "client_ca")):
        message = "`trusted_identity_header` without `client_ca` would trust every caller"
        checks.error("missing-key", (*path, "trusted_identity_header"), message, "add `client_ca`")
    if cert is not None and key is not None:
        checks.resolved.tls = (cert, Secret(key), authority)


def _strong(checks: Checks, path: Path, reference: Reference | None) -> Secret | None:
    secret = checks.secret(path, reference) if reference is not None else None
    if secret is not None and len(secret.reveal()) < MINIMUM_KEY:
        hint = "take 32 random bytes: openssl rand -hex 32"
        checks.warning("weak-secret", path, f"the secret has fewer than {MINIMUM_KEY} characters", hint)
    return secret


def _check_store_url(checks: Checks) -> None:
    path: Path = ("store", "url")
    reference = checks.config.store.url
    url = checks.read(path, reference)
    if url is None or not _well_formed(checks, path, reference, url):
        return
    _check_password(checks, path, reference)
    check_store(checks, url)


def _check_state(checks: Checks) -> None:
    path: Path = ("state", "url")
    reference = checks.config.state.url
    url = checks.read(path, reference)
    if url is None or not _well_formed(checks, path, reference, url):
        return
    _check_password(checks, path, reference)
    if url.reveal() != "memory:":
        hint = "limits and budgets are counted in each replica alone"
        checks.warning("not-enforced", path, "shared state: accepted, but this version does not enforce it yet", hint)


def _well_formed(checks: Checks, path: Path, reference: Reference, url: Secret) -> bool:
    try:
        (check_store_url if path[0] == "store" else check_state_url)(url.reveal())
    except PydanticCustomError as error:
        context = error.context or {}
        checks.error("bad-url", path, f"`{reference}` does not hold a URL that fits here", str(context.get("hint")))
        return False
    return True


def _check_password(checks: Checks, path: Path, reference: Reference) -> None:
    literal = reference.literal.reveal() if reference.literal else ""
    if "@" in literal and ":" in literal.partition("://")[2].rpartition("@")[0]:
        hint = "keep the URL out of the file: env:NAME or file:PATH"
        checks.warning("literal-secret", path, "the URL holds a password", hint)


def secret_file(checks: Checks, name: str) -> FilePath:
    """Where a secret that was not configured is kept: beside the store, or beside the configuration."""
    return checks.resolved.store_folder / name
