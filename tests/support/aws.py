"""Amazon Bedrock's runtime, as far as a gateway can tell.

It checks signatures with botocore, bodies against the service's own model, and answers in AWS's frames.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import unquote

import botocore.session
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

from tests.support import frames
from tests.support.reply import AnyReply, Reply
from tests.support.sigv4 import Asked, authorization
from tests.support.spoken import CACHED, CALL, CALL_ID, INPUT, OUTPUT, SIGNATURE, SPOKEN, TEXT, THOUGHT
from tests.support.upstream import Received, ScriptedUpstream

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/1arbu5hu2sjr"
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"
SKEW = 300
"""How many seconds a signature's time may be off."""

Json = dict[str, Any]
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_PATH = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke|invoke-with-response-stream)")
_USAGE = {
    "inputTokens": INPUT - CACHED,
    "outputTokens": OUTPUT,
    "totalTokens": INPUT + OUTPUT,
    "cacheReadInputTokens": CACHED,
    "cacheWriteInputTokens": 0,
}


@dataclass(frozen=True)
class Fault(Exception):  # noqa: N818 - AWS's word for it would be an exception
    """An answer that is an error."""

    status: int
    name: str
    message: str


Planned: TypeAlias = str | Fault | Callable[[list[bytes]], AnyReply]
"""What is answered: `text`, `call`, an error, or what is made of the frames of `text`."""


@dataclass
class BedrockServer:
    """One region's endpoint. `ahead` is how many seconds its clock is before ours."""

    keys: Credentials
    bearer: str = "canary-bedrock-api-key"
    region: str = "us-east-1"
    ahead: float = 0
    expired: bool = False
    models: set[str] = field(default_factory=lambda: {CLAUDE, PROFILE, TITAN, COHERE})
    upstream: ScriptedUpstream = field(default_factory=ScriptedUpstream)
    _planned: deque[Planned] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.upstream.otherwise = self.answer

    @property
    def url(self) -> str:
        """Where it is."""
        return self.upstream.url

    def plan(self, *planned: Planned) -> None:
        """Answer the next requests that prove who they are so, one each; `text` when none is left."""
        with self._lock:
            self._planned.extend(planned)

    def reset(self) -> None:
        """Forget requests and plans."""
        self.upstream.reset()
        self.upstream.otherwise = self.answer
        self.ahead, self.expired = 0, False
        with self._lock:
            self._planned.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.upstream.stop()

    def answer(self, received: Received) -> AnyReply:
        """What a request is answered."""
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.ahead)
        try:
            self._check(received, now)
            reply = self._serve(received)
        except Fault as fault:
            where = "http://internal.amazon.com/coral/com.amazon.coral.service/"
            reply = Reply(status=fault.status, body=(json.dumps({"message": fault.message}).encode(),))
            reply = reply.with_headers(("x-amzn-errortype", f"{fault.name}:{where}"))
        if not isinstance(reply, Reply):
            return reply
        date = format_datetime(now, usegmt=True)
        return reply.with_headers(("date", date), ("x-amzn-requestid", "d4ebfa85-83b5-42ec-90e2-ddd23d78339d"))

    def _check(self, received: Received, now: dt.datetime) -> None:
        given = received.header("authorization") or ""
        if given.startswith("Bearer "):
            if given != f"Bearer {self.bearer}":
                raise Fault(403, "AccessDeniedException", f"Invalid API Key: {given.removeprefix('Bearer ')}")
            return
        found = _AUTHORIZATION.fullmatch(given)
        if found is None:
            raise Fault(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        key, day, region, service, names, _ = found.groups()
        stamp = received.header("x-amz-date") or ""
        at = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        if abs((now - at).total_seconds()) > SKEW:
            word = "expired" if at < now else "not yet current"
            message = f"Signature {word}: {stamp} is not near {now:%Y%m%dT%H%M%SZ}"
            raise Fault(403, "InvalidSignatureException", message)
        if key != self.keys.access_key or received.header("x-amz-security-token") != self.keys.token:
            message = "The security token included in the request is invalid."
            raise Fault(403, "UnrecognizedClientException", message)
        if self.expired:
            raise Fault(403, "ExpiredTokenException", "The security token included in the request is expired")
        if (day, region, service) != (stamp[:8], self.region, "bedrock"):
            raise Fault(403, "InvalidSignatureException", "Credential should be scoped to a valid region.")
        signed = set(names.split(";"))
        if not {"host", "x-amz-date"} | {name for name, _ in received.headers if name.startswith("x-amz-")} <= signed:
            raise Fault(403, "InvalidSignatureException", "'Host' and all 'x-amz-*' headers must be signed.")
        self._check_signature(received, given, signed, stamp)

    def _check_signature(self, received: Received, given: str, signed: set[str], stamp: str) -> None:
        path, _, query = received.target.partition("?")
        own = {"host", "x-amz-date", "x-amz-security-token"}
        headers = tuple((name, value) for name, value in received.headers if name in signed - own)
        asked = Asked(received.method, received.header("host") or "", path, query, headers, received.body)
        expected, _ = authorization(asked, self.keys, (self.region, "bedrock"), stamp)
        if given != expected:
            quoted = f"{expected}, security token {self.keys.token}"
            message = f"The request signature we calculated does not match the signature you provided. {quoted}"
            raise Fault(403, "InvalidSignatureException", message)

    def _serve(self, received: Received) -> AnyReply:
        found = _PATH.fullmatch(received.target)
        if found is None or received.method != "POST":
            raise Fault(404, "UnknownOperationException", "")
        model, what = unquote(found[1]), found[2]
        if model not in self.models:
            raise Fault(404, "ResourceNotFoundException", "Could not resolve the foundation model from the identifier.")
        body = received.json()
        with self._lock:
            planned = self._planned.popleft() if self._planned else "text"
        if isinstance(planned, Fault):
            raise planned
        if what.startswith("converse"):
            _validate({**body, "modelId": model})
            streamed = _converse_events
        elif "embed" in model:
            return _json(_embedded(model, body))
        else:
            _check_messages(body)
            streamed = _invoked_events
        if not what.endswith("stream"):
            name = str(planned)
            return _json(_conversed(name) if what == "converse" else _messages(name))
        return planned(streamed("text")) if callable(planned) else stream(streamed(planned))


def stream(sent: Sequence[bytes]) -> Reply:
    """An answer in frames."""
    headers = (("content-type", "application/vnd.amazon.eventstream"),)
    return Reply(headers=headers, body=tuple(sent), framing="chunked")


def _json(body: Json) -> Reply:
    return Reply(body=(json.dumps(body, ensure_ascii=False).encode(),))


@cache
def _shape() -> Any:  # noqa: ANN401 - the library has no types
    service = botocore.session.Session().get_service_model("bedrock-runtime")
    return service.operation_model("Converse").input_shape


def _validate(params: Json) -> None:
    """Check a body as AWS's own clients do. What is binary stands in it as base64."""
    report = ParamValidator().validate(params, _shape())
    if report.has_errors():
        raise Fault(400, "ValidationException", report.generate_report())


def _check_messages(body: Json) -> None:
    """Check what Bedrock checks of a body of Anthropic's."""
    if body.get("anthropic_version") != "bedrock-2023-05-31":
        raise Fault(400, "ValidationException", "anthropic_version: Field required")
    for name in ("model", "stream"):
        if name in body:
            message = (
                f"Malformed input request: #: extraneous key [{name}] is not permitted, please reformat your input."
            )
            raise Fault(400, "ValidationException", message)


def _conversed(name: str) -> Json:
    tool = {"toolUse": {"toolUseId": CALL_ID, "name": CALL["name"], "input": CALL["arguments"]}}
    thought = {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}}
    content = [{"text": TEXT}] if name == "text" else [thought, tool]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn" if name == "text" else "tool_use",
        "usage": _USAGE,
        "metrics": {"latencyMs": 731},
    }


