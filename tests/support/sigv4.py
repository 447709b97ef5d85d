"""AWS Signature Version 4 as botocore makes it: what judges the data plane's own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Asked:
    """A request to be signed: its path and query as they go over the wire."""

    method: str
    host: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def authorization(
    asked: Asked, keys: Credentials, scope: tuple[str, str], at: dt.datetime
) -> tuple[str, dict[str, str]]:
    """The value of `authorization`, and all headers that are signed; `scope` is the region and the service."""
    region, service = scope
    query = f"?{asked.query}" if asked.query else ""
    request = AWSRequest(asked.method, f"https://{asked.host}{asked.path}{query}", data=asked.body)
    request.headers["host"] = asked.host
    for name, value in asked.headers:
        request.headers[name] = value
    now: Any = at.replace(tzinfo=None)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now):
        botocore.auth.SigV4Auth(keys, service, region).add_auth(request)
    signed = {name.lower(): str(value) for name, value in request.headers.items()}
    return signed.pop("authorization"), signed
