"""Mistral AI.

Source: https://docs.mistral.ai/api.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Mistral AI",
    evidence="recorded",
    base_url="https://api.mistral.ai/v1",
    needs_key=True,
)
