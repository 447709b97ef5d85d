"""Z.ai: the GLM models.

Source: https://docs.z.ai/api-reference/llm/chat-completion.
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="Z.ai",
    evidence="documentation",
    base_url="https://api.z.ai/api/paas/v4",
    chat=Quirks(
        # https://docs.z.ai/api-reference/llm/chat-completion has the one name.
        rename={"max_completion_tokens": "max_tokens"},
        # https://github.com/earendil-works/pi/issues/547
        values=SYSTEM_ONLY,
        # https://github.com/vectorize-io/hindsight/issues/4246: a 400, "Tool choice must be auto".
        only={"tool_choice": ("auto",)},
    ),
    needs_key=True,
)
