"""Every name of OpenTelemetry's semantic conventions that is sent: one row a meaning, one column a version.

Sources: <https://github.com/open-telemetry/semantic-conventions> (`docs/gen-ai` at v1.36.0 and v1.41.0, `docs/http`),
now <https://github.com/open-telemetry/semantic-conventions-genai>. The GenAI conventions are all "Development", so each
version's names can be had as long as somebody's dashboards need them. `None`: that version has no name for it, and
nothing is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

VERSIONS = ("1.41", "1.36")
"""The columns, the newest first; `telemetry.semconv` chooses."""

_ROWS: dict[str, tuple[str | None, str | None]] = {
    "schema": ("https://opentelemetry.io/schemas/1.41.0", "https://opentelemetry.io/schemas/1.36.0"),
    # Spans, and attributes of metrics
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "operation": ("gen_ai.operation.name", "gen_ai.operation.name"),
    "request_model": ("gen_ai.request.model", "gen_ai.request.model"),
    "request_stream": ("gen_ai.request.stream", None),
    "response_model": ("gen_ai.response.model", "gen_ai.response.model"),
    "finish_reasons": ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reasons"),
    "time_to_first_chunk": ("gen_ai.response.time_to_first_chunk", None),
    "conversation": ("gen_ai.conversation.id", "gen_ai.conversation.id"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.input_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.output_tokens"),
    "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens", None),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens", None),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", None),
    "token_type": ("gen_ai.token.type", "gen_ai.token.type"),
    "error_type": ("error.type", "error.type"),
    "server_address": ("server.address", "server.address"),
    "server_port": ("server.port", "server.port"),
    "method": ("http.request.method", "http.request.method"),
    "path": ("http.route", "http.route"),
    "status": ("http.response.status_code", "http.response.status_code"),
    # Metrics
    "token_usage": ("gen_ai.client.token.usage", "gen_ai.client.token.usage"),
    "operation_duration": ("gen_ai.client.operation.duration", "gen_ai.client.operation.duration"),
    "request_duration": ("gen_ai.server.request.duration", "gen_ai.server.request.duration"),
    "time_to_first_token": ("gen_ai.server.time_to_first_token", "gen_ai.server.time_to_first_token"),
}

# The well-known value of each type of provider, where it is not the type itself.
_PROVIDERS: dict[str, tuple[str, str]] = {
    "azure": ("azure.ai.openai", "azure.ai.openai"),
    "azure-openai": ("azure.ai.openai", "azure.ai.openai"),
    "bedrock": ("aws.bedrock", "aws.bedrock"),
    "gemini": ("gcp.gemini", "gcp.gemini"),
    "mistral": ("mistral_ai", "mistral_ai"),
    "moonshot": ("moonshot_ai", "moonshot_ai"),
    "vertex": ("gcp.vertex_ai", "gcp.vertex_ai"),
    "xai": ("x_ai", "xai"),
}


class Names:
    """One column of the table."""

    def __init__(self, version: str) -> None:
        """Raises `ValueError` for a version that the table does not have."""
        self._column = VERSIONS.index(version)
        self.version = version

    def __getitem__(self, meaning: str) -> str | None:
        """The name of `meaning`; `None` if this version has none."""
        return _ROWS[meaning][self._column]

    def provider(self, kind: str, name: str) -> str:
        """What `provider` is for the provider `name` of the type `kind`.

        Of a server that speaks another's dialect only the operator knows what it is: its own name says most.
        """
        if kind in ("openai-compatible", "python"):
            return name
        return _PROVIDERS[kind][self._column] if kind in _PROVIDERS else kind


class Endpoint(NamedTuple):
    """What an endpoint is in the words of the conventions; `operation` only where a model is asked."""

    method: str
    path: str
    operation: str | None = None


ENDPOINTS = {
    "chat/completions": Endpoint("POST", "/v1/chat/completions", "chat"),
    "completions": Endpoint("POST", "/v1/completions", "text_completion"),
    "embeddings": Endpoint("POST", "/v1/embeddings", "embeddings"),
    "responses": Endpoint("POST", "/v1/responses", "chat"),
    "messages": Endpoint("POST", "/v1/messages", "chat"),
    "messages/count_tokens": Endpoint("POST", "/v1/messages/count_tokens", "count_tokens"),
    "generateContent": Endpoint("POST", "/v1beta/models/{model}:generateContent", "generate_content"),
    "streamGenerateContent": Endpoint("POST", "/v1beta/models/{model}:streamGenerateContent", "generate_content"),
    "countTokens": Endpoint("POST", "/v1beta/models/{model}:countTokens", "count_tokens"),
    **{
        name: Endpoint("POST", f"/v1/{name}", "generate_content")
        for name in (
            *("images/generations", "images/edits", "images/variations"),
            *("audio/speech", "audio/transcriptions", "audio/translations"),
        )
    },
    "embedContent": Endpoint("POST", "/v1beta/models/{model}:embedContent", "embeddings"),
    "rerank": Endpoint("POST", "/v1/rerank", "rerank"),
    "moderations": Endpoint("POST", "/v1/moderations", "moderation"),
    # Whatever the method: records do not tell it.
    "files": Endpoint("POST", "/v1/files"),
    "batches": Endpoint("POST", "/v1/batches"),
    "messages/batches": Endpoint("POST", "/v1/messages/batches"),
    "passthrough": Endpoint("POST", "/passthrough/{provider}"),
    "jobs": Endpoint("GET", "/v1/jobs"),
    "models": Endpoint("GET", "/v1/models"),
}
"""By the name that records have for them."""

COUNTED_OPERATION = "chat"
"""The operation of every series that has a provider: the counters do not tell endpoints apart, and have one."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of `/metrics` that the conventions have a name for: `meaning` is its row."""

    meaning: str
    description: str


HISTOGRAMS = {
    "tollway_request_duration_seconds": Histogram("request_duration", "From a request's head to its last byte."),
    "tollway_time_to_first_token_seconds": Histogram(
        "time_to_first_token", "From a request's head to the first content of a stream."
    ),
    "tollway_operation_duration_seconds": Histogram(
        "operation_duration", "From the beginning of a send to the end of its answer."
    ),
    "tollway_request_tokens": Histogram("token_usage", "Tokens of a request, as its provider reported them."),
}
"""By their families."""

LABELS = {"status": "status", "type": "token_type", "model": "request_model"}
"""The labels of `/metrics` that the conventions have a name for, and its row; others are `tollway.LABEL`."""
