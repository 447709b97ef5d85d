"""A record as spans: one of kind SERVER for the request, and one of kind CLIENT for each send.

The trace's id and the span's are the record's. Those of the sends are worked out as the data plane does
(`rust/dataplane/src/trace.rs`, `span_of_send`): upstreams were told them in `traceparent`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags, Status

from tollway.admin.otlp.names import ENDPOINTS, Endpoint, Names
from tollway.admin.otlp.settings import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

Record: TypeAlias = "dict[str, Any]"
Value: TypeAlias = "str | bool | int | float | list[str]"

_UNKNOWN = Endpoint("", "")
_GOLDEN = 0x9E37_79B9_7F4A_7C15
_64_BITS = (1 << 64) - 1
_SAMPLED = 1

# Members of a record that are told of the request's span as they are, under `tollway.NAME`.
_TOLD = (
    *("route", "key", "organisation", "tenant", "team", "project", "environment", "user", "agent", "task_type"),
    *("tags", "priority", "region", "decision", "requested_model", "cache", "flags", "price_version"),
    *("overhead_us", "upstream_us", "admitted_us", "connect_us", "request_bytes", "response_bytes"),
)


def value(given: Value) -> AnyValue:
    """`given` as OTLP has it."""
    match given:
        case bool():
            return AnyValue(bool_value=given)
        case int():
            return AnyValue(int_value=given)
        case float():
            return AnyValue(double_value=given)
        case str():
            return AnyValue(string_value=given)
        case _:
            return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=one) for one in given]))


def attributes(given: Mapping[str | None, Value | None]) -> list[KeyValue]:
    """`given` as OTLP has it, without what has no name or no value."""
    return [
        KeyValue(key=key, value=value(one))
        for key, one in given.items()
        if key is not None and one is not None and one not in ("", [])
    ]


def sampled(record: Record, share: float) -> bool:
    """Whether the request's trace is kept: `share` of all traces, chosen by the id, so that every part chooses alike.

    The lower 64 bits decide, as in OpenTelemetry's TraceIdRatioBased. A caller that said that its trace is not kept
    (the flag `sampled` of its `traceparent`) is believed; one that says that it is does not widen the share.
    """
    flags = record.get("trace_flags")
    if flags is not None and not flags & _SAMPLED:
        return False
    return int(_trace_id(record)[16:], 16) < round(share * (1 << 64))


def _trace_id(record: Record) -> str:
    # A request that was refused before its head could be read has no trace of its own; its id's digits are one.
    return str(record.get("trace_id") or record["id"].removeprefix("req_"))


def span_of_send(span: int, number: int) -> int:
    """The id of the span of the `number`-th send, from 1, of the request whose span is `span`."""
    return max((span + number * _GOLDEN) & _64_BITS, 1)


_INPUT = ("input", "cache_read", "cache_write", "audio_input", "image_input", "video_input", "document_input")
_OUTPUT = ("output", "reasoning", "audio_output", "image_output", "video_output")
"""The record's buckets that are input, and output."""


