"""IBM watsonx.ai: chat.

Source: https://cloud.ibm.com/apidocs/watsonx-ai#text-chat, whose schema of a request has its own names for some members
and a path of its own for streams.
"""

from tollway.providers.contract import SYSTEM_ONLY, Derived, Option, Provider, Quirks

PROVIDER = Provider(
    title="IBM watsonx.ai",
    evidence="documentation",
    base_url="https://{location}.ml.cloud.ibm.com",
    paths={
        "openai": "/ml/v1/text/chat?version={api_version}",
        "openai:stream": "/ml/v1/text/chat_stream?version={api_version}",
    },
    region=Derived(
        "location",
        {"eu-de": "eu", "us-*": "us", "eu-gb": "uk", "jp-*": "jp", "ca-*": "ca", "au-*": "au"},
    ),
    chat=Quirks(
        drop=(
            *("user", "store", "metadata", "service_tier", "parallel_tool_calls", "modalities", "audio", "prediction"),
            *("verbosity", "web_search_options", "safety_identifier", "prompt_cache_key", "functions", "function_call"),
        ),
        omit=("stream",),
        rename={"model": "model_id"},
        rename_text={"tool_choice": "tool_choice_option"},
        values=SYSTEM_ONLY,
        set={"project_id": "{project}", "space_id": "{space}"},
    ),
    stream_usage="always",
    needs_key=True,
    options=(
        Option("location", "word", "us-south", "The region of the service."),
        Option("project", "word", None, "The project's id. Either this or `space`."),
        Option("space", "word", None, "The deployment space's id."),
        Option("api_version", "word", "2025-02-06", "The version of the API: a date."),
    ),
)
