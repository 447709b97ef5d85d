"""Cerebras.

Source: https://inference-docs.cerebras.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Cerebras",
    evidence="documentation",
    base_url="https://api.cerebras.ai/v1",
    max_tokens="max_completion_tokens",
    needs_key=True,
)
