"""SambaNova Cloud.

Source: https://docs.sambanova.ai/docs/en/features/openai-compatibility.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="SambaNova",
    evidence="documentation",
    base_url="https://api.sambanova.ai/v1",
    needs_key=True,
)
