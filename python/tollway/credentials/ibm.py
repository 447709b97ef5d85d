"""A bearer token of IBM Cloud's IAM for an API key (<https://cloud.ibm.com/apidocs/iam-identity-token-api>)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tollway.credentials.token_request import request_token

if TYPE_CHECKING:
    from tollway.credentials.value import Value


def fetch(given: dict[str, Any]) -> Value:
    """The token. Raises `FetchError`."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": given["api_key"]}
    return request_token(f"{given['url']}/identity/token", form, {}, "check `api_key`, and that it is not locked")
