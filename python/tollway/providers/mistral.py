"""Mistral AI.

Source: https://docs.mistral.ai/api, whose schema of a request forbids other members (422 `extra_forbidden`).
"""

from tollway.providers.contract import SYSTEM_ONLY, Provider, Quirks

PROVIDER = Provider(
    title="Mistral AI",
    evidence="recorded",
    base_url="https://api.mistral.ai/v1",
    chat=Quirks(
        drop=(
            *("user", "logit_bias", "logprobs", "top_logprobs", "store", "service_tier", "messages[].name"),
            # https://github.com/charmbracelet/crush/issues/1590: its own models' thoughts are in the content.
            *("messages[].reasoning_content", "messages[].reasoning", "messages[].thinking_blocks"),
        ),
        # https://github.com/editor-code-assistant/eca/issues/231
        rename={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
        values=SYSTEM_ONLY,
        # https://github.com/anomalyco/opencode/issues/1680
        call_ids=9,
    ),
    embeddings=Quirks(drop=("user",), rename={"dimensions": "output_dimension"}),
    # https://github.com/avante-corp/avante.nvim/issues/2347
    stream_usage="always",
    needs_key=True,
)
