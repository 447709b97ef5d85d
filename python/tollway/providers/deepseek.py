"""DeepSeek.

Source: https://api-docs.deepseek.com/api/create-chat-completion.
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="DeepSeek",
    evidence="recorded",
    base_url="https://api.deepseek.com/v1",
    chat=Quirks(
        # https://github.com/UKGovernmentBEIS/inspect_ai/issues/4916: JSON can be asked for, but by no schema.
        drop=("response_format.json_schema",),
        # https://github.com/earendil-works/pi/issues/1048
        values={**SYSTEM_ONLY, "response_format.type": {"json_schema": "json_object"}},
        rename={"max_completion_tokens": "max_tokens"},
    ),
    needs_key=True,
)
