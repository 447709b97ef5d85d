"""Moonshot AI: the Kimi models.

Source: https://platform.kimi.ai/docs/api/overview.
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="Moonshot AI",
    evidence="documentation",
    base_url="https://api.moonshot.ai/v1",
    max_tokens="max_completion_tokens",
    chat=Quirks(
        # https://github.com/Gitlawb/openclaude/pull/805, https://github.com/pydantic/pydantic-ai/pull/2211
        drop=("store", "tools[].function.strict"),
        # https://github.com/earendil-works/pi: its table of what servers support.
        values=SYSTEM_ONLY,
    ),
    # https://platform.moonshot.ai/docs/guide/use-kimi-vision-model: images in base64, or uploaded before (`ms://`).
    fetches_urls=False,
    needs_key=True,
)
