"""Hugging Face's text-generation-inference."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Text Generation Inference",
    dialects=("openai", "openai-completions"),
    evidence="documentation",
)
