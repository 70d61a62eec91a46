# SPDX-License-Identifier: Apache-2.0
"""The programs under test as processes that are killed, paused and, like under systemd, started again whenever they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_RESTART_S = 0.3
_STOP_S = 20.0


@dataclass(frozen=True)
class Ended:
    """A program that ended by itself."""

    at_s: float
    status: int


@dataclass
class Kept:
    """One program. `command` begins with the executable; `before_start` is called before each start (to wipe a store, to remove a lock)."""

    name: str
    command: Sequence[str | Path]
    log_path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    before_start: Callable[[], None] = lambda: None
    starts: int = 0
    ended: list[Ended] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    restart_s: float = _RESTART_S
    _keeper: asyncio.Task[None] | None = field(default=None, repr=False)
    _started: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _expected: bool = False

    async def start(self) -> None:
        """Start it and keep it running until `stop`."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.name}")
        await self._started.wait()

    async def stop(self) -> None:
        """End it for good, by SIGTERM, or SIGKILL if that does not help."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        self._keeper = None
        process = self.process
        if process is None or process.returncode is not None:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await process.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal, if it runs just now."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def kill(self, *, back_in_s: float = _RESTART_S) -> None:
        """SIGKILL; it is started again so much later."""
        if self.is_running:
            self.restart_s, self._expected = back_in_s, True
            self.kills.append(asyncio.get_running_loop().time())
            self._started.clear()
            self.send(signal.SIGKILL)

    async def started_again(self) -> None:
        """Until it was started after the last kill; it need not serve yet."""
        await self._started.wait()

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.returncode is None

    def pids(self) -> list[int]:
        """The process and its children."""
        if self.process is None or self.process.returncode is not None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            return [self.process.pid, *map(int, children.read_text().split())]
        return [self.process.pid]

    async def _keep(self) -> None:
        while True:
            self.before_start()
            with self.log_path.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    *self.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **self.environment},
                    cwd=self.folder,
                    start_new_session=True,
                )
            self.starts += 1
            self._started.set()
            status = await self.process.wait()
            if not self._expected:
                self.ended.append(Ended(asyncio.get_running_loop().time(), status))
                self.restart_s = _RESTART_S
            self._expected = False
            self._started.clear()
            await asyncio.sleep(self.restart_s)
