"""Models of Azure AI Foundry that speak OpenAI's dialect, whoever made them.

Sources: https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints (the v1 surface);
https://learn.microsoft.com/rest/api/aifoundry/modelinference (`/models`, with a dated version).
A model's name is that of its deployment.
"""

from tollway.providers.contract import AZURE_VERSION, Provider

PROVIDER = Provider(
    title="Azure AI Foundry",
    evidence="recorded",
    dialects=("openai", "openai-responses"),
    paths={
        "openai": ("/models/chat/completions?api-version={api_version}", "/openai/v1/chat/completions"),
        "openai-responses": "/openai/v1/responses",
        "embeddings": ("/models/embeddings?api-version={api_version}", "/openai/v1/embeddings"),
        "images/generations": "/openai/v1/images/generations",
    },
    auth_header="api-key",
    auth_prefix="",
    auth="azure",
    options=(AZURE_VERSION,),
)
