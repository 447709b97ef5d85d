"""The control plane's process.

Standard input: one JSON line to start with, then one for each change; its end is the sign to go. Standard output:
`ready`, once it accepts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import orjson
import uvloop

from tollway import logs
from tollway.admin.app import create_app
from tollway.admin.control import ControlClient
from tollway.admin.operation import Context
from tollway.admin.server import InheritedServer
from tollway.admin.settings import ORIGINS, Access, Start

LONGEST_LINE = 1024 * 1024
"""Bytes: what `config/check_{telemetry,alerts,auth}.py` let be told may grow six times where all is escaped."""


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _follow(reader: asyncio.StreamReader, context: Context, start: Start) -> None:
    """Take over each change of who may do what, and of what is done besides, until the supervisor is gone."""
    await _keep(context)
    await _notify(context, start, resume=True)
    await _export(context, start, resume=True)
    while line := await reader.readline():
        context.access = Access.parse(orjson.loads(line))
        await _keep(context)
        await _notify(context, start, resume=False)
        await _export(context, start, resume=False)


async def _export(context: Context, start: Start, *, resume: bool) -> None:
    """Export what the settings in force say."""
    if context.exporter is None:
        if context.access.telemetry is None:
            return
        # Imported with the first export: most gateways have none, and are spared its time and memory.
        from tollway.admin.otlp.export import Exporter, Gateway  # noqa: PLC0415

        folder = Path(start.control).parent
        context.exporter = Exporter(context.control, Gateway(folder, start.version, start.began))
    await context.exporter.apply(context.access.telemetry, resume=resume)


async def _notify(context: Context, start: Start, *, resume: bool) -> None:
    """Tell of alerts whom the settings in force name."""
    if context.notifier is None:
        if context.access.alerts is None:
            return
        # Likewise.
        from tollway.admin.alerts.notifier import Notifier  # noqa: PLC0415

        context.notifier = Notifier(context.control, Path(start.control).parent, start.version)
    await context.notifier.apply(context.access.alerts, resume=resume)


async def _keep(context: Context) -> None:
    """Keep the credentials that the settings in force name: first of all, since requests fail without them."""
    if context.keeper is None:
        if context.access.credentials is None:
            return
        # Likewise.
        from tollway.credentials.refresh import Keeper  # noqa: PLC0415

        context.keeper = Keeper(context.control)
    await context.keeper.apply(context.access.credentials)


def _say_ready() -> None:
    os.write(1, b"ready\n")
    # Nobody reads the pipe from here on: whatever may be printed goes where the logs go.
    os.dup2(2, 1)


async def _serve() -> None:
    reader = await _stdin()
    line = await reader.readline()
    if not line:
        return  # the supervisor ended before it began
    start = Start.parse(orjson.loads(line))
    control = Path(start.control)
    context = Context(ControlClient(control), start.access, start.version, control.with_name(ORIGINS))
    server = InheritedServer(create_app(context), start.fd)

    def end() -> None:
        context.ending.set()
        server.interrupt()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    serving = asyncio.create_task(server.serve())
    await server.accepting.wait()
    # What was made to start up stays: the collector need not look at it again, nor unshare its pages.
    gc.collect()
    gc.freeze()
    _say_ready()
    following = asyncio.create_task(_follow(reader, context, start))
    await asyncio.wait({serving, following}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        end()
    await serving
    following.cancel()
    await asyncio.gather(
        *(one.end() for one in (context.keeper, context.notifier, context.exporter) if one is not None)
    )


def main() -> None:
    """Serve until the supervisor says or ends."""
    # The terminal's signals are the supervisor's to act on; it tells this process by closing its input.
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(name, signal.SIG_IGN)
    logs.configure()
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
