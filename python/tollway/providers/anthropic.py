"""Anthropic's own API.

Source: https://docs.anthropic.com/en/api/versioning.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Anthropic",
    evidence="recorded",
    dialects=("anthropic",),
    base_url="https://api.anthropic.com/v1",
    auth_header="x-api-key",
    auth_prefix="",
    headers={"anthropic-version": "2023-06-01"},
    needs_key=True,
)
