"""Perplexity.

Source: https://docs.perplexity.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Perplexity",
    evidence="recorded",
    base_url="https://api.perplexity.ai",
    needs_key=True,
)
