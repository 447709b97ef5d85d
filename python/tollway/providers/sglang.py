"""SGLang's server."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="SGLang",
    dialects=("openai", "openai-completions"),
    evidence="documentation",
)
