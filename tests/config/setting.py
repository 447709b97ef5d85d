"""What the configurations of these tests refer to: variables, PEM blocks, hooks."""

from __future__ import annotations

import base64

from tollway.errors import HookError

CANARY = "canary-6b1f0e9d2c"
"""Stands in every secret that the tests use: wherever it is printed, a secret has leaked."""

ACCOUNT = {
    "type": "service_account",
    "client_email": "gateway@project.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
"""The file of a service account, without its key."""

VARIABLES = (
    "TOLLWAY_SECRET",
    "TOLLWAY_ADMIN_TOKEN",
    "AZURE_API_KEY",
    "VERTEX_API_KEY",
    "OPENAI_API_KEY",
    "A",
    "B",
    "SUMMARIZER_KEY",
    "VLLM_KEY",
    "OTEL_KEY",
    "WEBHOOK_SECRET",
)


def pem(label: str) -> str:
    """A PEM block: what it holds does not matter here, since only the data plane reads it."""
    body = base64.encodebytes(label.encode() * 12).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


def resolve_hook(call: str) -> tuple[int, bool]:
    """Stands for the registry of hooks, which has its own tests: knows one synchronous and one async function."""
    known = {"my_policies:check": (1, False), "my_policies:review": (2, True)}
    if call not in known:
        raise HookError("there is no such module")
    return known[call]
