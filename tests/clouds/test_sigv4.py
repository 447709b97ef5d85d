"""The table that the Rust tests of SigV4 read is what botocore signs.

`python -m tests.clouds.test_sigv4` writes it anew.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from tests.support.sigv4 import Asked, authorization

TABLE = Path(__file__).parents[2] / "rust/protocol/tests/it/sigv4/botocore.json"

JSON = ("content-type", "application/json")
MODELS = (
    "anthropic.claude-sonnet-4-5-20250929-v1%3A0",
    "eu.amazon.nova-lite-v1:0",
    "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-3-haiku-v1%3A0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
)
PATHS = ("/", "/a/./b/../c//d/", "/..", "/%7Euser/ü%20 /~_-.", "/a,b;c=d@e$f")
QUERIES = ("", "a=1", "b=2&a=3&a=1&c", "Action=ListUsers&Version=2010-05-08", "q=%2F%20&p=")
TIMES = (0, 951_782_400, 1_440_938_160, 1_763_755_499, 4_102_444_799)


def _cases() -> Iterator[tuple[Asked, Credentials, tuple[str, str], int]]:
    plain = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    session = Credentials("ASIAEXAMPLE", "a/secret+of=letters", "IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJ")
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    for number, model in enumerate(MODELS):
        body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Grüße " * number}]}]}).encode()
        for keys in (plain, session):
            asked = Asked("POST", host, f"/model/{model}/converse-stream", "", (JSON,), body)
            yield asked, keys, ("us-east-1", "bedrock"), 1_763_755_499
    for path in PATHS:
        yield Asked("GET", host, path, "", (), b""), plain, ("eu-central-1", "service"), 1_440_938_160
    for query in QUERIES:
        yield Asked("GET", host, "/", query, (), b""), plain, ("us-east-1", "iam"), 1_440_938_160
    for at in TIMES:
        headers = (("x-amzn-bedrock-guardrailidentifier", "  a   b\tc "), ("x-amz-empty", ""), JSON)
        yield Asked("POST", "[::1]:8443", "/", "", headers, b"{}"), plain, ("us-gov-west-1", "bedrock"), at


def table() -> list[dict[str, Any]]:
    """Every case, with what botocore makes of it."""
    found = []
    for asked, keys, scope, unix in _cases():
        stamp = dt.datetime.fromtimestamp(unix, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        value, signed = authorization(asked, keys, scope, stamp)
        found.append(
            {
                "method": asked.method,
                "path": asked.path,
                "query": asked.query,
                "headers": sorted(signed.items()),
                "body": asked.body.decode(),
                "access_key_id": keys.access_key,
                "secret_access_key": keys.secret_key,
                "region": scope[0],
                "service": scope[1],
                "unix": unix,
                "authorization": value,
            }
        )
    return found


def test_the_table_is_what_botocore_signs() -> None:
    assert json.loads(TABLE.read_text()) == json.loads(json.dumps(table()))


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1, ensure_ascii=False) + "\n")
