"""Fireworks AI.

Source: https://docs.fireworks.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Fireworks AI",
    evidence="documentation",
    base_url="https://api.fireworks.ai/inference/v1",
    needs_key=True,
)
