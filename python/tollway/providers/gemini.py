"""Google's Gemini API.

Source: https://ai.google.dev/api.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="Google Gemini",
    evidence="recorded",
    dialects=("gemini",),
    base_url="https://generativelanguage.googleapis.com/v1beta",
    auth_header="x-goog-api-key",
    auth_prefix="",
    needs_key=True,
)