class Spans:
    """Makes spans with the names of one version of the conventions."""

    def __init__(self, names: Names, providers: dict[str, Provider]) -> None:
        self._names = names
        self._providers = providers

    def of(self, record: Record) -> list[Span]:
        """The request's span, then those of its sends. Raises `KeyError` or `ValueError` for what is no record."""
        endpoint = ENDPOINTS.get(record["endpoint"], _UNKNOWN)
        trace = bytes.fromhex(_trace_id(record))
        span_id = int(record.get("span_id") or _trace_id(record)[16:], 16) or 1
        spans = [self._request(record, endpoint, trace, span_id)]
        attempts = record.get("attempts") or []
        for number, attempt in enumerate(attempts, 1):
            last, serves = number == len(attempts), attempt["class"] == "ok"
            span = Span(
                trace_id=trace,
                span_id=span_of_send(span_id, number).to_bytes(8),
                parent_span_id=span_id.to_bytes(8),
                flags=SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | _SAMPLED,
                name=f"{endpoint.operation or record['endpoint']} {attempt['model']}",
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=_nano(record, attempt["at_us"]),
                end_time_unix_nano=_nano(record, attempt["at_us"] + attempt["took_us"]),
                attributes=attributes(
                    self._send(record, attempt, number, endpoint) | (self._answer(record, attempt) if last else {})
                ),
            )
            if not serves or (last and _failed(record)):
                span.status.code = Status.STATUS_CODE_ERROR
            spans.append(span)
        return spans

    def _request(self, record: Record, endpoint: Endpoint, trace: bytes, span_id: int) -> Span:
        names, failed = self._names, _failed(record)
        given: dict[str | None, Value | None] = {
            names["method"]: endpoint.method,
            names["path"]: endpoint.path,
            names["status"]: record["status"],
            names["error_type"]: record.get("error") if failed else None,
            names["conversation"]: record.get("session"),
            "tollway.request_id": record["id"],
            "tollway.error": record.get("error"),
            "tollway.attempts": len(record.get("attempts") or []),
            "tollway.cost_usd": _dollars(record),
            **{f"tollway.{name}": record.get(name) for name in _TOLD},
        }
        parent = record.get("parent_span_id")
        remote = SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK if parent else 0
        span = Span(
            trace_id=trace,
            span_id=span_id.to_bytes(8),
            parent_span_id=bytes.fromhex(parent or ""),
            flags=SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | remote | _SAMPLED,
            name=f"{endpoint.method} {endpoint.path}" if endpoint.method else "HTTP",
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=_nano(record, 0),
            end_time_unix_nano=_nano(record, record["total_us"]),
            attributes=attributes(given),
        )
        if failed:
            span.status.code = Status.STATUS_CODE_ERROR
        return span

    def _send(
        self, record: Record, attempt: dict[str, Any], number: int, endpoint: Endpoint
    ) -> dict[str | None, Value | None]:
        names = self._names
        provider = self._providers.get(attempt["provider"], Provider(attempt["provider"]))
        failed = attempt["class"] != "ok"
        return {
            names["operation"]: endpoint.operation or record["endpoint"],
            names["provider"]: names.provider(provider.kind, attempt["provider"]),
            names["request_model"]: attempt["model"],
            names["request_stream"]: True if record.get("stream") else None,
            names["server_address"]: provider.host,
            names["server_port"]: provider.port,
            names["status"]: attempt.get("status"),
            names["error_type"]: attempt["class"] if failed else record.get("error") if _failed(record) else None,
            names["conversation"]: record.get("session"),
            "tollway.provider": attempt["provider"],
            "tollway.route": record.get("route"),
            "tollway.attempt": number,
        }

    def _answer(self, record: Record, attempt: dict[str, Any]) -> dict[str | None, Value | None]:
        """What the send that served knows of its answer."""
        names, tokens = self._names, record.get("tokens") or {}
        first = record.get("first_token_us")
        return {
            names["response_model"]: record.get("served_model"),
            names["finish_reasons"]: [record["finish"]] if record.get("finish") else None,
            names["time_to_first_chunk"]: (first - attempt["at_us"]) / 1e6 if first and record.get("stream") else None,
            # The record's buckets are disjoint; these two count all, cached and reasoning tokens too.
            names["input_tokens"]: _sum(tokens, *_INPUT),
            names["output_tokens"]: _sum(tokens, *_OUTPUT),
            names["cache_read_tokens"]: tokens.get("cache_read"),
            names["cache_write_tokens"]: tokens.get("cache_write"),
            names["reasoning_tokens"]: tokens.get("reasoning"),
            "tollway.tokens_estimated": True if record.get("estimated") else None,
            "tollway.service_tier": record.get("service_tier"),
            "tollway.upstream_id": record.get("upstream_id"),
            "tollway.cost_usd": _dollars(record),
        }


def _failed(record: Record) -> bool:
    """Whether it failed on our side or further up: what a caller does wrong is no fault of the server's (HTTP)."""
    return bool(record.get("error")) and not 400 <= record["status"] < 500


def _nano(record: Record, after_us: int) -> int:
    return int(record["accepted_us"] + after_us) * 1000


def _dollars(record: Record) -> float | None:
    cost = record.get("cost_nano")
    return None if cost is None else cost / 1e9


def _sum(tokens: dict[str, int | None], *buckets: str) -> int | None:
    known = [count for bucket in buckets if (count := tokens.get(bucket)) is not None]
    return sum(known) if known else None
