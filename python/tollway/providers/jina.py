"""Jina AI: embeddings and rerankings.

Source: https://api.jina.ai/docs and https://jina.ai/embeddings.
"""

from tollway.providers.contract import Provider, Quirks

# Cohere's words, and Voyage's.
_WORDS = {
    "task": {
        "search_query": "retrieval.query",
        "query": "retrieval.query",
        "search_document": "retrieval.passage",
        "document": "retrieval.passage",
        "clustering": "separation",
    }
}

PROVIDER = Provider(
    title="Jina AI",
    evidence="documentation",
    answers=False,
    base_url="https://api.jina.ai/v1",
    embeddings=Quirks(
        drop=("user",), rename={"encoding_format": "embedding_type", "input_type": "task"}, values=_WORDS
    ),
    needs_key=True,
)
