"""Tokens of Google Cloud, by google-auth: a file of credentials, or the metadata server.

The order is that of Application Default Credentials (<https://cloud.google.com/docs/authentication/application-default-credentials>),
which `google.auth.default` follows too, but not without running `gcloud` to learn of a project.
"""

from __future__ import annotations

import json
import os
from datetime import UTC
from pathlib import Path
from typing import Any

import urllib3
from google.auth import compute_engine, impersonated_credentials, load_credentials_from_dict
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.urllib3 import Request

from tollway.credentials.value import FetchError, Value, token

PATIENCE = urllib3.Timeout(connect=5, read=10)

WELL_KNOWN = Path("gcloud/application_default_credentials.json")
"""What `gcloud auth application-default login` leaves in the folder of settings."""


def fetch(given: dict[str, Any]) -> Value:
    """The token. Raises `FetchError`."""
    try:
        with urllib3.PoolManager(timeout=PATIENCE, retries=1) as pool:
            credentials = _credentials(given)
            credentials.refresh(Request(pool))  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        said = str(error.args[0]) if error.args else type(error).__name__
        raise FetchError(said, "check the file, the account's rights, and this machine's clock") from None
    ends = credentials.expiry
    expires = None if ends is None else ends.replace(tzinfo=UTC).timestamp()
    return Value(expires, bearer=token(credentials.token))


def _credentials(given: dict[str, Any]) -> Credentials:
    scopes = list(given["scopes"])
    found = _own(_file(given), scopes)
    if not given["impersonate"]:
        return found
    return impersonated_credentials.Credentials(found, given["impersonate"], scopes)  # type: ignore[no-untyped-call]


def _own(file: Path | None, scopes: list[str]) -> Credentials:
    if file is None:
        return compute_engine.Credentials(scopes=scopes)  # type: ignore[no-untyped-call]
    try:
        info = json.loads(file.read_bytes())
    except OSError as error:
        raise FetchError(f"the file {file} cannot be read: {(error.strerror or '').lower()}", "check `file`") from None
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise FetchError(f"the file {file} is not JSON", "download the account's key anew")
    if "executable" in (info.get("credential_source") or ()):
        raise FetchError(f"the file {file} names a program to run", "use a source of the kind `url` or `file`")
    try:
        found: Credentials = load_credentials_from_dict(info, scopes=scopes)[0]  # type: ignore[no-untyped-call]
    except ValueError as error:
        # What it says may quote the file.
        raise FetchError(f"the file {file}: {type(error).__name__}", "download it anew") from None
    return found


def _file(given: dict[str, Any]) -> Path | None:
    named = given["file"] or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return Path(named)
    folder = os.environ.get("CLOUDSDK_CONFIG")
    known = Path(folder) / WELL_KNOWN.name if folder else Path.home() / ".config" / WELL_KNOWN
    return known if known.is_file() else None
