"""Tokens of Microsoft Entra, by azure-identity: a client's secret or certificate, workload identity, managed identity.

Which of them follows from what is given, the variables of azure-identity included
(<https://learn.microsoft.com/python/api/overview/azure/identity-readme#environment-variables>).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from tollway.credentials.value import FetchError, Value, token

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

HURRIED: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 1}


def fetch(given: dict[str, Any]) -> Value:
    """The token. Raises `FetchError`."""
    try:
        credential = _credential(given)
    except (ValueError, OSError) as error:
        # Its text may quote the certificate.
        raise FetchError(f"the credential cannot be used ({type(error).__name__})", "see tollway check") from None
    try:
        with credential:  # type: ignore[attr-defined]
            found = credential.get_token(given["scope"])
    except AzureError as error:
        raise FetchError(str(error.message or type(error).__name__), _TODO[given["method"]]) from None
    except OSError as error:
        raise FetchError(f"a file cannot be read: {(error.strerror or '').lower()}", _TODO[given["method"]]) from None
    return Value(float(found.expires_on), bearer=token(found.token))


_TODO = {
    "secret": "check `tenant_id`, `client_id` and `client_secret`, and that the secret has not expired",
    "certificate": "check `tenant_id` and `client_id`, and that the certificate is the application's and still valid",
    "workload": "check the federated credential of the application: issuer, subject and audience",
    "managed": "assign a managed identity to this machine, or give `client_secret`, `certificate` or `token_file`",
}


def _credential(given: dict[str, Any]) -> TokenCredential:
    tenant, client = given["tenant_id"], given["client_id"]
    options: dict[str, Any] = {**HURRIED, "authority": given["authority"]}
    # Else the authority is looked up at Microsoft's public cloud first, which a private one may not reach.
    options["disable_instance_discovery"] = not given["authority"].endswith("login.microsoftonline.com")
    match given["method"]:
        case "secret":
            return ClientSecretCredential(tenant, client, given["client_secret"], **options)
        case "certificate":
            return CertificateCredential(tenant, client, given["certificate"], **options)
        case "workload":
            return WorkloadIdentityCredential(
                tenant_id=tenant, client_id=client, token_file_path=given["token_file"], **options
            )
    return ManagedIdentityCredential(client_id=client, **HURRIED)
