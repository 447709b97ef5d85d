"""A bearer token for client credentials (RFC 6749 §4.4), as Databricks and others hand them out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from tollway.credentials.token_request import request_token

if TYPE_CHECKING:
    from tollway.credentials.value import Value


def fetch(given: dict[str, Any]) -> Value:
    """The token. Raises `FetchError`."""
    form, headers = {"grant_type": "client_credentials"}, {}
    if given["scope"]:
        form["scope"] = given["scope"]
    client, secret = given["client_id"], given["client_secret"]
    if given["client_auth"] == "body":
        form |= {"client_id": client, "client_secret": secret}
    else:
        # Each is form-encoded before they are joined (RFC 6749 §2.3.1).
        pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return request_token(given["token_url"], form, headers, "check `client_id`, `client_secret` and `scope`")
