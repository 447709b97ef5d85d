"""What a route allows besides text, in every dialect: number, size, type, base64, URLs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.pipeline.lab import Lab, laboratory, to
from tests.support.errors import is_error
from tests.support.wire import Answer
from tollway.config.schema_route import Attachments

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF"
PDF = b"%PDF-1.7\n1 0 obj"
URL = "https://pictures.example/one.png"
LIMITS: dict[str, Any] = {"max_bytes": 4096, "max_count": 3, "types": ["image/png", "text/*"], "urls": "refuse"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Chat:
    """How OpenAI's chat completions hold a picture."""

    path = "/v1/chat/completions"

    @staticmethod
    def body(model: str, *parts: dict[str, Any]) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, *parts]}]}

    @staticmethod
    def data(data: str, mime: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}

    @staticmethod
    def url(url: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": url}}

    @staticmethod
    def place(number: int, _what: str) -> str:
        return f"messages[0].content[{number}].image_url.url"


class Responses(Chat):
    """How the Responses API does."""

    path = "/v1/responses"

    @staticmethod
    def body(model: str, *parts: dict[str, Any]) -> dict[str, Any]:
        return {"model": model, "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}, *parts]}]}

    @staticmethod
    def data(data: str, mime: str) -> dict[str, Any]:
        return {"type": "input_image", "image_url": f"data:{mime};base64,{data}"}

    @staticmethod
    def url(url: str) -> dict[str, Any]:
        return {"type": "input_image", "image_url": url}

    @staticmethod
    def place(number: int, _what: str) -> str:
        return f"input[0].content[{number}].image_url"


class Anthropic(Chat):
    """How Anthropic's messages do."""

    path = "/v1/messages"

    @staticmethod
    def body(model: str, *parts: dict[str, Any]) -> dict[str, Any]:
        return {"max_tokens": 9, **Chat.body(model, *parts)}

    @staticmethod
    def data(data: str, mime: str) -> dict[str, Any]:
        return {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}

    @staticmethod
    def url(url: str) -> dict[str, Any]:
        return {"type": "image", "source": {"type": "url", "url": url}}

    @staticmethod
    def place(number: int, _what: str) -> str:
        return f"messages[0].content[{number}].source.{_what}"


class Gemini(Chat):
    """How Gemini's contents do."""

    path = "/v1beta/models/{model}:generateContent"

    @staticmethod
    def body(model: str, *parts: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG004 - the path says it
        return {"contents": [{"role": "user", "parts": [{"text": "x"}, *parts]}]}

    @staticmethod
    def data(data: str, mime: str) -> dict[str, Any]:
        return {"inlineData": {"mimeType": mime, "data": data}}

    @staticmethod
    def url(url: str) -> dict[str, Any]:
        return {"fileData": {"mimeType": "image/png", "fileUri": url}}

    @staticmethod
    def place(number: int, _what: str) -> str:
        return f"contents[0].parts[{number}].{'inlineData.data' if _what == 'data' else 'fileData.fileUri'}"


DIALECTS = [Chat, Responses, Anthropic, Gemini]
dialects = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes = {
        "bounded": {"targets": [to("a", "m")], "attachments": LIMITS},
        "open": {"targets": [to("a", "m")]},
        "passing": {"targets": [to("a", "m")], "attachments": {"types": ["image/*"]}},
        "blind": {"targets": [to("b", "m")]},
        "blind-first": {"targets": [to("b", "m"), to("a", "m")]},
    }
    with laboratory(tmp_path_factory.mktemp("attachments"), routes, {"b": {"fetches_urls": False}}) as lab:
        yield lab


def ask(lab: Lab, dialect: type[Chat], model: str, *parts: dict[str, Any]) -> Answer:
    return lab.post(dialect.path.format(model=model), dialect.body(model, *parts))


def refused(told: Answer, dialect: type[Chat], place: str, status: int = 400) -> str:
    """The message of a refusal that names this place, where the dialect's errors can."""
    assert told.status == status, told.body
    if dialect in (Chat, Responses):
        is_error(told, status, "invalid_request" if status == 400 else "request_too_large", place)
    message: str = told.json()["error"]["message"]
    return message


@dialects
def test_what_is_within_the_limits_passes(lab: Lab, dialect: type[Chat]) -> None:
    parts = [dialect.data(b64(PNG), "image/png")] * 3
    assert ask(lab, dialect, "bounded", *parts).status == 200
    assert len(lab.a.requests) == 1
    sent = lab.a.take().body.decode()
    assert sent.count(b64(PNG)) == 3


@dialects
@pytest.mark.parametrize(
    ("data", "mime", "told"),
    [
        (b64(JPEG), "image/png", "is said to be"),
        (b64(b"<svg>"), "image/png", "is said to be"),
        (b64(JPEG), "image/jpeg", "takes no"),
        (b64(PDF), "application/pdf", "takes no"),
        (b64(PNG) + "*", "image/png", "not base64"),
        (b64(b"\xff\xfe\0"), "text/plain", "is said to be"),
    ],
)
def test_what_is_none_or_another_or_not_listed(lab: Lab, dialect: type[Chat], data: str, mime: str, told: str) -> None:
    answer = ask(lab, dialect, "bounded", dialect.data(b64(PNG), "image/png"), dialect.data(data, mime))
    assert told in refused(answer, dialect, dialect.place(2, "data"))
    assert lab.got() == (0, 0, 0)


@dialects
def test_too_large_and_too_many(lab: Lab, dialect: type[Chat]) -> None:
    largest = dialect.data(b64(PNG + b"\0" * (4096 - len(PNG))), "image/png")
    larger = dialect.data(b64(PNG + b"\0" * (4097 - len(PNG))), "image/png")
    assert ask(lab, dialect, "bounded", largest).status == 200
    assert "4097 bytes" in refused(ask(lab, dialect, "bounded", larger), dialect, dialect.place(1, "data"), 413)
    small = dialect.data(b64(PNG), "image/png")
    message = refused(ask(lab, dialect, "bounded", small, small, small, small), dialect, dialect.place(4, "data"))
    assert "at most 3" in message
    assert len(lab.a.requests) == 1


@dialects
def test_urls_refused_or_passed(lab: Lab, dialect: type[Chat]) -> None:
    part = dialect.url(URL)
    assert "no URLs" in refused(ask(lab, dialect, "bounded", part), dialect, dialect.place(1, "url"))
    for route in ("open", "passing"):
        assert ask(lab, dialect, route, part).status == 200
        assert URL in lab.a.take().body.decode()


@dialects
def test_a_provider_that_fetches_no_urls(lab: Lab, dialect: type[Chat]) -> None:
    part = dialect.url(URL)
    told = ask(lab, dialect, "blind-first", part)
    assert told.header("x-tollway-provider") == "a"
    assert lab.record(told)["decision"] == "fallback 2/2; 1 remote_url"
    assert "fetches no URLs" in refused(ask(lab, dialect, "blind", part), dialect, dialect.place(1, "url"))
    assert ask(lab, dialect, "blind", dialect.data(b64(PNG), "image/png")).status == 200
    words = {"text": URL} if dialect is Gemini else {"type": "text", "text": URL}
    assert ask(lab, dialect, "blind", words).status == 200
    assert lab.got()[0] == 1


def test_explain_names_it(lab: Lab) -> None:
    told = lab.explain("blind-first", Chat.body("blind-first", Chat.url(URL)))
    assert "fetches no URLs" in json.dumps(told)


def test_a_data_url_without_base64(lab: Lab) -> None:
    answer = ask(lab, Chat, "bounded", Chat.url("data:image/png,abc"))
    assert "base64" in refused(answer, Chat, Chat.place(1, "url"))


def test_recordings_and_files_of_chat(lab: Lab) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": b64(b"RIFF\0\0\0\0WAVEfmt "), "format": "wav"}}
    place = "messages[0].content[1].input_audio.data"
    assert "audio/wav" in refused(ask(lab, Chat, "bounded", audio), Chat, place)
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": b64(PDF)}}
    assert "application/pdf" in refused(ask(lab, Chat, "bounded", file), Chat, "messages[0].content[1].file.file_data")
    unknown = {"type": "file", "file": {"filename": "a", "file_data": b64(b"what?")}}
    message = refused(ask(lab, Chat, "bounded", unknown), Chat, "messages[0].content[1].file.file_data")
    assert "cannot be told" in message


def test_what_tools_gave_back_and_not_what_they_were_asked(lab: Lab) -> None:
    source = {"type": "base64", "media_type": "image/jpeg", "data": b64(JPEG)}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {"source": source}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]},
    ]
    tools = [{"name": "n", "input_schema": {"type": "object"}}]
    body: dict[str, Any] = {"model": "bounded", "max_tokens": 9, "messages": messages, "tools": tools}
    assert lab.post(Anthropic.path, body).status == 200
    messages[2]["content"][0]["content"] = [{"type": "image", "source": source}]  # type: ignore[index]
    message = refused(lab.post(Anthropic.path, body), Anthropic, "")
    assert "takes no" in message


@pytest.mark.parametrize(
    "settings",
    [{"urls": "guess"}, {"types": ["png"]}, {"max_count": -1}, {"fetch_origins": ["http://a/b"]}, {"max_byte": 1}],
)
def test_settings_that_are_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Attachments.model_validate(settings)
