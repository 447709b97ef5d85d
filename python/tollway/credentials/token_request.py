"""One request to a token endpoint (RFC 6749 §5), by the standard library, through the proxy of the environment."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tollway.credentials.value import FetchError, Value, token

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 10.0
"""Seconds for each wait on the network."""

LARGEST = 256 * 1024
"""The most bytes of an answer that are read."""

HOUR = 3600.0


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: the credentials are for one host."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - of the library's signature
        return None


def request_token(url: str, form: Mapping[str, str], headers: Mapping[str, str], todo: str) -> Value:
    """The token that is answered to `form`. Raises `FetchError`, in which `todo` is what to do where it is refused."""
    sent = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **headers}
    # The schema lets nothing but http and https through.
    request = Request(url, urlencode(form).encode(), sent, method="POST")  # noqa: S310
    host = urlsplit(url).hostname
    try:
        with build_opener(_Stay).open(request, timeout=PATIENCE) as answer:
            body = answer.read(LARGEST)
    except HTTPError as error:
        with error:
            raise FetchError(_refusal(error.code, error.read(LARGEST), str(host)), todo) from None
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, URLError) else error
        said = getattr(why, "strerror", None) or getattr(why, "verify_message", None) or type(why).__name__
        raise FetchError(f"{host} cannot be reached: {said}", "check the address, the network and the proxy") from None
    return _value(_parsed(body))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _value(answer: dict[str, Any]) -> Value:
    lifetime = answer.get("expires_in", HOUR)
    try:
        # RFC 6749 leaves `expires_in` out where the end is known otherwise: an hour is what most give.
        expires = time.time() + min(max(float(lifetime), 0.0), 10 * 365 * 24 * HOUR)
    except (TypeError, ValueError):
        expires = time.time() + HOUR
    return Value(expires, bearer=token(answer.get("access_token")))


def _refusal(status: int, body: bytes, host: str) -> str:
    """What an error says: of OAuth (RFC 6749 §5.2), or as IBM's IAM writes it."""
    answer = _parsed(body)
    parts = [answer.get(name) for name in ("error", "error_description", "errorCode", "errorMessage")]
    said = ": ".join(part for part in parts if isinstance(part, str) and part)
    return f"{host} answers {status}{': ' if said else ''}{said}"
