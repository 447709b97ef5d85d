"""Any server that speaks OpenAI's dialect: a self-hosted gateway, a server that has no module of its own."""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="OpenAI-compatible server",
    evidence="recorded",
)
