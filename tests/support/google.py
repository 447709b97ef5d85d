"""Google Cloud's issuers, emulated: the token endpoint, STS, impersonation, and the metadata server.

- service accounts: <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>
- workload identity: <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>
- impersonation: <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
- metadata: <https://cloud.google.com/compute/docs/access/authenticate-workloads#applications>
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import Any

import jwt

from tests.support.issuer import Asked, Issuer, KeyPair, Said, bearer_of

ACCOUNT = "gateway@project.iam.gserviceaccount.com"
OTHER = "models@project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ENDPOINT = "https://oauth2.googleapis.com/token"
"""What the assertion is for, wherever it is sent."""

AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"


class Google(Issuer):
    """`account` is the service account's key, `federated` signs the tokens of the pool's provider."""

    def __init__(self, *, lifetime: float = 3600) -> None:
        super().__init__(lifetime=lifetime)
        self.account = KeyPair()
        self.federated = KeyPair()
        self._known: dict[str, float] = {}
        self.metadata = True

    def service_account(self, **changed: object) -> dict[str, Any]:
        """The file of the service account's key."""
        known = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "1", "project_id": "project"}
        return {**known, "private_key": self.account.private_pem, "token_uri": f"{self.url}/token", **changed}

    def workload(self, **source: object) -> dict[str, Any]:
        """The file of workload identity federation, with this source of tokens."""
        return {
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.url}/v1/token",
            "credential_source": source,
        }

    def federated_token(self, **claims: object) -> str:
        """A token as the pool's provider gives it."""
        return self.federated.sign({"aud": AUDIENCE, "sub": "pod", "exp": int(time.time()) + 600, **claims})

    def verify(self, headers: dict[str, str]) -> bool:
        """Whether the bearer token of a request to the API is one of ours, and has not expired."""
        return self._known.get(bearer_of(headers), 0) > time.time()

    def answer(self, asked: Asked) -> Said:
        if asked.path.startswith("/computeMetadata/"):
            return self._metadata(asked)
        if asked.path == "/token":
            return self._assertion(asked.form)
        if asked.path == "/v1/token":
            return self._exchange(asked)
        if asked.path == "/subject":
            return Said(200, {"token": self.federated_token()})
        if asked.path == f"/v1/projects/-/serviceAccounts/{OTHER}:generateAccessToken":
            return self._impersonate(asked)
        return Said(404, {"error": "not_found"})

    def _metadata(self, asked: Asked) -> Said:
        flavor = (("metadata-flavor", "Google"),)
        if asked.headers.get("metadata-flavor") != "Google" or not self.metadata:
            return Said(403, "", flavor)
        if asked.path.endswith("/token"):
            return Said(200, self._issue(), flavor)
        account = {"aliases": ["default"], "email": ACCOUNT, "scopes": [SCOPE]}
        return Said(200, account, flavor)

    def _assertion(self, form: dict[str, str]) -> Said:
        try:
            claims = self.account.verify(form["assertion"], ENDPOINT, issuer=ACCOUNT)
        except jwt.InvalidTokenError:
            return Said(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        if not {SCOPE, "https://www.googleapis.com/auth/iam"} & set(claims.get("scope", "").split()):
            return Said(400, {"error": "invalid_scope", "error_description": "Invalid OAuth scope."})
        return Said(200, self._issue())

    def _exchange(self, asked: Asked) -> Said:
        form = asked.form if asked.headers["content-type"].startswith("application/x-www") else asked.json()
        try:
            self.federated.verify(form["subject_token"], AUDIENCE)
        except jwt.InvalidTokenError as error:
            return Said(400, {"error": "invalid_grant", "error_description": f"The token is not valid: {error}"})
        return Said(200, {**self._issue(), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    def _impersonate(self, asked: Asked) -> Said:
        if not self.verify(asked.headers):
            return Said(401, {"error": {"code": 401, "message": "invalid credentials", "status": "UNAUTHENTICATED"}})
        issued = self._issue()
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lifetime)
        return Said(200, {"accessToken": issued["access_token"], "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _issue(self) -> dict[str, Any]:
        token = f"ya29.canary-{secrets.token_hex(16)}"
        self.issued.append(token)
        self._known[token] = time.time() + self.lifetime
        return {"access_token": token, "expires_in": int(self.lifetime), "token_type": "Bearer"}
