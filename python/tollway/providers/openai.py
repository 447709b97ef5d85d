"""OpenAI's own API."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="OpenAI",
    evidence="recorded",
    dialects=("openai", "openai-responses"),
    base_url="https://api.openai.com/v1",
    max_tokens="max_completion_tokens",
    needs_key=True,
)
