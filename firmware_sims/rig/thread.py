# SPDX-License-Identifier: Apache-2.0
"""Where simulated devices live when nobody runs an event loop for them: one thread for all, there as long as one of them is switched on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_PATIENCE_S = 15.0


class LoopThread:
    """An event loop in a thread of its own, counted by those who use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def enter(self) -> asyncio.AbstractEventLoop:
        """One more user; the loop runs when it is returned."""
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="dockline-sims", daemon=True)
                self._thread.start()
            return self._loop

    def leave(self) -> None:
        """One user less; the last one ends the thread."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_S)
            self._loop.close()
            self._loop = self._thread = None


def wait_for(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Let the loop of another thread do something and wait for it. Raises: what it raises."""
    return asyncio.run_coroutine_threadsafe(work, loop).result(_PATIENCE_S)


def do_within(loop: asyncio.AbstractEventLoop, act: Callable[[], T]) -> T:
    """Call a function where the loop runs: at once when that is here, else in its thread. Raises: what it raises."""
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        return act()

    async def work() -> T:
        return act()

    return wait_for(loop, work())


SHARED = LoopThread()
