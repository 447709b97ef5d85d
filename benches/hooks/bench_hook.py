"""The policy hooks that the hook scenario calls: they look at the request and let it pass."""

from __future__ import annotations

from tollway.policy import Request, Verdict, allow


def check(request: Request) -> Verdict:
    return allow() if request.body["messages"] else allow(flags=["empty"])


async def check_async(request: Request) -> Verdict:
    return allow() if request.body["messages"] else allow(flags=["empty"])
