"""llama.cpp's server."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="llama.cpp",
    dialects=("openai", "openai-completions"),
    evidence="recorded",
)
