"""GitHub Models.

Source: https://docs.github.com/en/github-models.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="GitHub Models",
    evidence="documentation",
    base_url="https://models.github.ai/inference",
    needs_key=True,
)
