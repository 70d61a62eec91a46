# SPDX-License-Identifier: Apache-2.0
"""The news within this process that something was committed; pages, the command publisher and tests wait on it instead of polling fast."""

from __future__ import annotations

import asyncio
import contextlib


class Changes:
    """A counter of commits that tasks can wait on. `tell` may be called from any thread."""

    def __init__(self) -> None:
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: set[asyncio.Event] = set()

    @property
    def count(self) -> int:
        """How often something changed so far."""
        return self._count

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop whose tasks wait; called once when the service starts."""
        self._loop = loop

    def tell(self) -> None:
        """Say that something was committed."""
        loop = self._loop
        if loop is None or loop.is_closed():
            self._count += 1
            return
        loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._count += 1
        for waiter in self._waiters:
            waiter.set()

    async def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count once it differs from `seen`, or after `timeout_s`."""
        if self._count == seen:
            waiter = asyncio.Event()
            self._waiters.add(waiter)
            try:
                # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the result.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        await waiter.wait()
            finally:
                self._waiters.discard(waiter)
        return self._count
