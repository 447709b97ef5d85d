"""An application made with OpenAI's Agents SDK: its models of the Responses API and of chat completions."""

from __future__ import annotations

import asyncio

import openai
from agents import Agent, Model, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from agents import set_tracing_disabled as disable_tracing
from openai.types.responses import ResponseTextDeltaEvent

from tests.clients.apps.errand import QUESTION, SYSTEM, App, Errand, Outcome, Report, Weather

# Traces would go to OpenAI.
disable_tracing(disabled=True)


def _app(model: type[OpenAIChatCompletionsModel | OpenAIResponsesModel]) -> App:
    return lambda errand: asyncio.run(_run(model, errand))


async def _run(kind: type[OpenAIChatCompletionsModel | OpenAIResponsesModel], errand: Errand) -> Outcome:
    weather = Weather()
    async with openai.AsyncOpenAI(base_url=f"{errand.url}/v1", api_key=errand.key, max_retries=0) as client:
        model: Model = kind(errand.route, client)
        agent = Agent(
            name="clerk",
            instructions=SYSTEM,
            model=model,
            model_settings=ModelSettings(include_usage=True),
            tools=[] if errand.task == "ask" else [function_tool(weather.get_weather)],
            output_type=Report if errand.task == "schema" else None,
        )
        if errand.stream:
            result = Runner.run_streamed(agent, QUESTION)
            raw = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
            text = "".join(data.delta for data in raw if isinstance(data, ResponseTextDeltaEvent))
            final, usage = result.final_output, result.context_wrapper.usage
        else:
            answered = await Runner.run(agent, QUESTION)
            final, usage = answered.final_output, answered.context_wrapper.usage
            text = str(final)
    return Outcome(
        text="" if isinstance(final, Report) else text,
        report=final.model_dump() if isinstance(final, Report) else None,
        ran=weather.ran,
        input=usage.input_tokens,
        output=usage.output_tokens,
        summed=True,
    )


APPS: dict[str, App] = {
    "agents-chat": _app(OpenAIChatCompletionsModel),
    "agents-responses": _app(OpenAIResponsesModel),
}
