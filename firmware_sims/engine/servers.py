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
from collections import deque
from collections.abc import Callable
from pathlib import Path

from firmware_sims.engine.faults import Faults, FaultyLine
from firmware_sims.engine.twin import StimulusValue, Twin

__all__ = ["Faults", "PipeTwinServer", "PtyTwinServer", "TcpTwinServer", "TwinServer", "has_pseudo_terminals"]


class TwinServer(abc.ABC):
    """Base of the servers: owns the twin, its clock, its alarm clock and what is wrong with its line. `seed` decides which bytes a bad line hits."""

    def __init__(self, twin: Twin, *, clock: Callable[[], float] = time.monotonic, seed: int = 0) -> None:
        self.twin = twin
        self.faults = Faults()
        self.seed = seed
        self.said = FaultyLine(self.faults, seed, "to_client")
        self.heard = FaultyLine(self.faults, seed, "to_device")
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._late: deque[tuple[float, bytes | None]] = deque()
        self._postman: asyncio.TimerHandle | None = None
        self._lights_on: asyncio.TimerHandle | None = None

    @abc.abstractmethod
    async def start(self) -> None:
        """Be there for a client. Raises: OSError: the place is taken or not to be had."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Be gone, and the client with it."""

    @abc.abstractmethod
    def drop_client(self) -> None:
        """Cut the connection as a rebooting device does."""

    @property
    @abc.abstractmethod
    def has_client(self) -> bool:
        """Whether somebody is connected; always for a line that nobody can tell of."""

    def stimulate(self, name: str, **arguments: StimulusValue) -> None:
        """Let something happen to the device now."""
        self._say(self.twin.stimulate(name, arguments, self._clock()))

    def let(self, happen: Callable[[float], bytes]) -> None:
        """Let something happen that has no name: called with the time, it returns what the device then says."""
        self._say(happen(self._clock()))

    def change(self, name: str, text: str) -> None:
        """Change a condition of the device's world now, as people write it. Raises: UnknownStimulusError, ValueError: see `Twin.change`."""
        self._say(self.twin.change(name, text, self._clock()))

    def forget_client(self) -> None:
        """The device forgets the connection without a word; the client is not told (half open). Where nobody connects nothing can be forgotten."""
        self.drop_client()

    def brown_out(self, seconds: float) -> None:
        """The supply fails for so long: the connection is gone, nobody is let in, and then the device starts anew, if it knows how (stimulus `reboot`)."""
        was_on = self._lights_on is None
        if self._lights_on is not None:
            self._lights_on.cancel()
        self._lights_on = asyncio.get_running_loop().call_later(seconds, self._power_up)
        if was_on:
            self.drop_client()  # dark already: a line that is plugged in again says nothing
        self._forget_late()

    def _power_up(self) -> None:
        self._lights_on = None
        if "reboot" in self.twin.stimuli():
            self._say(self.twin.stimulate("reboot", {}, self._clock()))
        self._wind()

    @property
    def is_dark(self) -> bool:
        """Whether the supply has failed just now."""
        return self._lights_on is not None

    def _take(self, data: bytes) -> None:
        if self.faults.mute or self.is_dark:
            return
        if (self.faults.drop or self.faults.corrupt) and not (data := self.heard.bytes_through(data)):
            return
        self._say(self.twin.receive_bytes(data, self._clock()))

    def _say(self, data: bytes) -> None:
        if data and not self.faults.mute and not self.is_dark:
            if self.faults.spare_the_bytes and not self._late:
                self._send(data)
            else:
                self._post(self.said.pieces_through(data))
        self._wind()

    def _post(self, pieces: list[tuple[float, bytes | None]]) -> None:
        """Send pieces when their time has come, each after those before it."""
        now_s = self._clock()
        for delay_s, piece in pieces:
            due_s = max(now_s + delay_s, self._late[-1][0] if self._late else now_s)
            if due_s <= now_s and not self._late:
                self._hand_over(piece)
            else:
                self._late.append((due_s, piece))
        self._call_postman(now_s)

    def _call_postman(self, now_s: float) -> None:
        if self._late and self._postman is None:
            self._postman = asyncio.get_running_loop().call_later(max(0.0, self._late[0][0] - now_s), self._bring)

    def _bring(self) -> None:
        self._postman = None
        now_s = self._clock()
        while self._late and self._late[0][0] <= now_s:
            self._hand_over(self._late.popleft()[1])
        self._call_postman(now_s)

    async def _all_brought(self) -> None:
        """Wait until what is late has been sent too."""
        while self._late:  # noqa: ASYNC110  # its end is a matter of the clock
            await asyncio.sleep(max(0.001, self._late[-1][0] - self._clock()))

    def _hand_over(self, piece: bytes | None) -> None:
        if piece is None:
            self.drop_client()
        elif not self.faults.mute:
            self._send(piece)

    def _forget_late(self) -> None:
        self._late.clear()
        if self._postman is not None:
            self._postman.cancel()
            self._postman = None

    def _wind(self) -> None:
        deadline_s = self.twin.next_deadline_s()
        if self._timer is not None:
            if deadline_s == self._due_s:
                return
            self._timer.cancel()
            self._timer = None
        if deadline_s is not None:
            self._due_s = deadline_s
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline_s - self._clock()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._say(self.twin.advance_to(self._clock()))

    @abc.abstractmethod
    def _send(self, data: bytes) -> None:
        """Put bytes on the line, if anybody is there."""

    def _stop_timer(self) -> None:
        self._forget_late()
        for timer in (self._timer, self._lights_on):
            if timer is not None:
                timer.cancel()
        self._timer = self._lights_on = None


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
        seed: int = 0,
    ) -> None:
        super().__init__(twin, clock=clock, seed=seed)
        self.host = host
        self._security = security
        self.port = port
        self._exclusive = exclusive
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()

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
        for writer in self._forgotten:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def drop_client(self) -> None:
        """Cut the connection as a rebooting device does."""
        self._forget_late()
        if self._writer is not None:
            self._writer.transport.abort()

    def forget_client(self) -> None:
        """See `TwinServer.forget_client`; what the client still sends is taken by nobody."""
        self._forget_late()
        if self._writer is not None:
            self._forgotten.add(self._writer)
            self._writer = None
            self.twin.disconnected(self._clock())

    @property
    def has_client(self) -> bool:
        """Whether somebody is connected."""
        return self._writer is not None

    @property
    def unsent_bytes(self) -> int:
        """What the client has not taken yet and the kernel not either."""
        return self._writer.transport.get_write_buffer_size() if self._writer is not None else 0

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            stopped = self._server is None or not self._server.is_serving()
            if stopped or self.faults.refuse or self.is_dark:
                writer.transport.abort()
                return
            if self._exclusive and self._writer is not None:
                writer.write(self.twin.turned_away(self._clock()))
                return
            self.drop_client()
            self._writer = writer
            self._say(self.twin.connected(self._clock()))
            while data := await reader.read(65536):
                if writer in self._forgotten:
                    continue
                self._take(data)
                if self.twin.wants_close:
                    await self._all_brought()
                    break
        except OSError:
            pass  # the client vanished; the next one will come
        finally:
            self._tasks.discard(task)
            self._forgotten.discard(writer)
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

    def __init__(self, twin: Twin, *, link: str = "", clock: Callable[[], float] = time.monotonic, seed: int = 0) -> None:
        super().__init__(twin, clock=clock, seed=seed)
        self._folder = tempfile.mkdtemp(prefix="dockline-twin-")
        self._fifo = f"{self._folder}/device"
        self._link = link
        self.path = link or self._fifo
        self._end = -1
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the pipe and wait for somebody to open it."""
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103  # pathlib counts as blocking, this does not, and both are a moment
        os.mkfifo(self._fifo)
        _point(self._link, self._fifo)
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
        _unpoint(self._link)
        shutil.rmtree(self._folder)

    def drop_client(self) -> None:
        """Hang up; whoever reads reads the end of the file."""
        self._forget_late()
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
            if self._end < 0 and not self.faults.refuse and not self.is_dark:
                with contextlib.suppress(OSError):  # nobody reads
                    self._end = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
    """A pseudo terminal; `path` is what a driver opens as its serial line: `link`, if it is to have a name that stays the same."""

    def __init__(self, twin: Twin, *, link: str = "", clock: Callable[[], float] = time.monotonic, seed: int = 0) -> None:
        super().__init__(twin, clock=clock, seed=seed)
        self._master = self._slave = -1
        self._link = link
        self.path = link

    async def start(self) -> None:
        """Open the pty; `path` then tells where. Raises: OSError: there are none, or something else has the link's name."""
        self._plug_in()

    async def stop(self) -> None:
        """Unplug: close both ends."""
        self._stop_timer()
        self._unplug()
        _unpoint(self._link)

    def drop_client(self) -> None:
        """Unplug and plug in again: whoever has the line open reads its end, and the link leads to the new one."""
        self._forget_late()
        if self._master >= 0:
            self._unplug()
            self.twin.disconnected(self._clock())
            self._plug_in()

    @property
    def has_client(self) -> bool:
        """See `TwinServer.has_client`."""
        return self._master >= 0

    def _plug_in(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        real = os.ttyname(self._slave)
        _point(self._link, real)
        self.path = self._link or real
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._say(self.twin.connected(self._clock()))

    def _unplug(self) -> None:
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


def _point(link: str, target: str) -> None:
    """Let a symbolic link lead to where the device is now. Raises: FileExistsError: something that is no link has its name."""
    if not link:
        return
    path, beside = Path(link), Path(f"{link}.new")
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"{link} is no symbolic link and stays as it is; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(path)


def _unpoint(link: str) -> None:
    if link and Path(link).is_symlink():
        Path(link).unlink()
