"""An application made with LangChain: its model of OpenAI's two APIs."""

from __future__ import annotations

from functools import partial

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.clients.apps.errand import QUESTION, SYSTEM, App, Errand, Outcome, Report, Weather


def _run(responses: bool, errand: Errand) -> Outcome:
    model = ChatOpenAI(
        base_url=f"{errand.url}/v1",
        api_key=SecretStr(errand.key),
        model=errand.route,
        max_retries=0,
        use_responses_api=responses,
        stream_usage=True,
    )
    turns = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]
    if errand.task == "form":
        said = model.with_structured_output(Report).invoke(turns)
        assert isinstance(said, Report)
        return Outcome(report=said.model_dump())
    weather = Weather()
    tools = [] if errand.task == "ask" else [tool(weather.get_weather)]
    bound = model.bind_tools(tools) if tools else model
    while True:
        if errand.stream:
            answer = None
            for piece in bound.stream(turns):
                answer = piece if answer is None else answer + piece  # type: ignore[assignment]
        else:
            answer = bound.invoke(turns)
        assert isinstance(answer, AIMessage)
        turns.append(answer)
        if not answer.tool_calls:
            break
        turns += [ToolMessage(tools[0].invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]
    used = answer.usage_metadata
    assert used is not None
    return Outcome(text=answer.text, ran=weather.ran, input=used["input_tokens"], output=used["output_tokens"])


APPS: dict[str, App] = {"langchain-chat": partial(_run, False), "langchain-responses": partial(_run, True)}
