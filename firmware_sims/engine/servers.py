# SPDX-License-Identifier: Apache-2.0
"""Serve a twin over TCP, a pty or a named pipe, with faults that can be switched on while it runs."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import pty
import select
import shutil
import ssl
import tempfile
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass

from firmware_sims.engine.twin import StimulusValue, Twin


@dataclass
class Faults:
    """What is wrong with the line just now. `mute`: bytes vanish in both directions while TCP stays up; `chunk_bytes` > 0: answers arrive in such pieces."""

    mute: bool = False
    refuse: bool = False
    chunk_bytes: int = 0


class TwinServer(abc.ABC):
    """Base of the servers: owns the twin, its clock and its alarm clock."""

    def __init__(self, twin: Twin, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.twin = twin
        self.faults = Faults()
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    def stimulate(self, name: str, **arguments: StimulusValue) -> None:
        """Let something happen to the device now."""
        self._say(self.twin.stimulate(name, arguments, self._clock()))

    def _take(self, data: bytes) -> None:
        if not self.faults.mute:
            self._say(self.twin.receive_bytes(data, self._clock()))

    def _say(self, data: bytes) -> None:
        if data and not self.faults.mute:
            step = self.faults.chunk_bytes or len(data)
            for start in range(0, len(data), step):
                self._send(data[start : start + step])
        self._wind()

    def _wind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_s = self.twin.next_deadline_s()
        if deadline_s is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline_s - self._clock()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._say(self.twin.advance_to(self._clock()))

    @abc.abstractmethod
    def _send(self, data: bytes) -> None:
        """Put bytes on the line, if anybody is there."""

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class TcpTwinServer(TwinServer):
    """One TCP listener on loopback; a second client takes the line over from the first unless `exclusive`, when it is closed at once.

    With `security` it speaks TLS.
    """

    def __init__(
        self,
        twin: Twin,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        exclusive: bool = False,
        security: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(twin, clock=clock)
        self.host = host
        self._security = security
        self.port = port
        self._exclusive = exclusive
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; `port` then tells where. Raises: OSError: the port is taken."""
        self._server = await asyncio.start_server(self._on_client, self.host, self.port, ssl=self._security)
        self.port = self._server.sockets[0].getsockname()[1]
        self._wind()

    async def stop(self) -> None:
        """Close the listener and the client."""
        self._stop_timer()
        if self._server is not None:
            self._server.close()
        self.drop_client()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def drop_client(self) -> None:
        """Cut the connection as a rebooting device does."""
        if self._writer is not None:
            self._writer.transport.abort()

    @property
    def has_client(self) -> bool:
        """Whether somebody is connected."""
        return self._writer is not None

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            stopped = self._server is None or not self._server.is_serving()
            if stopped or self.faults.refuse:
                writer.transport.abort()
                return
            if self._exclusive and self._writer is not None:
                writer.write(self.twin.turned_away(self._clock()))
                return
            self.drop_client()
            self._writer = writer
            self._say(self.twin.connected(self._clock()))
            while data := await reader.read(65536):
                self._take(data)
                if self.twin.wants_close:
                    break
        except OSError:
            pass  # the client vanished; the next one will come
        finally:
            self._tasks.discard(task)
            if self._writer is writer:
                self._writer = None
                self.twin.disconnected(self._clock())
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _send(self, data: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)


class PipeTwinServer(TwinServer):
    """A named pipe in a folder of its own: what a device says that is only listened to, as a file of the kernel does (hidraw, input events).

    `path` is what a driver opens. Who opens it is noticed within `_LOOK_S`.
    """

    _LOOK_S = 0.01

    def __init__(self, twin: Twin, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(twin, clock=clock)
        self._folder = tempfile.mkdtemp(prefix="dockline-twin-")
        self.path = f"{self._folder}/device"
        self._end = -1
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the pipe and wait for somebody to open it."""
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103  # pathlib counts as blocking, this does not, and both are a moment
        os.mkfifo(self.path)
        self._serving = asyncio.create_task(self._serve(), name="twin-pipe")
        self._wind()

    async def stop(self) -> None:
        """Unplug: the pipe is gone."""
        self._stop_timer()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None
        self.drop_client()
        shutil.rmtree(self._folder)

    def drop_client(self) -> None:
        """Hang up; whoever reads reads the end of the file."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1
            self.twin.disconnected(self._clock())

    @property
    def has_client(self) -> bool:
        """Whether somebody has opened it."""
        return self._end >= 0

    async def _serve(self) -> None:
        while True:
            if self._end < 0 and not self.faults.refuse:
                with contextlib.suppress(OSError):  # nobody reads
                    self._end = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                    self._say(self.twin.connected(self._clock()))
            elif self._is_left():
                self.drop_client()
            await asyncio.sleep(self._LOOK_S)

    def _is_left(self) -> bool:
        if self._end < 0:
            return False
        looking = select.poll()
        looking.register(self._end, 0)
        return any(seen & select.POLLERR for _, seen in looking.poll(0))

    def _send(self, data: bytes) -> None:
        if self._end >= 0:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a full pipe drops, as an unread file of the kernel does
                os.write(self._end, data)


def has_pseudo_terminals() -> bool:
    """Whether this machine gives out ptys; a bare chroot or container without /dev/pts does not."""
    try:
        ends = pty.openpty()
    except OSError:
        return False
    for end in ends:
        os.close(end)
    return True


class PtyTwinServer(TwinServer):
    """A pseudo terminal; `path` is what a driver opens as its serial line."""

    def __init__(self, twin: Twin, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(twin, clock=clock)
        self._master = self._slave = -1
        self.path = ""

    async def start(self) -> None:
        """Open the pty; `path` then tells where."""
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._say(self.twin.connected(self._clock()))

    async def stop(self) -> None:
        """Unplug: close both ends."""
        self._stop_timer()
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._take(os.read(self._master, 65536))

    def _send(self, data: bytes) -> None:
        if self._master >= 0:
            with contextlib.suppress(BlockingIOError):  # a full pty buffer drops, as an unread serial line does
                os.write(self._master, data)
