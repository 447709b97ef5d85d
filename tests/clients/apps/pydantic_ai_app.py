"""An application made with pydantic-ai: its models of OpenAI's two APIs, of Anthropic's and of Google's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.apps.errand import QUESTION, SYSTEM, App, Errand, Outcome, Report, Weather

# A route's name tells the library nothing of what the model can do.
ABLE = ModelProfile(supports_json_schema_output=True)


def _chat(errand: Errand) -> Model:
    provider = OpenAIProvider(base_url=f"{errand.url}/v1", api_key=errand.key)
    return OpenAIChatModel(errand.route, provider=provider)


def _responses(errand: Errand) -> Model:
    provider = OpenAIProvider(base_url=f"{errand.url}/v1", api_key=errand.key)
    return OpenAIResponsesModel(errand.route, provider=provider)


def _anthropic(errand: Errand) -> Model:
    provider = AnthropicProvider(base_url=errand.url, api_key=errand.key)
    return AnthropicModel(errand.route, provider=provider, profile=ABLE)


def _google(errand: Errand) -> Model:
    provider = GoogleProvider(base_url=errand.url, api_key=errand.key)
    return GoogleModel(errand.route, provider=provider, profile=ABLE)


def _app(model: Callable[[Errand], Model]) -> App:
    return lambda errand: asyncio.run(_run(model(errand), errand))


async def _run(model: Model, errand: Errand) -> Outcome:
    weather = Weather()
    output: Any = {"report": Report, "schema": NativeOutput(Report)}.get(errand.task, str)
    tools = [] if errand.task == "ask" else [weather.get_weather]
    agent: Agent[None, Any] = Agent(model, instructions=SYSTEM, tools=tools, output_type=output, retries=0)
    async with agent:
        if errand.stream:
            async with agent.run_stream(QUESTION) as streamed:
                if output is str:
                    said: Any = "".join([piece async for piece in streamed.stream_text(delta=True, debounce_by=None)])
                else:
                    said = await streamed.get_output()
                usage, last = streamed.usage, streamed.response
        else:
            result = await agent.run(QUESTION)
            said, usage, last = result.output, result.usage, result.response
    return Outcome(
        text=said if isinstance(said, str) else "",
        report=said.model_dump() if isinstance(said, Report) else None,
        ran=weather.ran,
        input=usage.input_tokens,
        output=usage.output_tokens,
        summed=True,
        stop=last.finish_reason,
    )


APPS: dict[str, App] = {
    "pydantic-ai-chat": _app(_chat),
    "pydantic-ai-responses": _app(_responses),
    "pydantic-ai-anthropic": _app(_anthropic),
    "pydantic-ai-google": _app(_google),
}
