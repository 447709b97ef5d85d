"""Azure OpenAI, and the models of OpenAI in Azure AI Foundry.

Sources: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (the v1 surface, and dated versions);
https://learn.microsoft.com/azure/ai-foundry/openai/reference (paths of a deployment);
https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter (annotations and errors).
A model's name is that of its deployment.
"""

from tollway.providers.contract import AZURE_VERSION, Derived, Provider, Template


def _deployed(path: str) -> Template:
    dated = f"/openai/deployments/{{model}}{path}?api-version={{dated}}"
    return (dated, f"/openai/v1{path}?api-version={{api_version}}", f"/openai/v1{path}")


PROVIDER = Provider(
    title="Azure OpenAI",
    evidence="recorded",
    dialects=("openai", "openai-responses"),
    paths={
        "openai": _deployed("/chat/completions"),
        "openai-completions": _deployed("/completions"),
        "openai-responses": (
            "/openai/responses?api-version={dated}",
            "/openai/v1/responses?api-version={api_version}",
            "/openai/v1/responses",
        ),
        "embeddings": _deployed("/embeddings"),
        "images/generations": _deployed("/images/generations"),
        "images/edits": _deployed("/images/edits"),
        "audio/speech": _deployed("/audio/speech"),
        "audio/transcriptions": _deployed("/audio/transcriptions"),
        "audio/translations": _deployed("/audio/translations"),
    },
    derived={"dated": Derived("api_version", {"v1": None, "latest": None, "preview": None, "*": "{api_version}"})},
    auth_header="api-key",
    auth_prefix="",
    max_tokens="max_completion_tokens",
    auth="azure",
    options=(AZURE_VERSION,),
)
