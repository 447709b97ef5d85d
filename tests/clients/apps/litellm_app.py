"""An application made with LiteLLM, which speaks OpenAI's API to the gateway, Anthropic's or Google's."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any

from tests.clients.apps.errand import QUESTION, SYSTEM, WEATHER, App, Errand, Outcome, Report, Weather

# It would ask the internet for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

TOOL = {"type": "function", "function": {"name": "get_weather", "description": WEATHER}}


def _run(provider: str, path: str, errand: Errand) -> Outcome:
    access = {"api_base": f"{errand.url}{path}", "api_key": errand.key, "num_retries": 0, "max_retries": 0}
    ask: dict[str, Any] = {"model": f"{provider}/{errand.route}", **access}
    turns: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    if errand.task == "form":
        answer = litellm.completion(**ask, messages=turns, response_format=Report)
        return Outcome(report=json.loads(answer.choices[0].message.content))
    weather = Weather()
    members = {"city": {"type": "string"}, "days": {"type": "integer"}}
    schema = {"type": "object", "properties": members, "required": ["city", "days"]}
    if errand.task == "tool":
        ask["tools"] = [{**TOOL, "function": {**TOOL["function"], "parameters": schema}}]  # type: ignore[dict-item]
    while True:
        if errand.stream:
            options = {"stream": True, "stream_options": {"include_usage": True}}
            answer = litellm.stream_chunk_builder(list(litellm.completion(**ask, messages=turns, **options)))
        else:
            answer = litellm.completion(**ask, messages=turns)
        message = answer.choices[0].message
        turns.append(message)
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            result = weather.get_weather(**json.loads(call.function.arguments))
            turns.append({"role": "tool", "tool_call_id": call.id, "content": result})
    used = answer.usage
    return Outcome(text=message.content, ran=weather.ran, input=used.prompt_tokens, output=used.completion_tokens)


APPS: dict[str, App] = {
    "litellm-openai": partial(_run, "openai", "/v1"),
    "litellm-anthropic": partial(_run, "anthropic", ""),
}
