"""DeepInfra.

Source: https://deepinfra.com/docs/advanced/openai_api.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="DeepInfra",
    evidence="documentation",
    base_url="https://api.deepinfra.com/v1/openai",
    needs_key=True,
)
