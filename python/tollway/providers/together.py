"""Together AI.

Source: https://docs.together.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Together AI",
    evidence="recorded",
    base_url="https://api.together.xyz/v1",
    needs_key=True,
)
