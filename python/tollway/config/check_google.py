"""Checks of `auth = { type = "google" }`: the file that holds or describes the credentials."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path as FilePath
from typing import Any

from tollway.config.check_expiry import check_token_file
from tollway.config.checks import Checks
from tollway.config.secrets import SecretError, read_file
from tollway.config.shape import Path

NEEDED = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "external_account": ("audience", "subject_token_type", "token_url", "credential_source"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
}
"""What a file of each type must hold (<https://google.aip.dev/auth/4110>)."""

_KEY = re.compile(r"\s*-----BEGIN (?:RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]{64,}-----END (?:RSA )?PRIVATE KEY-----\s*")


def settle_google(checks: Checks, given: dict[str, Any], place: Path) -> None:
    """Check the file that is given, or that the environment names."""
    file, path = given["file"], (*place, "file")
    if file is None:
        file, path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"), place
        file = file and str(FilePath(file).absolute())
    if not file:
        return
    try:
        info = json.loads(read_file(checks.base / file))
    except SecretError as error:
        checks.error(error.code, path, str(error), error.hint)
        return
    except ValueError:
        info = None
    checks.private(path, file)
    if not isinstance(info, dict):
        _bad(checks, path, f"`{file}` is not JSON", "download the account's key anew")
        return
    _check(checks, path, info, file)


def _check(checks: Checks, path: Path, info: dict[str, Any], file: str) -> None:
    kind = info.get("type")
    needed = NEEDED.get(kind) if isinstance(kind, str) else None
    if needed is None:
        _bad(checks, path, f"the `type` of `{file}` is none that is known", f"one of: {', '.join(NEEDED)}")
        return
    missing = [name for name in needed if not info.get(name)]
    if missing:
        _bad(checks, path, f"`{file}` lacks {', '.join(f'`{name}`' for name in missing)}", "download it anew")
    elif kind == "service_account" and not _KEY.fullmatch(str(info["private_key"])):
        _bad(checks, path, f"the `private_key` of `{file}` is no PEM key", "download the account's key anew")
    elif kind == "external_account":
        _check_source(checks, path, info["credential_source"], file)


def _check_source(checks: Checks, path: Path, source: object, file: str) -> None:
    if not isinstance(source, dict) or not any(name in source for name in ("file", "url", "environment_id")):
        executable = isinstance(source, dict) and "executable" in source
        said = "names a program to run, which is not allowed" if executable else "says not where its token comes from"
        _bad(checks, path, f"the `credential_source` of `{file}` {said}", "use one with `file` or `url`")
    elif "file" in source and (source.get("format") or {}).get("type", "text") == "text":
        check_token_file(checks, path, str(source["file"]))


def _bad(checks: Checks, path: Path, message: str, hint: str) -> None:
    checks.error("bad-credentials-file", path, message, hint)
