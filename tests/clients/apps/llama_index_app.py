"""An application made with LlamaIndex: its classes for servers like OpenAI's, for Anthropic and for Google."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from google.genai import types
from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.google_genai import GoogleGenAI
from llama_index.llms.openai_like import OpenAILike

from tests.clients.apps.errand import QUESTION, SYSTEM, WEATHER, App, Errand, Outcome, Report, Weather


def _like_openai(errand: Errand) -> Any:  # noqa: ANN401 - its types are not installed here
    able = {"is_chat_model": True, "is_function_calling_model": True, "should_use_structured_outputs": True}
    return OpenAILike(model=errand.route, api_base=f"{errand.url}/v1", api_key=errand.key, max_retries=0, **able)


def _anthropic(errand: Errand) -> Any:  # noqa: ANN401
    # It knows its models by name, and so is given routes that are named like them.
    return Anthropic(model=errand.route, base_url=errand.url, api_key=errand.key, max_retries=0)


def _google(errand: Errand) -> Any:  # noqa: ANN401
    # It asks the server how much the model takes.
    options = types.HttpOptions(base_url=errand.url)
    return GoogleGenAI(model=errand.route, api_key=errand.key, http_options=options, max_retries=0)


def _run(make: Callable[[Errand], Any], errand: Errand) -> Outcome:
    llm = make(errand)
    if errand.task == "tool":
        return asyncio.run(_agent(llm, errand))
    if errand.task == "form":
        said = llm.structured_predict(Report, PromptTemplate(f"{SYSTEM} {QUESTION}"))
        return Outcome(report=said.model_dump())
    messages = [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=QUESTION)]
    if errand.stream:
        return Outcome(text="".join(part.delta or "" for part in llm.stream_chat(messages)))
    answer = llm.chat(messages)
    used = answer.additional_kwargs
    return Outcome(
        text=answer.message.content, input=used.get("prompt_tokens"), output=used.get("completion_tokens"), summed=True
    )


async def _agent(llm: Any, errand: Errand) -> Outcome:  # noqa: ANN401
    weather = Weather()
    tool = FunctionTool.from_defaults(fn=weather.get_weather, name="get_weather", description=WEATHER)
    agent = FunctionAgent(llm=llm, tools=[tool], system_prompt=SYSTEM, streaming=errand.stream)
    running = agent.run(QUESTION)
    pieces = [event.delta async for event in running.stream_events() if isinstance(event, AgentStream)]
    final = str(await running)
    if errand.stream:
        assert "".join(pieces).endswith(final), (pieces, final)
    return Outcome(text=final, ran=weather.ran)


APPS: dict[str, App] = {
    "llama-index-openai-like": partial(_run, _like_openai),
    "llama-index-anthropic": partial(_run, _anthropic),
    "llama-index-google": partial(_run, _google),
}
