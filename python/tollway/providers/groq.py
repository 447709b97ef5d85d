"""Groq.

Source: https://console.groq.com/docs/openai.
"""

from tollway.providers.contract import Provider, Quirks

PROVIDER = Provider(
    title="Groq",
    evidence="recorded",
    base_url="https://api.groq.com/openai/v1",
    max_tokens="max_completion_tokens",
    chat=Quirks(
        # https://console.groq.com/docs/openai: these give a 400.
        drop=("logprobs", "top_logprobs", "logit_bias", "messages[].name"),
        # https://github.com/janhq/jan/issues/8136; its own field: https://console.groq.com/docs/reasoning
        rename={"messages[].reasoning_content": "reasoning"},
    ),
    needs_key=True,
)
