"""What our own wire cases say is right, judged by the providers' own models: those of their Python libraries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias

import cohere
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsBase
from google.genai import types as google
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses import Response, ResponseInputAudioParam, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from tests.support.cases import Case, cases
from tests.support.sse import payloads
from tests.support.wire import Json

pytestmark = pytest.mark.clients


class GoogleConfig(google.GenerationConfig):
    """`generationConfig`, with the member that the library has elsewhere."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class GoogleRequest(BaseModel):
    """The body of `generateContent`, made of the library's types (https://ai.google.dev/api/generate-content)."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    contents: list[google.Content]
    system_instruction: google.Content | None = None
    tools: list[google.Tool] = Field(default_factory=list)
    tool_config: google.ToolConfig | None = None
    safety_settings: list[google.SafetySetting] = Field(default_factory=list)
    generation_config: GoogleConfig | None = None


class Chat(CompletionCreateParamsBase, total=False):
    stream: bool


class Responses(ResponseCreateParamsBase, total=False):
    stream: bool


class Anthropic(MessageCreateParamsBase, total=False):
    """With what the newest models refuse, and the library has left out; `claude-sonnet-4-5` takes it."""

    stream: bool
    temperature: float
    top_p: float
    top_k: int


Judge: TypeAlias = Callable[[Json], object]
"""Raises if a document is not what a library takes it for."""


def _strict(params: Json) -> Judge:
    """Whether a body is one of `params`, and has nothing else: what is iterable is looked into as well."""
    params.__pydantic_config__ = ConfigDict(extra="forbid")  # it holds for all within
    adapter: TypeAdapter[Any] = TypeAdapter(params)
    return lambda body: list(_walk(adapter.validate_python(body)))


def _walk(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _walk(inner)
    else:
        yield value


def _of_responses(judge: Judge) -> Judge:
    """The API takes what the library does not, as its guides and its own refusals say.

    A picture needs no `detail` (https://platform.openai.com/docs/guides/images-vision), a turn of the model's no `id`
    and no `status`; recordings have a type in the library, but no place.
    """
    audio: TypeAdapter[Any] = TypeAdapter(ResponseInputAudioParam)

    def piece(part: Json) -> Json:
        if part["type"] == "input_audio":
            audio.validate_python(part)
            return {"type": "input_text", "text": ""}
        defaults: Json = {"input_image": {"detail": "auto"}, "output_text": {"annotations": []}}
        return {**defaults.get(part["type"], {}), **part}

    def item(said: Json) -> Json:
        if "role" not in said or isinstance(said["content"], str):
            return said
        of_model = {"type": "message", "id": "msg_1", "status": "completed"} if said["role"] == "assistant" else {}
        return {**of_model, **said, "content": [piece(part) for part in said["content"]]}

    def judged(body: Json) -> object:
        said = body["input"]
        return judge({**body, "input": said if isinstance(said, str) else [item(one) for one in said]})

    return judged


class CohereRequest(BaseModel):
    """The body of `/v2/chat`, made of the library's types (https://docs.cohere.com/reference/chat)."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[cohere.ChatMessageV2]
    stream: bool
    tools: list[cohere.ToolV2] = Field(default_factory=list)
    strict_tools: bool | None = None
    documents: list[str | cohere.Document] = Field(default_factory=list)
    citation_options: cohere.CitationOptions | None = None
    response_format: cohere.ResponseFormatV2 | None = None
    safety_mode: Literal["CONTEXTUAL", "STRICT", "OFF"] | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] = Field(default_factory=list, max_length=5)
    temperature: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=0, le=1)
    k: int | None = Field(default=None, ge=0, le=500)
    p: float | None = Field(default=None, ge=0.01, le=0.99)
    logprobs: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    thinking: cohere.Thinking | None = None


