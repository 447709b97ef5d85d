"""Groq.

Source: https://console.groq.com/docs/openai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Groq",
    evidence="recorded",
    base_url="https://api.groq.com/openai/v1",
    max_tokens="max_completion_tokens",
    needs_key=True,
)
