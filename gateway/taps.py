# SPDX-License-Identifier: Apache-2.0
"""Recordings out of the running gateway: what its devices said last, and what they say for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from drivers.base.driver import StreamDriver
from drivers.base.tape import Entry, size_of
from gateway.control import Answer
from gateway.recordings import head_of, line_of
from gateway.supervisor import Supervisor

_WAITING_BYTES_MAX = 4 * 1024 * 1024
"""Chosen: what a recording may take that its reader has not fetched; then it ends rather than the gateway's memory."""
_TAP_S_MAX = 86_400.0


class Taps:
    """Serves `tap` of the control socket."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def tap(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """What is kept of a device; with `for_s` above 0 also what comes for so long, with `reconnect` in a new conversation, so that its begin is there."""
        device_id = str(request.get("device", ""))
        supervised = self._supervisor.devices.get(device_id)
        if supervised is None:
            yield {"error": f"there is no device {device_id!r}; there are: {', '.join(self._supervisor.devices)}"}
            return
        driver = supervised.driver
        if not isinstance(driver, StreamDriver):
            yield {"error": f"{device_id} is no device of a stream of bytes"}
            return
        for line in head_of(device_id, supervised.driver_name, driver.config):
            yield {"line": line}
        async for line in self._lines(device_id, driver, min(float(request.get("for_s", 0)), _TAP_S_MAX), reconnect=bool(request.get("reconnect"))):
            yield {"line": line}
        yield {"done": True}

    async def _lines(self, device_id: str, driver: StreamDriver[Any], for_s: float, *, reconnect: bool) -> AsyncGenerator[str, None]:
        waiting = _Waiting()
        kept = [] if reconnect else driver.tape.entries()
        start_s = kept[0].at_s if kept else None
        driver.tape.listeners.add(waiting.hear)
        try:
            for entry in kept:
                for line in line_of(entry, start_s or 0.0):
                    yield line
            if not for_s:
                return
            if reconnect:
                await self._supervisor.reconnect(device_id, "a recording begins")
            async for entry in waiting.entries(asyncio.get_running_loop().time() + for_s):
                start_s = entry.at_s if start_s is None else start_s
                for line in line_of(entry, start_s):
                    yield line
        finally:
            driver.tape.listeners.discard(waiting.hear)
        if waiting.is_full:
            yield "# gave up: more came than was fetched"


class _Waiting:
    """What was said and not fetched yet."""

    def __init__(self) -> None:
        self._entries: asyncio.Queue[Entry] = asyncio.Queue()
        self._bytes = 0
        self.is_full = False

    def hear(self, entry: Entry) -> None:
        """Keep one thing, unless too much waits already; then all that comes later is given up."""
        self.is_full = self.is_full or self._bytes + size_of(entry) > _WAITING_BYTES_MAX
        if not self.is_full:
            self._bytes += size_of(entry)
            self._entries.put_nowait(entry)

    async def entries(self, end_s: float) -> AsyncGenerator[Entry, None]:
        """One after the other until `end_s` of the loop's clock, or until too much waited."""
        loop = asyncio.get_running_loop()
        while (left_s := end_s - loop.time()) > 0 and not (self.is_full and self._entries.empty()):
            try:
                entry = await asyncio.wait_for(self._entries.get(), left_s)
            except TimeoutError:
                return
            self._bytes -= size_of(entry)
            yield entry
