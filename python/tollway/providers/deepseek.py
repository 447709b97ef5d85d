"""DeepSeek.

Source: https://api-docs.deepseek.com.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="DeepSeek",
    evidence="recorded",
    base_url="https://api.deepseek.com/v1",
    needs_key=True,
)
