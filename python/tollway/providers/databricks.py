"""Databricks model serving: models that it hosts, external ones, and endpoints of one's own.

Sources: https://docs.databricks.com/machine-learning/model-serving/score-foundation-models (OpenAI's client),
https://docs.databricks.com/api/workspace/servingendpoints/query (`invocations`; where an endpoint refuses the member
`model`, `drop_params` takes it out).
"""

from tollway.providers.contract import Option, Provider

PROVIDER = Provider(
    title="Databricks",
    evidence="documentation",
    paths={
        "openai": ("/serving-endpoints/{endpoint}/invocations", "/serving-endpoints/chat/completions"),
        "openai-completions": ("/serving-endpoints/{endpoint}/invocations", "/serving-endpoints/completions"),
        "openai-responses": ("/serving-endpoints/{endpoint}/invocations", "/serving-endpoints/responses"),
        "embeddings": ("/serving-endpoints/{endpoint}/invocations", "/serving-endpoints/embeddings"),
        "anthropic": "/serving-endpoints/anthropic/v1/messages",
    },
    needs_key=True,
    options=(
        Option("endpoint", "word", None, "A serving endpoint that all requests go to, by its `invocations` path."),
    ),
)
