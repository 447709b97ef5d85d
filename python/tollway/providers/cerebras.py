"""Cerebras.

Source: https://inference-docs.cerebras.ai.
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="Cerebras",
    evidence="documentation",
    base_url="https://api.cerebras.ai/v1",
    max_tokens="max_completion_tokens",
    chat=Quirks(
        # https://hexdocs.pm/req_llm/cerebras.html lists what gives a 400, of which these are in no later reference.
        drop=("frequency_penalty", "presence_penalty", "logit_bias"),
        # https://github.com/QwenLM/qwen-code/issues/11045: only `reasoning` is taken back.
        rename={"messages[].reasoning_content": "reasoning"},
        # https://inference-docs.cerebras.ai/resources/openai: the system is what elsewhere the developer is.
        values=SYSTEM_ONLY,
    ),
    needs_key=True,
)
