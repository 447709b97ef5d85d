"""Ollama's OpenAI endpoint."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Ollama",
    dialects=("openai", "openai-completions"),
    evidence="recorded",
    # https://docs.ollama.com/api/openai-compatibility lists images in base64, and not those at URLs.
    fetches_urls=False,
    base_url="http://127.0.0.1:11434/v1",
)
