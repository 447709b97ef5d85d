"""Two token endpoints, emulated: OAuth's client credentials (RFC 6749 §4.4), and IBM Cloud's for API keys.

IBM's: <https://cloud.ibm.com/apidocs/iam-identity-token-api#gettoken-apikey>.
"""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any
from urllib.parse import unquote_plus

from tests.support.issuer import Asked, Issuer, Said, bearer_of

CLIENT = "canary client:1"
SECRET = "canary-oauth+secret/1"
API_KEY = "canary-ibm-key-1"


class Tokens(Issuer):
    """Both of them. `verify` is what an API does with the tokens."""

    def __init__(self, *, lifetime: float = 3600) -> None:
        super().__init__(lifetime=lifetime)
        self._known: dict[str, float] = {}

    def verify(self, headers: dict[str, str]) -> bool:
        """Whether the bearer token of a request is one of these, and has not expired."""
        return self._known.get(bearer_of(headers), 0) > time.time()

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/identity/token":
            if asked.form != {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": API_KEY}:
                code = {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}
                return Said(400, code)
            return Said(200, self._issue() | {"expiration": int(time.time() + self.lifetime)})
        if asked.path == "/moved":
            return Said(307, "", (("location", "/token"),))
        if asked.path == "/nothing":
            return Said(200, {"access_token": "two words", "expires_in": 3600})
        return self._client(asked)

    def _client(self, asked: Asked) -> Said:
        form = asked.form
        given = (form.get("client_id"), form.get("client_secret"))
        scheme, _, pair = asked.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, secret = base64.b64decode(pair).decode().partition(":")
            given = (unquote_plus(client), unquote_plus(secret))
        if given != (CLIENT, SECRET):
            refused = {"error": "invalid_client", "error_description": f"no client with the secret {given[1]}"}
            return Said(401, refused)
        if form.get("scope") not in (None, "all-apis"):
            return Said(400, {"error": "invalid_scope"})
        return Said(200, self._issue())

    def _issue(self) -> dict[str, Any]:
        token = f"canary-token-{secrets.token_hex(16)}"
        self.issued.append(token)
        self._known[token] = time.time() + self.lifetime
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime)}
