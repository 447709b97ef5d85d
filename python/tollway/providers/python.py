"""An API that speaks none of the known dialects, by way of an adapter of one's own: see `tollway.adapter`."""

from tollway.providers.contract import CONFIGURED, Provider, Quirks

PROVIDER = Provider(
    title="Python adapter",
    evidence="documentation",
    adapter=CONFIGURED,
    # So that an adapter need know one name: others than chat callers are translated to it anyway.
    chat=Quirks(rename={"max_completion_tokens": "max_tokens"}),
)
