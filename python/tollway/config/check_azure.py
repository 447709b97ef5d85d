"""Checks of `auth = { type = "azure" }`: which way to a token is meant, and whether all that it needs is there."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import Any

from tollway.config.check_expiry import check_token_file
from tollway.config.checks import Checks
from tollway.config.credentials import FILES
from tollway.config.secrets import Secret
from tollway.config.shape import Path

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"

WAYS = {"client_secret": "secret", "certificate": "certificate", "token_file": "workload"}
"""The setting that a way needs, and what the control plane calls the way."""

VARIABLES = {
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "authority": "AZURE_AUTHORITY_HOST",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate": "AZURE_CLIENT_CERTIFICATE_PATH",
    "token_file": "AZURE_FEDERATED_TOKEN_FILE",
}
"""Those of azure-identity, for what is not given."""


def settle_azure(checks: Checks, given: dict[str, Any], place: Path) -> None:
    """Check it, fill in what the environment says, and note which way is gone."""
    ways = [setting for setting in WAYS if checks.has((*place, setting))]
    if len(ways) > 1:
        message = f"`{ways[0]}` and `{ways[1]}` are given"
        checks.error("conflicting-keys", (*place, ways[1]), message, "keep one")
    _fill(given, ways)
    way = next((setting for setting in WAYS if given[setting] is not None or setting in ways), None)
    given["method"] = WAYS[way] if way else "managed"
    authority = given["authority"] or PUBLIC_AUTHORITY
    given["authority"] = (authority if "://" in authority else f"https://{authority}").rstrip("/")
    if given["authority"].startswith("http://"):
        hint = "Entra is called over TLS alone: write https://"
        checks.error("bad-url", (*place, "authority"), "the authority is not an https URL", hint)
    if way is None:
        return
    for setting in ("tenant_id", "client_id"):
        if given[setting] is None and not checks.has((*place, setting)):
            where = (*place, way) if way in ways else place
            hint = f'add {setting} = "…", or set {VARIABLES[setting]}'
            checks.error("missing-setting", where, f"`{way}` needs `{setting}`", hint)
    where = (*place, way) if way in ways else place
    if way == "certificate":
        for kind in ("CERTIFICATE", "PRIVATE KEY"):
            checks.pem(where, given["certificate"], kind)
        checks.private(where, given["certificate"])
    elif way == "token_file":
        check_token_file(checks, where, given["token_file"])


def _fill(given: dict[str, Any], ways: list[str]) -> None:
    for setting, variable in VARIABLES.items():
        # A way that the file does not go is gone by the environment only where the file goes none.
        if given[setting] is None and (setting not in WAYS or not ways):
            value = os.environ.get(variable) or None
            if value is not None and setting in FILES:
                value = str(FilePath(value).absolute())
            given[setting] = Secret(value) if value is not None and setting == "client_secret" else value
