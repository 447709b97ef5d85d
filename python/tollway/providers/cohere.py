"""Cohere, by its own API: chat, embeddings and rerankings.

Source: https://docs.cohere.com/reference/chat, /reference/embed and /reference/rerank.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Cohere",
    evidence="recorded",
    dialects=("cohere",),
    base_url="https://api.cohere.com/v2",
    rerank="cohere",
    needs_key=True,
)
