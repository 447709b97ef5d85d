"""An application made with instructor: a form filled in by a model, over OpenAI's client and Anthropic's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anthropic
import instructor
import openai

from tests.clients.apps.errand import QUESTION, SYSTEM, App, Errand, Outcome, Report

Make = Callable[[Errand], Any]


def _openai(mode: str, errand: Errand) -> Any:  # noqa: ANN401 - its types are not installed here
    client = openai.OpenAI(base_url=f"{errand.url}/v1", api_key=errand.key, max_retries=0)
    return instructor.from_openai(client, mode=instructor.Mode[mode])


def _anthropic(errand: Errand) -> Any:  # noqa: ANN401
    client = anthropic.Anthropic(base_url=errand.url, api_key=errand.key, max_retries=0)
    return instructor.from_anthropic(client, mode=instructor.Mode.ANTHROPIC_TOOLS)


def _run(make: Make, more: dict[str, Any], errand: Errand) -> Outcome:
    client = make(errand)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    ask = {"model": errand.route, "messages": messages, "response_model": Report, "max_retries": 0, **more}
    said = list(client.create_partial(**ask))[-1] if errand.stream else client.create(**ask)
    return Outcome(report=said.model_dump())


APPS: dict[str, App] = {
    "instructor-openai": partial(_run, partial(_openai, "TOOLS"), {}),
    "instructor-openai-schema": partial(_run, partial(_openai, "JSON_SCHEMA"), {}),
    "instructor-openai-responses": partial(_run, partial(_openai, "RESPONSES_TOOLS"), {}),
    "instructor-anthropic": partial(_run, _anthropic, {"max_tokens": 500}),
}
