"""vLLM's server.

Source: https://docs.vllm.ai.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="vLLM",
    dialects=("openai", "openai-completions"),
    evidence="documentation",
)
