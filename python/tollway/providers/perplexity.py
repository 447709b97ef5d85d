"""Perplexity.

Source: https://docs.perplexity.ai.
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="Perplexity",
    evidence="recorded",
    base_url="https://api.perplexity.ai",
    # https://github.com/BerriAI/litellm/issues/11665: its answer lists the roles that it takes.
    chat=Quirks(values=SYSTEM_ONLY),
    needs_key=True,
)
