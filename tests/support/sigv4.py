"""AWS Signature Version 4 as botocore makes it: what judges the data plane's own."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True)
class Asked:
    """A request to be signed: its path and query as they go over the wire, and what headers are signed but the date."""

    method: str
    host: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def authorization(asked: Asked, keys: Credentials, scope: tuple[str, str], stamp: str) -> tuple[str, dict[str, str]]:
    """The value of `authorization`, and all headers that are signed; `scope` is the region and the service, `stamp` the
    time as AWS writes it (`20150830T123600Z`)."""
    region, service = scope
    query = f"?{asked.query}" if asked.query else ""
    request = AWSRequest(asked.method, f"https://{asked.host}{asked.path}{query}", data=asked.body)
    request.headers["host"] = asked.host
    for name, value in asked.headers:
        request.headers[name] = value
    request.headers["x-amz-date"] = stamp
    if keys.token:
        request.headers["x-amz-security-token"] = keys.token
    request.context["timestamp"] = stamp
    auth = SigV4Auth(keys, service, region)
    told = auth.string_to_sign(request, auth.canonical_request(request))
    signed = {name.lower(): str(value) for name, value in request.headers.items()}
    names = auth.signed_headers(auth.headers_to_sign(request))
    signature = auth.signature(told, request)
    value = f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
    return value, signed
