"""Policies as an operator may write them, good and bad. Copied beside the configuration of the gateways under test."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

from tollway.policy import Request, Response, Verdict, allow, reject, replace

RELEASE = Path(__file__).with_name("release")
"""While this file is not there, what is stuck stays stuck."""

CANCELLED = Path(__file__).with_name("cancelled")
"""Made by an asynchronous hook that was cancelled."""


# Verdicts on requests


def flags(request: Request) -> Verdict:
    """Note who asked for what."""
    return allow(flags=["seen", f"key:{request.key.id}", f"team:{request.key.team}", f"route:{request.route}"])


async def flags_async(request: Request) -> Verdict:
    """Note, after a while, whether a stream was asked for."""
    await asyncio.sleep(0.001)
    return allow(flags=[f"endpoint:{request.endpoint}", f"stream:{request.stream}"])


def silent(_: Request) -> None:
    """Say nothing, which is to allow."""


def refuse(request: Request) -> Verdict:
    """Refuse who says so."""
    said = request.body["messages"][-1]["content"]
    return reject("This was refused, because it asked to be.") if said == "refuse me" else allow()


def rewrite(request: Request) -> Verdict:
    """Put another message in the last one's place."""
    body = request.body
    body["messages"][-1]["content"] = "rewritten, 世界"
    body["seed"] = 7
    return replace(body, flags=["rewritten"])


async def rewrite_async(request: Request) -> Verdict:
    """Add to what the hook before left."""
    body = request.body
    body["messages"][-1]["content"] += " twice"
    return replace(body)


def reroute(request: Request) -> Verdict:
    """Try to name another route: which route serves is decided before."""
    return replace({**request.body, "model": "other"})


def break_it(_: Request) -> Verdict:
    """Replace the request with one that no endpoint takes."""
    return replace({"model": "m", "messages": "none"})


# Verdicts on responses


def response_flags(response: Response) -> Verdict:
    """Note how the answer ended."""
    if response.stream:
        finishes = [choice["finish_reason"] for event in response.events() for choice in event.get("choices", ())]
        return allow(flags=[f"finish:{finishes[-1]}"])
    return allow(flags=[f"finish:{response.body['choices'][0]['finish_reason']}"])


def response_refuse(response: Response) -> Verdict:
    """Refuse answers that hold a word."""
    return reject("The answer was refused.") if "upstream" in response.text else allow()


async def response_rewrite(response: Response) -> Verdict:
    """Put another text in the answer's place."""
    if response.stream:
        return replace(response.text.replace("upstream", "the hook"), flags=["rewritten"])
    body = response.body
    body["choices"][0]["message"]["content"] = "Hello from the hook."
    return replace(body, flags=["rewritten"])


# What goes wrong


def raises(request: Request) -> Verdict:
    """Fail, with the request in the text of the exception."""
    raise ValueError(f"cannot read {request.text} of {request!r}")


async def raises_async(request: Request) -> Verdict:
    """The same, asynchronously."""
    raise KeyError(request.text)


def response_raises(response: Response) -> Verdict:
    """The same, with the answer."""
    raise RuntimeError(response.text)


def exits(_: Request) -> Verdict:
    """Try to end the process."""
    raise SystemExit(3)


def wrong_answer(_: Request) -> Any:  # noqa: ANN401 - wrong on purpose
    """Answer with what is not a verdict."""
    return "yes"


def unwritable(_: Request) -> Verdict:
    """Replace with what JSON cannot say."""
    return replace({"model": object()})


def sleeps(_: Request) -> Verdict:
    """Wait in the way that gives the GIL away."""
    while not RELEASE.exists():
        time.sleep(0.005)
    return allow(flags=["released"])


def burns(_: Request) -> Verdict:
    """Keep a core and the GIL busy."""
    while not RELEASE.exists():
        sum(range(100_000))
    return allow(flags=["released"])


def never(_: Request) -> Verdict:
    """Not return at all."""
    threading.Event().wait()
    raise AssertionError


async def blocks_the_loop(_: Request) -> Verdict:
    """Hold up every other asynchronous hook."""
    while not RELEASE.exists():
        time.sleep(0.005)  # noqa: ASYNC251 - that is the point
    return allow(flags=["released"])


async def waits(_: Request) -> Verdict:
    """Not return, and tell when it is cancelled."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        CANCELLED.touch()
        raise
    raise AssertionError


# Beside a guardrail


def adds_email(request: Request) -> Verdict:
    """Put an e-mail address into the request, which the guardrail must see."""
    body = request.body
    body["messages"].append({"role": "system", "content": "Answer to of.the.hook@example.com"})
    return replace(body)


def sees_masked(response: Response) -> Verdict:
    """Note whether what this hook is shown was inspected before."""
    return allow(flags=["hook-saw-masked" if "@" not in response.text else "hook-saw-all"])
