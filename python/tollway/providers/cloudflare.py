"""Cloudflare Workers AI.

Sources: https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility,
https://developers.cloudflare.com/workers-ai/platform/errors.
"""

from tollway.providers.contract import Option, Provider

PROVIDER = Provider(
    title="Cloudflare Workers AI",
    evidence="documentation",
    base_url="https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
    needs_key=True,
    options=(Option("account", "word", None, "The account's id."),),
)
