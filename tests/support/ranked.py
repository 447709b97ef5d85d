"""What servers of rerankings and moderations answer."""

from __future__ import annotations

import json

from tests.support.reply import Reply, whole

COHERE = {
    "id": "r1",
    "results": [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.5}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}},
}
VOYAGE = {
    "object": "list",
    "data": [{"relevance_score": 0.75, "index": 1}, {"relevance_score": 0.5, "index": 0}],
    "model": "rerank-2.5",
    "usage": {"total_tokens": 26},
}
MODERATED = {
    "id": "modr-1",
    "model": "omni-moderation-latest",
    "results": [{"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.00001}}],
}


def told(answer: object) -> Reply:
    """An answer that is not streamed."""
    return whole(json.dumps(answer).encode())
