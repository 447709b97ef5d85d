"""xAI.

Source: https://docs.x.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="xAI",
    evidence="recorded",
    dialects=("openai", "openai-responses"),
    base_url="https://api.x.ai/v1",
    max_tokens="max_completion_tokens",
    needs_key=True,
)
