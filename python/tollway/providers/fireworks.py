"""Fireworks AI.

Source: https://docs.fireworks.ai, whose servers refuse a member that they do not know.
"""

from tollway.providers.contract import Provider, Quirks

PROVIDER = Provider(
    title="Fireworks AI",
    evidence="documentation",
    base_url="https://api.fireworks.ai/inference/v1",
    # https://github.com/earendil-works/pi/issues/7676
    chat=Quirks(drop=("prompt_cache_retention",)),
    needs_key=True,
)