def _of_cohere(model: type[BaseModel]) -> Judge:
    """Whether a body is a `model` and has nothing else: the library's models allow more, and keep it."""

    def known(value: object) -> None:
        if isinstance(value, BaseModel):
            assert not value.model_extra, value
            for inner in dict(value).values():
                known(inner)
        elif isinstance(value, list):
            for inner in value:
                known(inner)

    return lambda body: known(model.model_validate(body))


REQUESTS: dict[str, Judge] = {
    "chat": _strict(Chat),
    "responses": _of_responses(_strict(Responses)),
    "anthropic": _strict(Anthropic),
    "gemini": GoogleRequest.model_validate,
    "cohere": _of_cohere(CohereRequest),
}

ANSWERS: dict[str, Judge] = {
    "chat": ChatCompletion.model_validate,
    "responses": Response.model_validate,
    "anthropic": Message.model_validate,
    "gemini": google.GenerateContentResponse.model_validate,
}

EVENTS: dict[str, Judge] = {
    "chat": ChatCompletionChunk.model_validate,
    "responses": TypeAdapter[Any](ResponseStreamEvent).validate_python,
    "anthropic": TypeAdapter[Any](RawMessageStreamEvent).validate_python,
    "gemini": google.GenerateContentResponse.model_validate,
}


EXCUSED = {
    ("image", "anthropic"): "The API's answers have no place for a picture: it stands in a block like a request's.",
    ("stream-image", "anthropic"): "The same.",
    (
        "pause",
        "responses",
    ): "None of the API's reasons for an incomplete answer says it; the provider's word does.",
    ("stream-pause", "responses"): "The same.",
    ("malformed-call", "responses"): "The same.",
    ("stream-malformed-call", "responses"): "The same.",
    ("searched", "anthropic"): "The library demands `web_fetch_requests`, which older answers of the API do not have.",
    ("stream-searched", "anthropic"): "The same.",
    ("grounded", "anthropic"): "The same.",
    ("stream-grounded", "anthropic"): "The same.",
    ("stream-custom-call", "chat"): "The library knows tools that take free text in whole answers alone.",
}
"""What the libraries refuse, by the case's name and the caller, and why it is right all the same."""


def _named(case: Case) -> str:
    return f"{case.dialect}-{case.name}"


@pytest.mark.parametrize("case", cases("requests"), ids=_named)
def test_requests_are_the_targets(case: Case) -> None:
    for target in case.targets():
        if target not in case.told.get("refused", {}):
            REQUESTS[target](json.loads(case.file(f"to-{target}.json")))


@pytest.mark.parametrize("case", cases("answers"), ids=_named)
def test_answers_are_the_callers(case: Case) -> None:
    for caller in case.others():
        if (case.name, caller) in EXCUSED:
            with pytest.raises(ValidationError):
                _judge(case, caller)
        else:
            _judge(case, caller)


def _judge(case: Case, caller: str) -> None:
    if not case.streams:
        ANSWERS[caller](_read(case.file(f"for-{caller}.json")))
        return
    said = [_read(data) for data in payloads(case.file(f"for-{caller}.sse")) if data != "[DONE]"]
    # An error has no model in three of the libraries: they raise it.
    for event in said if caller == "responses" else (one for one in said if "error" not in one):
        EVENTS[caller](event)


def _read(document: bytes | str) -> Json:
    """A document with a time in place of the word for one."""
    text = document.decode() if isinstance(document, bytes) else document
    return json.loads(text.replace('"<time>"', "1763718600"))


_OF_COHERE = [case for case in cases("answers") if case.dialect == "cohere" and case.name != "unknown"]


@pytest.mark.parametrize("case", _OF_COHERE, ids=_named)
def test_what_is_said_of_coheres_models_is_coheres(case: Case) -> None:
    if not case.streams:
        cohere.V2ChatResponse.model_validate(_read(case.file("answer.json")))
        return
    events = TypeAdapter[Any](cohere.V2ChatStreamResponse)
    for data in payloads(case.file("answer.sse")):
        if data != "[DONE]":
            events.validate_python(json.loads(data))
