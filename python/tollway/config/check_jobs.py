"""Checks of `[jobs]`, and of what keys may have posted where."""

from __future__ import annotations

from urllib.parse import urlsplit

from tollway.config.checks import Checks
from tollway.config.schema_access import Key
from tollway.config.secrets import MINIMUM_KEY, Reference, Secret
from tollway.config.shape import Path


def check_jobs(checks: Checks) -> None:
    """Read the secrets that sign posts, and the authorities; check that every listed URL can be posted to."""
    jobs, resolved = checks.config.jobs, checks.resolved
    resolved.jobs_secret = _secret(checks, ("jobs", "callback_secret"), jobs.callback_secret)
    if jobs.ca is not None:
        resolved.jobs_ca = checks.pem(("jobs", "ca"), jobs.ca, "CERTIFICATE")
    for name, key in checks.config.keys.items():
        secret = _secret(checks, ("keys", name, "callback_secret"), key.callback_secret)
        if secret is not None:
            resolved.callback_secrets[name] = secret
        _check_callbacks(checks, name, key)


def _secret(checks: Checks, path: Path, reference: Reference | None) -> Secret | None:
    secret = None if reference is None else checks.secret(path, reference)
    if secret is not None and len(secret.reveal()) < MINIMUM_KEY:
        hint = "take 32 random bytes: openssl rand -hex 32"
        checks.error("weak-secret", path, f"the secret has fewer than {MINIMUM_KEY} characters", hint)
    return secret


def _check_callbacks(checks: Checks, name: str, key: Key) -> None:
    path: Path = ("keys", name, "callbacks")
    if key.callbacks and key.callback_secret is None and checks.config.jobs.callback_secret is None:
        hint = 'add callback_secret = "env:NAME" to the key or to [jobs]'
        checks.error("missing-key", path, "there is no secret to sign what is posted there", hint)
    for index, url in enumerate(key.callbacks):
        host = urlsplit(url).hostname or ""
        if url.startswith("http://") and host not in checks.config.jobs.private_hosts:
            hint = f'add "{host}" to jobs.private_hosts, or write https://'
            checks.error(
                "bad-url", (*path, index), "plain http goes to this machine alone, where that is allowed", hint
            )
