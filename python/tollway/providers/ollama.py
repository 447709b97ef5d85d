"""Ollama's OpenAI endpoint."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Ollama",
    dialects=("openai", "openai-completions"),
    evidence="recorded",
    base_url="http://127.0.0.1:11434/v1",
)
