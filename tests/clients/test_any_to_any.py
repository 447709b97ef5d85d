"""Each stock client reaches a model of each dialect by its `base_url` and a model's name, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.clients.apps.errand import QUESTION, SYSTEM, WEATHER
from tests.clients.callers import CALLERS, SCHEMA
from tests.support.gateway import RunningGateway
from tests.support.spoken import CACHED, CALL, CALL_ID, INPUT, OUTPUT, SIGNATURE, SPOKEN, TEXT, THOUGHT, configuration
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json

pytestmark = pytest.mark.clients

PAIRS = [pytest.param(caller, target, id=f"{caller}-to-{target}") for caller in CALLERS for target in SPOKEN]


@pytest.fixture(scope="module")
def shared(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(configuration(upstream.url), tmp_path_factory.mktemp("any")) as running:
        yield running


@pytest.fixture
def gateway(shared: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    upstream.reset()
    return shared


@pytest.mark.parametrize("way", ["text", "call", "text-streamed", "call-streamed"])
@pytest.mark.parametrize(("caller", "target"), PAIRS)
def test_the_answer_is_the_models(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str, target: str, way: str
) -> None:
    spoken = SPOKEN[target]
    name, _, streamed = way.partition("-")
    stream = bool(streamed)
    upstream.script(spoken.streamed(name) if stream else spoken.whole(name))
    heard = CALLERS[caller](gateway.url, gateway.key, target, stream)
    if name == "text":
        assert (heard.text, heard.calls, heard.stop) == (TEXT, [], "end")
    else:
        assert (heard.calls, heard.stop) == ([(CALL["name"], CALL["arguments"])], "tool")
        if target != "gemini":
            assert heard.ids == [CALL_ID]
        elif caller != "gemini":
            assert all(heard.ids), "a call that has no name gets one"
    assert (heard.input, heard.cached, heard.output) == (INPUT, CACHED, OUTPUT)


@pytest.mark.parametrize(("caller", "target"), PAIRS)
def test_the_model_is_told_all_that_the_caller_said(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str, target: str
) -> None:
    upstream.script(SPOKEN[target].whole("text"))
    CALLERS[caller](gateway.url, gateway.key, target, False)
    received = upstream.take()
    assert received.target == SPOKEN[target].path
    assert _told(target, received.json()) == {
        "system": SYSTEM,
        "question": QUESTION,
        "tool": ("get_weather", WEATHER, SCHEMA),
        "max_tokens": 500,
        "temperature": 0.5,
    }


def _told(target: str, body: Json) -> dict[str, object]:
    """What a request of each dialect says of the things that are compared."""
    match target:
        case "chat":
            function = body["tools"][0]["function"]
            system, question = (_text(message["content"]) for message in body["messages"])
            limit, heat = body.get("max_completion_tokens", body.get("max_tokens")), body["temperature"]
            schema = function["parameters"]
        case "responses":
            function = body["tools"][0]
            system = body.get("instructions") or _text(body["input"][0]["content"])
            last = body["input"] if isinstance(body["input"], str) else body["input"][-1]["content"]
            question, limit, heat = _text(last), body["max_output_tokens"], body["temperature"]
            schema = function["parameters"]
        case "anthropic":
            function = body["tools"][0]
            system, question = _text(body["system"]), _text(body["messages"][0]["content"])
            limit, heat, schema = body["max_tokens"], body["temperature"], function["input_schema"]
        case _:
            function = body["tools"][0]["functionDeclarations"][0]
            system = _text(body["systemInstruction"]["parts"])
            question = _text(body["contents"][0]["parts"])
            config = body["generationConfig"]
            limit, heat = config["maxOutputTokens"], config["temperature"]
            # As google-genai writes it, and as we do.
            schema = function.get("parameters_json_schema") or function["parametersJsonSchema"]
    return {
        "system": system,
        "question": question,
        "tool": (function["name"], function["description"], schema),
        "max_tokens": limit,
        "temperature": heat,
    }


def _text(content: Json) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.mark.parametrize("caller", ["chat", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_signed_thoughts_survive_a_caller_that_drops_them(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str, stream: bool
) -> None:
    spoken = SPOKEN["anthropic"]
    upstream.script(spoken.streamed("call") if stream else spoken.whole("call"))
    heard = CALLERS[caller](gateway.url, gateway.key, "anthropic", stream)
    upstream.take()
    upstream.script(spoken.whole("text"))
    arguments = json.dumps(CALL["arguments"])
    if caller == "chat":
        function = {"name": CALL["name"], "arguments": arguments}
        call = {"id": heard.ids[0], "type": "function", "function": function}
        turns = [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": heard.ids[0], "content": "21"},
        ]
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
            client.chat.completions.create(model="anthropic", messages=turns)  # type: ignore[arg-type]
    else:
        items = [
            {"role": "user", "content": QUESTION},
            {"type": "function_call", "call_id": heard.ids[0], "name": CALL["name"], "arguments": arguments},
            {"type": "function_call_output", "call_id": heard.ids[0], "output": "21"},
        ]
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
            client.responses.create(model="anthropic", input=items)  # type: ignore[arg-type]
    asked = upstream.take().json()["messages"]
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    thought, call = asked[1]["content"]
    assert thought == {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    assert (call["type"], call["id"]) == ("tool_use", CALL_ID)
    assert asked[2]["content"][0]["tool_use_id"] == CALL_ID


def test_an_error_is_told_in_the_callers_words(gateway: RunningGateway) -> None:
    """A model that does not exist, asked for by each client: its own class of error, with our message."""
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as chat,
        pytest.raises(openai.NotFoundError, match="does not exist") as of_openai,
    ):
        chat.responses.create(model="nowhere", input="Hello?")
    assert of_openai.value.code == "model_not_found"
    with (
        anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as messages,
        pytest.raises(anthropic.NotFoundError, match="does not exist") as of_anthropic,
    ):
        messages.messages.create(model="nowhere", max_tokens=9, messages=[{"role": "user", "content": "Hello?"}])
    body = of_anthropic.value.body
    assert isinstance(body, dict)
    assert (body["type"], body["error"]["type"]) == ("error", "not_found_error")
