"""Tokens of Google Cloud, by google-auth: a file of credentials, or the metadata server.

The order is that of Application Default Credentials (<https://cloud.google.com/docs/authentication/application-default-credentials>),
which `google.auth.default` follows too, but not without running `gcloud` to learn of a project.
"""

from __future__ import annotations

import json
import os
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

from google.auth import aws as from_aws
from google.auth import compute_engine, identity_pool, impersonated_credentials
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user
from google.oauth2 import service_account
from requests import Session

from tollway.credentials.value import FetchError, Value, token

PATIENCE = 10.0
"""Seconds for each wait on the network, but for the metadata server's, for which the library has its own."""

WELL_KNOWN = Path("gcloud/application_default_credentials.json")
"""What `gcloud auth application-default login` leaves in the folder of settings."""


def fetch(given: dict[str, Any]) -> Value:
    """The token. Raises `FetchError`."""
    try:
        credentials = _credentials(given)
        with Session() as session:
            credentials.refresh(partial(Request(session), timeout=PATIENCE))  # type: ignore[no-untyped-call]
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
        return _loaded(info, scopes)
    except (ValueError, KeyError, AttributeError) as error:
        # What it says may quote the file.
        raise FetchError(f"the file {file}: {type(error).__name__}", "download it anew") from None


def _loaded(info: dict[str, Any], scopes: list[str]) -> Credentials:
    """By the class of the file's type, as google-auth advises: none is loaded that is not expected."""
    load: Any
    match info["type"]:
        case "service_account":
            load = service_account.Credentials.from_service_account_info
        case "external_account":
            on_aws = info["subject_token_type"] == "urn:ietf:params:aws:token-type:aws4_request"
            load = (from_aws if on_aws else identity_pool).Credentials.from_info
        case "authorized_user":
            load = user.Credentials.from_authorized_user_info
        case _:
            load = impersonated_credentials.Credentials.from_impersonated_service_account_info
    found: Credentials = load(info, scopes=scopes)
    return found


def _file(given: dict[str, Any]) -> Path | None:
    named = given["file"] or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return Path(named)
    folder = os.environ.get("CLOUDSDK_CONFIG")
    known = Path(folder) / WELL_KNOWN.name if folder else Path.home() / ".config" / WELL_KNOWN
    return known if known.is_file() else None
