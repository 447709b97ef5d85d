"""Checks of `auth = { type = "aws" }`: keys, profile and variables, as far as they can be told without AWS."""

from __future__ import annotations

import configparser
import os
import re
import time
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit

from tollway.config.check_expiry import check_token_file
from tollway.config.checks import Checks
from tollway.config.fields import moment
from tollway.config.places import base_url_of
from tollway.config.shape import Path, suggestion

_REGION = re.compile(r"(?:^|[.-])((?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?-[a-z]+-\d+)(?:\.|$)")
"""A region in the name of a host (<https://docs.aws.amazon.com/general/latest/gr/bedrock.html>)."""

Profiles = dict[str, dict[str, str]]


def settle_aws(checks: Checks, name: str, given: dict[str, Any], place: Path) -> str | None:
    """Check it; the region that requests are signed for."""
    path: Path = ("providers", name, "auth")
    static = _check_static(checks, path, given)
    profiles = _profiles()
    chosen = given["profile"] or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if not static:
        _check_profile(checks, (path, place), given, (chosen, profiles))
        _check_variables(checks, place, given)
    if given["external_id"] is not None and given["role_arn"] is None:
        message = "`external_id` is told to nobody without a role"
        checks.error("no-effect", (*path, "external_id"), message, "add role_arn, or take it out")
    found = given["region"] or _region(checks, name) or profiles.get(chosen or "default", {}).get("region")
    if found is None and not checks.has((*path, "region")):
        checks.error("no-region", place, "the region to sign for is not known", 'add region = "us-east-1" to `auth`')
    given["region"] = found
    return None if found is None else str(found)


def _check_static(checks: Checks, path: Path, given: dict[str, Any]) -> bool:
    """Whether the keys are given, right or wrong."""
    pair = ("access_key_id", "secret_access_key")
    there = [key for key in pair if checks.has((*path, key))]
    if len(there) == 1:
        missing = next(key for key in pair if key not in there)
        hint = f'add {missing} = "env:NAME"'
        checks.error("missing-setting", (*path, there[0]), f"`{there[0]}` is given without `{missing}`", hint)
    if not there and checks.has((*path, "session_token")):
        message = "`session_token` is given without the keys that it belongs to"
        checks.error("missing-setting", (*path, "session_token"), message, "add access_key_id and secret_access_key")
    if there and given["profile"] is not None:
        message = "both keys and a profile are given"
        checks.error("conflicting-keys", (*path, "profile"), message, "keep one")
    return bool(there)


def _check_profile(
    checks: Checks, places: tuple[Path, Path], given: dict[str, Any], known: tuple[str | None, Profiles]
) -> None:
    path, place = places
    chosen, profiles = known
    where = (*path, "profile") if given["profile"] is not None else place
    if chosen is not None and chosen not in profiles:
        message = f"there is no AWS profile `{chosen}`"
        checks.error("unknown-profile", where, message, suggestion(chosen, tuple(profiles)))
    settings = profiles.get(chosen or "default", {})
    if "credential_process" in settings and not given["credential_process"]:
        message = f"the AWS profile `{chosen or 'default'}` names a program to run for keys, which is not allowed here"
        checks.error("not-allowed", where, message, "add credential_process = true to `auth`, if it is to be run")
    if "mfa_serial" in settings:
        message = f"the AWS profile `{chosen or 'default'}` asks for a code of a device, which nobody is there to give"
        checks.error("not-allowed", where, message, "use a role that needs none")


def _check_variables(checks: Checks, place: Path, given: dict[str, Any]) -> None:
    """The variables that AWS's chain looks at first, unless a profile is asked for."""
    if given["profile"] is not None:
        return
    variable = os.environ.get
    if variable("AWS_ACCESS_KEY_ID"):
        if not variable("AWS_SECRET_ACCESS_KEY"):
            message = "the environment variable `AWS_ACCESS_KEY_ID` is set without `AWS_SECRET_ACCESS_KEY`"
            checks.error("unset-variable", place, message, "set both before starting Tollway, or neither")
        ends = _moment(variable("AWS_CREDENTIAL_EXPIRATION"))
        if ends is not None and ends <= time.time():
            said = f"the keys in the environment have expired: {variable('AWS_CREDENTIAL_EXPIRATION')}"
            checks.warning("expired-credential", place, said, "start Tollway with new ones, or without")
        return
    file = variable("AWS_WEB_IDENTITY_TOKEN_FILE")
    if file:
        check_token_file(checks, place, str(FilePath(file).absolute()))
        if not variable("AWS_ROLE_ARN"):
            message = "`AWS_WEB_IDENTITY_TOKEN_FILE` is set without `AWS_ROLE_ARN`"
            checks.error("unset-variable", place, message, "set AWS_ROLE_ARN to the role that the token is for")


def _region(checks: Checks, name: str) -> str | None:
    """Of the provider's own setting, the host, or the variables."""
    provider = checks.config.providers[name]
    option = getattr(provider, "aws_region", None)
    if option is not None:
        return str(option)
    found = _REGION.search(urlsplit(base_url_of(provider) or "").hostname or "")
    return found[1] if found else os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _moment(text: str | None) -> int | None:
    try:
        return moment(text) if text else None
    except ValueError:
        return None


def _profiles() -> Profiles:
    """The profiles of AWS's two files, by their names; what cannot be read has none, and is told at the first fetch."""
    found: Profiles = {}
    for variable, default in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        file = FilePath(os.environ.get(variable) or FilePath.home() / ".aws" / default).expanduser()
        parser = configparser.RawConfigParser(strict=False, default_section="")
        try:
            parser.read_string(file.read_text())
        except (OSError, ValueError, configparser.Error):
            continue
        for section in parser.sections():
            profile = section.removeprefix("profile ").strip().strip("\"'")
            found.setdefault(profile, {}).update(parser.items(section))
    return found
