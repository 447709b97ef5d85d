"""Hugging Face's inference providers.

Source: https://huggingface.co/docs/inference-providers.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Hugging Face",
    evidence="documentation",
    base_url="https://router.huggingface.co/v1",
    needs_key=True,
)
