"""Microsoft Entra, emulated: the token endpoint, and the metadata of a machine that has a managed identity.

- client credentials: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
- managed identity: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

The tokens are RS256, and `verify` is what an API in front of which it stands does with them.
"""

from __future__ import annotations

import ssl
import time
from typing import Any

import jwt
from cryptography.x509 import load_pem_x509_certificate

from tests.support.issuer import Asked, Issuer, KeyPair, Said, bearer_of

TENANT = "7f3b1c9e-0000-4000-8000-000000000001"
CLIENT = "2d9a4e11-0000-4000-8000-000000000002"
SECRET = "canary-entra-secret-1"
SCOPE = "https://cognitiveservices.azure.com/.default"
RESOURCE = "https://cognitiveservices.azure.com"


class Entra(Issuer):
    """`certificate` is the PEM of the application's; `federated` signs the tokens of who the application trusts."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, lifetime: float = 3600, certificate: str = "") -> None:
        super().__init__(tls, lifetime=lifetime)
        self.keys = KeyPair()
        self.federated = KeyPair()
        self.certificate = certificate
        self.managed = True

    def federated_token(self, **claims: object) -> str:
        """A token as a Kubernetes cluster projects it into a pod."""
        now = int(time.time())
        return self.federated.sign({"aud": "api://AzureADTokenExchange", "sub": "pod", "exp": now + 600, **claims})

    def verify(self, headers: dict[str, str]) -> dict[str, Any]:
        """What the bearer token of a request to the API holds. Raises `jwt.InvalidTokenError`."""
        return self.keys.verify(bearer_of(headers), RESOURCE)

    def answer(self, asked: Asked) -> Said:
        if asked.path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/{TENANT}"
            return Said(
                200,
                {
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "issuer": f"{base}/v2.0",
                    "jwks_uri": f"{base}/discovery/v2.0/keys",
                },
            )
        if asked.path == "/metadata/identity/oauth2/token":
            return self._metadata(asked)
        if asked.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._token(asked.form)
        return Said(404, {"error": "invalid_request", "error_description": "AADSTS90002: Tenant not found."})

    def _metadata(self, asked: Asked) -> Said:
        if asked.headers.get("metadata") != "true":
            return Said(400, {"error": "bad_request_102", "error_description": "Required metadata header missing"})
        if not self.managed:
            return Said(400, {"error": "invalid_request", "error_description": "Identity not found"})
        return Said(200, {"resource": RESOURCE, **self._issue(asked.query["resource"])})

    def _token(self, form: dict[str, str]) -> Said:
        trouble = self._refusal(form)
        if trouble is not None:
            return Said(
                401, {"error": "invalid_client", "error_description": f"{trouble} Trace ID: 1", "error_codes": [1]}
            )
        return Said(200, {**self._issue(form["scope"].removesuffix("/.default"))})

    def _refusal(self, form: dict[str, str]) -> str | None:
        if form.get("client_id") != CLIENT:
            return "AADSTS700016: Application with identifier was not found in the directory."
        if "client_secret" in form:
            return None if form["client_secret"] == SECRET else "AADSTS7000215: Invalid client secret provided."
        assertion = form.get("client_assertion", "")
        try:
            if jwt.get_unverified_header(assertion).get("x5t#S256") or jwt.get_unverified_header(assertion).get("x5t"):
                key: Any = load_pem_x509_certificate(self.certificate.encode()).public_key()
                audience, issuer = f"{self.url}/{TENANT}/oauth2/v2.0/token", CLIENT
                jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=audience, issuer=issuer)
            else:
                self.federated.verify(assertion, "api://AzureADTokenExchange")
        except jwt.ExpiredSignatureError:
            return "AADSTS700024: Client assertion is not within its valid time range."
        except (jwt.InvalidTokenError, ValueError) as error:
            return f"AADSTS700027: The certificate or assertion is not valid: {type(error).__name__}."
        return None

    def _issue(self, audience: str) -> dict[str, Any]:
        now = time.time()
        claims = {"aud": audience, "iss": self.url, "exp": now + self.lifetime, "jti": str(len(self.issued))}
        token = self.keys.sign(claims)
        self.issued.append(token)
        lifetime = int(self.lifetime)
        return {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": lifetime,
            "expires_on": str(int(now) + lifetime),
        }
