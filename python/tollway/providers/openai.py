"""OpenAI's own API."""

from tollway.providers.contract import Provider

PROVIDER = Provider(title="OpenAI", base_url="https://api.openai.com/v1", needs_key=True)
