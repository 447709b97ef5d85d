"""Claude on Google's Vertex AI.

Sources: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai,
https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens.
"""

from tollway.providers.contract import (
    GOOGLE_LOCATION,
    GOOGLE_PROJECT,
    GOOGLE_REGION,
    VERTEX_HOST,
    VERTEX_PLACES,
    Provider,
    Quirks,
)

VERSION = {"anthropic_version": "vertex-2023-10-16"}

PROVIDER = Provider(
    title="Claude on Google Vertex AI",
    evidence="documentation",
    dialects=("anthropic",),
    base_url=VERTEX_PLACES,
    paths={
        "anthropic": "/{publishers/anthropic/models/model}:rawPredict",
        "anthropic:stream": "/{publishers/anthropic/models/model}:streamRawPredict",
        "count": "/publishers/anthropic/models/count-tokens:rawPredict",
    },
    derived={"host": VERTEX_HOST},
    region=GOOGLE_REGION,
    other=Quirks(omit=("model",), set=VERSION),
    count=Quirks(set=VERSION),
    auth="google",
    options=(GOOGLE_PROJECT, GOOGLE_LOCATION),
)
