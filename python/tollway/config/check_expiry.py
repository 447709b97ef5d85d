"""Whether a token that is kept somewhere says itself that it has expired."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

from tollway.config.checks import Checks
from tollway.config.secrets import SecretError, read_file
from tollway.config.shape import Path


def check_expiry(checks: Checks, path: Path, text: str, what: str, hint: str) -> None:
    """Warn if `text` is a token (JWT, RFC 7519) that says itself that it has expired."""
    ends = _ends(text)
    if ends is not None and ends <= time.time():
        said = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M UTC")
        checks.warning("expired-credential", path, f"{what} has expired: {said}", hint)


def check_token_file(checks: Checks, path: Path, file: str) -> None:
    """The same of a token that is kept in a file, which must be there."""
    try:
        text = read_file(checks.base / file).strip()
    except SecretError as error:
        checks.error(error.code, path, str(error), error.hint)
        return
    if not text:
        checks.error("unreadable-file", path, f"the file `{file}` is empty", "put the token into it")
    check_expiry(checks, path, text, f"the token in `{file}`", "whoever writes the file must renew it")


def _ends(text: str) -> float | None:
    parts = text.strip().split(".")
    if len(parts) != 3 or not text.startswith("eyJ"):
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = claims.get("exp")
    except (ValueError, AttributeError):
        return None
    usable = isinstance(ends, int | float) and not isinstance(ends, bool) and 0 < ends < 1e11
    return float(ends) if usable else None
