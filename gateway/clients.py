# SPDX-License-Identifier: Apache-2.0
"""The connections of a small server: each is served by a task of its own, and none is left when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_CLOSE_TIMEOUT_S = 1.0


class Clients:
    """`accept` is what `asyncio.start_server` calls; `serve` speaks with one client and returns when all is said."""

    def __init__(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._serve = serve
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._has_ended = False

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has connected."""
        if self._has_ended:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._one(reader, writer), name="client")
        self._tasks[task] = writer
        task.add_done_callback(self._tasks.pop)

    async def end(self, server: asyncio.Server) -> None:
        """Stop listening and drop whoever is connected."""
        self._has_ended = True
        server.close()
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in tasks.values():  # also of one that was cancelled before it began
            writer.transport.abort()
        await server.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await writer.wait_closed()
            except (OSError, TimeoutError):  # it does not fetch what was said
                writer.transport.abort()
