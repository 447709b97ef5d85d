"""Claude in Azure AI Foundry. A model's name is that of its deployment.

Source: https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Claude in Azure AI Foundry",
    evidence="documentation",
    dialects=("anthropic",),
    paths={"anthropic": "/anthropic/v1/messages", "count": "/anthropic/v1/messages/count_tokens"},
    auth_header="x-api-key",
    auth_prefix="",
    headers={"anthropic-version": "2023-06-01"},
    auth="azure",
)
