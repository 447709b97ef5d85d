"""OpenRouter.

Source: https://openrouter.ai/docs.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="OpenRouter",
    evidence="recorded",
    base_url="https://openrouter.ai/api/v1",
    needs_key=True,
)
