# SPDX-License-Identifier: Apache-2.0
"""Recordings out of the running gateway: what its devices said last, and what they say for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from drivers.base.driver import StreamDriver
from drivers.base.tape import Entry
from gateway.control import Answer
from gateway.recordings import head_of, line_of
from gateway.supervisor import Supervisor

_WAITING_MAX = 50_000
"""Chosen: entries of a recording that its reader has not fetched; beyond them the recording ends rather than the gateway's memory."""
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
        waiting: asyncio.Queue[Entry] = asyncio.Queue()
        kept = [] if reconnect else driver.tape.entries()
        start_s = kept[0].at_s if kept else None
        driver.tape.listeners.add(waiting.put_nowait)
        try:
            for entry in kept:
                for line in line_of(entry, start_s or 0.0):
                    yield line
            if not for_s:
                return
            if reconnect:
                await self._supervisor.reconnect(device_id, "a recording begins")
            end_s = asyncio.get_running_loop().time() + for_s
            while (left_s := end_s - asyncio.get_running_loop().time()) > 0 and waiting.qsize() < _WAITING_MAX:
                try:
                    entry = await asyncio.wait_for(waiting.get(), left_s)
                except TimeoutError:
                    return
                start_s = entry.at_s if start_s is None else start_s
                for line in line_of(entry, start_s):
                    yield line
        finally:
            driver.tape.listeners.discard(waiting.put_nowait)
