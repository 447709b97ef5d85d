"""Gemini on Google's Vertex AI; with an API key and without a project, in express mode.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations (the hosts of `global`, `us` and `eu`),
https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/vertex-ai-express-mode-api-reference.
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

PROVIDER = Provider(
    title="Google Vertex AI",
    evidence="recorded",
    dialects=("gemini",),
    base_url=(*VERTEX_PLACES, "https://aiplatform.googleapis.com/v1"),
    paths={
        "gemini": "/{publishers/google/models/model}:generateContent",
        "gemini:stream": "/{publishers/google/models/model}:streamGenerateContent?alt=sse",
        "count": "/{publishers/google/models/model}:countTokens",
        "embeddings": "/{publishers/google/models/model}:embedContent",
        "embeddings:batch": "/{publishers/google/models/model}:batchEmbedContents",
        "predict": "/{publishers/google/models/model}:predict",
    },
    derived={"host": VERTEX_HOST},
    region=GOOGLE_REGION,
    # The path names it: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models
    embeddings=Quirks(omit=("model", "requests[].model")),
    auth_header="x-goog-api-key",
    auth_prefix="",
    auth="google",
    options=(GOOGLE_PROJECT, GOOGLE_LOCATION),
)