def _converse_events(name: str) -> list[bytes]:
    begun = frames.event("messageStart", {"role": "assistant", "p": "abcd"})
    usage = frames.event("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 731}})
    if name == "text":
        deltas: list[Json] = [{"text": TEXT[:9]}, {"text": TEXT[9:]}]
        blocks, reason = _block(0, None, deltas), "end_turn"
    else:
        thought = [{"reasoningContent": {"text": THOUGHT}}, {"reasoningContent": {"signature": SIGNATURE}}]
        arguments = json.dumps(CALL["arguments"], ensure_ascii=False)
        begins = {"toolUse": {"toolUseId": CALL_ID, "name": CALL["name"]}}
        halves: list[Json] = [{"toolUse": {"input": half}} for half in (arguments[:7], arguments[7:])]
        blocks, reason = [*_block(0, None, thought), *_block(1, begins, halves)], "tool_use"
    return [begun, *blocks, frames.event("messageStop", {"stopReason": reason}), usage]


def _block(index: int, start: Json | None, deltas: Sequence[Json]) -> list[bytes]:
    at = {"contentBlockIndex": index}
    begun = [] if start is None else [frames.event("contentBlockStart", {**at, "start": start})]
    middle = [frames.event("contentBlockDelta", {**at, "delta": delta, "p": "abcdefghij"}) for delta in deltas]
    return [*begun, *middle, frames.event("contentBlockStop", at)]


def _messages(name: str) -> Json:
    spoken = SPOKEN["anthropic"]
    return spoken.text if name == "text" else spoken.call


def _invoked_events(name: str) -> list[bytes]:
    spoken = SPOKEN["anthropic"]
    told = spoken.text_events if name == "text" else spoken.call_events
    events = [json.loads(event.partition(b"data: ")[2]) for event in told]
    metrics = {"inputTokenCount": INPUT, "outputTokenCount": OUTPUT, "invocationLatency": 731, "firstByteLatency": 99}
    events[-1]["amazon-bedrock-invocationMetrics"] = metrics
    return [frames.chunk(event) for event in events]


def _embedded(model: str, body: Json) -> Json:
    if model == TITAN:
        _only(body, {"inputText"}, {"dimensions", "normalize"})
        return {"embedding": [0.25, -0.5], "inputTextTokenCount": 5, "embeddingsByType": {"float": [0.25, -0.5]}}
    _only(body, {"texts", "input_type"}, {"truncate"})
    vectors = [[float(len(text)), 0.5] for text in body["texts"]]
    return {"embeddings": vectors, "id": "1", "response_type": "embeddings_floats", "texts": body["texts"]}


def _only(body: Json, needed: set[str], optional: set[str]) -> None:
    if not needed <= body.keys() <= needed | optional:
        raise Fault(400, "ValidationException", f"Malformed input request: {sorted(body)}")
