"""Voyage AI: embeddings and rerankings.

Source: https://docs.voyageai.com/reference/embeddings-api and /reference/reranker-api.
"""

from tollway.providers.contract import Provider, Quirks

PROVIDER = Provider(
    title="Voyage AI",
    evidence="recorded",
    answers=False,
    base_url="https://api.voyageai.com/v1",
    embeddings=Quirks(
        drop=("user",),
        rename={"dimensions": "output_dimension"},
        # Numbers are what it gives unless told otherwise; it has no word for them.
        only={"encoding_format": ("base64",)},
        # Cohere's words.
        values={"input_type": {"search_query": "query", "search_document": "document"}},
    ),
    rerank="voyage",
    needs_key=True,
)
