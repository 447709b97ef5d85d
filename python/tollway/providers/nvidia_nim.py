"""NVIDIA NIM.

Source: https://docs.nvidia.com/nim.
"""

from tollway.providers.contract import Provider

PROVIDER = Provider(
    title="NVIDIA NIM",
    evidence="documentation",
    base_url="https://integrate.api.nvidia.com/v1",
    needs_key=True,
)
