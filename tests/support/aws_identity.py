"""Where AWS's keys come from, emulated: the metadata of an EC2 instance (IMDSv2), of a container, and STS.

- IMDSv2: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>
- containers: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
- STS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>, and AssumeRole, whose
  signature is checked with botocore.
"""

from __future__ import annotations

import datetime as dt
import re
from unittest import mock
from xml.sax.saxutils import escape

import botocore.auth
import jwt
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.issuer import Asked, Issuer, KeyPair, Said

ROLE = "arn:aws:iam::123456789012:role/gateway"
EXTERNAL_ID = "canary-external-1"
CONTAINER_TOKEN = "canary-container-token-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+), "
)


class AwsIdentity(Issuer):
    """All of it on one port. `users` are static keys that STS knows; it adds those that it hands out."""

    def __init__(self, *, lifetime: float = 3600) -> None:
        super().__init__(lifetime=lifetime)
        self.users = {"AKIACANARY0000000001": "canary-aws-secret-1"}
        self.oidc = KeyPair()
        self.sessions: dict[str, str] = {}

    def web_identity(self, **claims: object) -> str:
        """A token as a Kubernetes cluster projects it into a pod."""
        now = int(dt.datetime.now(dt.UTC).timestamp())
        return self.oidc.sign({"aud": "sts.amazonaws.com", "sub": "pod", "exp": now + 600, **claims})

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/latest/api/token":
            given = asked.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
            if asked.method != "PUT" or not given.isdigit():
                return Said(400, "")
            token = f"imds-{len(self.sessions)}"
            self.sessions[token] = given
            return Said(200, token, (("x-aws-ec2-metadata-token-ttl-seconds", given),))
        if asked.path.startswith("/latest/meta-data/"):
            return self._metadata(asked)
        if asked.path == "/container":
            if asked.headers.get("authorization") != CONTAINER_TOKEN:
                return Said(401, {"code": "Unauthorized", "message": "no"})
            return Said(200, self._keys("container"))
        return self._sts(asked)

    def _metadata(self, asked: Asked) -> Said:
        if asked.headers.get("x-aws-ec2-metadata-token") not in self.sessions:
            return Said(401, "")
        place = asked.path.removeprefix("/latest/meta-data/iam/security-credentials/")
        if place == "":
            return Said(200, "instance-role", (("content-type", "text/plain"),))
        return Said(200, {"Code": "Success", "Type": "AWS-HMAC", **self._keys("imds")})

    def _keys(self, way: str) -> dict[str, str]:
        """New keys, known from now on; their names say how they were got."""
        number = len(self.issued)
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lifetime)
        key = f"ASIA{way.upper()}{number}"
        self.issued.append(key)
        self.users[key] = f"canary-{way}-secret-{number}"
        stamp = ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        session = f"canary-{way}-session-{number}"
        return {"AccessKeyId": key, "SecretAccessKey": self.users[key], "Token": session, "Expiration": stamp}

    def _sts(self, asked: Asked) -> Said:
        form = asked.form
        refusal = self._refuse_web(form) if form.get("Action") == "AssumeRoleWithWebIdentity" else self._refuse(asked)
        if refusal is None and form.get("RoleArn") != ROLE:
            refusal = ("AccessDenied", "User is not authorized to perform: sts:AssumeRole")
        if refusal is not None:
            code, said = refusal
            text = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(said)}</Message></Error>"
            body = f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{text}</ErrorResponse>'
            return Said(403, body, (("content-type", "text/xml"),))
        keys = self._keys("web" if "WebIdentityToken" in form else "role")
        keys["SessionToken"] = keys.pop("Token")
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in keys.items())
        action = form["Action"]
        body = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"<Credentials>{inner}</Credentials></{action}Result></{action}Response>"
        )
        return Said(200, body, (("content-type", "text/xml"),))

    def _refuse_web(self, form: dict[str, str]) -> tuple[str, str] | None:
        try:
            self.oidc.verify(form["WebIdentityToken"], "sts.amazonaws.com")
        except jwt.ExpiredSignatureError:
            return ("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
        except jwt.InvalidTokenError:
            return ("InvalidIdentityToken", "The web identity token is not valid")
        return None

    def _refuse(self, asked: Asked) -> tuple[str, str] | None:
        trouble = self.unsigned(asked, "sts")
        if trouble is None and asked.form.get("ExternalId") not in (None, EXTERNAL_ID):
            return ("AccessDenied", "User is not authorized to perform: sts:AssumeRole")
        return trouble

    def unsigned(self, asked: Asked, service: str) -> tuple[str, str] | None:
        """Why a request for `service` is refused, if it is: its signature is made anew with botocore."""
        found = _AUTHORIZATION.match(asked.headers.get("authorization", ""))
        if found is None or found[1] not in self.users or found[3] != service:
            return ("InvalidClientTokenId", "The security token included in the request is invalid.")
        key, region, names = found[1], found[2], found[4]
        request = AWSRequest(asked.method, f"http://{asked.headers['host']}{asked.path}", data=asked.body)
        for name in names.split(";"):
            if name not in ("host", "x-amz-security-token", "x-amz-date"):
                request.headers[name] = asked.headers[name]
        at = dt.datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - botocore's
        keys = Credentials(key, self.users[key], asked.headers.get("x-amz-security-token"))
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=at):
            botocore.auth.SigV4Auth(keys, service, region).add_auth(request)
        if request.headers["authorization"] != asked.headers["authorization"]:
            return ("SignatureDoesNotMatch", "The request signature we calculated does not match.")
        return None
