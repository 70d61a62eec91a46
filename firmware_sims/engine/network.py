# SPDX-License-Identifier: Apache-2.0
"""A bad network between two programs on this machine: a TCP proxy whose line can be cut, swallow everything without a word, lag and lose, while it runs.

What a proxy cannot do to packets it does to bytes: a lost segment is the stall of its retransmission, as an application sees it. A hole keeps what was sent
before it is healed, as TCP's retransmission does, or forgets it with the connection, as a router does that was switched off meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

WayName = Literal["up", "down"]
WAYS: tuple[WayName, WayName] = ("up", "down")
_READ_BYTES = 65_536
_SEGMENT_BYTES = 1448  # RFC 879 with Ethernet's 1500 and timestamps
_RETRANSMISSION_S = 0.2  # Linux' TCP_RTO_MIN; doubled with every further loss of the same segment (RFC 6298, 5.5)
_RETRANSMISSIONS_MAX = 5
_BACKLOG_BYTES_MAX = 256 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close(2) sends RST instead of FIN


@dataclass(frozen=True)
class Shape:
    """How slow and lossy the line is, each way. `bytes_per_s` None: unlimited; `loss`: probability that a segment of 1448 bytes is lost and sent again."""

    bytes_per_s: float | None = None
    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0


class Way:
    """One direction of one connection: bytes wait here for their time, for a hole to be healed, and for the receiver."""

    def __init__(self, proxy: LinkProxy, name: WayName) -> None:
        self.name = name
        self.forgotten = False
        """Whatever still comes is swallowed, for as long as the connection lives."""
        self._proxy = proxy
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued_bytes = 0
        self._last_due_s = 0.0
        self._changed = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Send bytes on, after what was put before; b"" ends the direction."""
        for start in range(0, max(1, len(data)), _SEGMENT_BYTES):
            piece = data[start : start + _SEGMENT_BYTES]
            self._last_due_s = self._proxy.due_s(self._last_due_s, len(piece))
            self._queue.append((self._last_due_s, piece))
            self._queued_bytes += len(piece)
        self._changed.set()

    def take(self, data: bytes) -> None:
        """Bytes have come from the sender."""
        self.put(data)

    async def read_from(self, reader: asyncio.StreamReader) -> None:
        """Take what the sender sends until it ends; no faster than the receiver takes it."""
        data = b"."
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                await self._proxy.passable(self.name)
                if self.forgotten:
                    continue
                self.take(data)
                while self._queued_bytes > _BACKLOG_BYTES_MAX:
                    self._changed.clear()
                    await self._changed.wait()
        await self._proxy.passable(self.name)
        if self.name == "up" or not self.forgotten:  # who is forgotten hears nothing, but a client that has gone is gone
            self.put(b"")

    async def write_to(self, writer: asyncio.StreamWriter) -> None:
        """Hand on what is due until the end of the direction."""
        while True:
            while not self._queue:
                self._changed.clear()
                await self._changed.wait()
            due_s, data = self._queue[0]
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            await self._proxy.passable(self.name)
            self._queue.popleft()
            self._queued_bytes -= len(data)
            self._changed.set()
            if not data:
                return
            if not self.forgotten:
                writer.write(data)
                await writer.drain()


class _Connection:
    """A client's connection and the one to the target that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter, ways: tuple[Way, Way]) -> None:
        self.client = client
        self.target: asyncio.StreamWriter | None = None
        self.up, self.down = ways

    def forget(self) -> None:
        """Neither end hears of the other any more, and neither is told."""
        self.up.forgotten = self.down.forgotten = True


class LinkProxy:
    """Listens on loopback and connects each client to the target; `port` tells where. An asynchronous context manager; all of it runs in one event loop.

    `seed` decides jitter and losses.
    """

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        self.port = port
        self.dice = random.Random(seed)  # noqa: S311  # nobody gains by guessing it
        self._target = (target_host, target_port)
        self._shape = Shape()
        self._open: dict[WayName, asyncio.Event] = {way: asyncio.Event() for way in WAYS}
        self._holder: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """See `start`."""
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """See `stop`."""
        await self.stop()

    @property
    def connections(self) -> int:
        """How many clients are connected, however dead their lines are."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen on a healthy line. Raises: OSError: the port is taken."""
        self._holder = self._bound()
        self.port = self._holder.getsockname()[1]
        await self.heal()

    async def stop(self) -> None:
        """Close everything."""
        await self._close_door()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    async def heal(self) -> None:
        """The line is as good as new: what a hole held back goes on, clients are let in, nothing is slow."""
        self._shape = Shape()
        for gate in self._open.values():
            gate.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._on_client, sock=self._bound())

    def hole(self, *ways: WayName, forgets: bool = False) -> None:
        """From now on bytes vanish without a reset, both ways or the one that is named; who connects is accepted by the kernel and never answered.

        When it is healed, what was sent meanwhile arrives after all; with `forgets` the connections of before stay dead for ever.
        """
        for way in ways or WAYS:
            self._open[way].clear()
        if forgets:
            for connection in self._connections:
                connection.forget()

    async def cut(self) -> None:
        """Reset all connections and refuse new ones until it is healed."""
        await self._close_door()
        for connection in self._connections:
            _reset(connection.client)
            if connection.target is not None:
                _reset(connection.target)

    def shape(self, *, bytes_per_s: float | None = None, delay_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0) -> None:
        """Make the line slow and lossy, each way (see `Shape`)."""
        self._shape = Shape(bytes_per_s, delay_s, jitter_s, loss)

    def half_open(self) -> None:
        """The target's ends of all connections are gone, and the clients' ends do not know it: what they send is swallowed. New connections work."""
        for connection in self._connections:
            connection.forget()
            if connection.target is not None:
                _reset(connection.target)

    def due_s(self, after_s: float, size_bytes: int) -> float:
        """When a segment arrives that is sent now, behind one that arrives at `after_s`; seconds of the event loop."""
        shape, sent_s = self._shape, asyncio.get_running_loop().time()
        arrives_s = sent_s + shape.delay_s + shape.jitter_s * self.dice.random()
        for attempt in range(_RETRANSMISSIONS_MAX):
            if self.dice.random() >= shape.loss:
                break
            arrives_s += _RETRANSMISSION_S * 2**attempt
        return max(arrives_s, after_s) + (size_bytes / shape.bytes_per_s if shape.bytes_per_s else 0.0)

    async def passable(self, way: WayName) -> None:
        """Wait until no hole is in the way."""
        await self._open[way].wait()

    def make_ways(self) -> tuple[Way, Way]:
        """The two directions of a new connection, up first."""
        return Way(self, "up"), Way(self, "down")

    def _bound(self) -> socket.socket:
        """A socket on our port. One that never listens is kept all the time, so that a refused client is refused and nobody else takes the port."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle's delay on what is accepted
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", self.port))
        return bound

    async def _close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)  # the listening socket is closed in the next turn of the loop

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = _Connection(writer, self.make_ways())
        self._connections.add(connection)
        try:
            for way in WAYS:
                await self.passable(way)
            target_reader, connection.target = await asyncio.open_connection(*self._target)
            await self._carry(connection, reader, target_reader)
        except OSError:
            _reset(writer)
        except asyncio.CancelledError:
            pass  # the proxy is being stopped
        finally:
            self._connections.discard(connection)
            self._tasks.discard(task)
            for end in (writer, connection.target):
                if end is not None:
                    end.close()

    async def _carry(self, connection: _Connection, client: asyncio.StreamReader, target: asyncio.StreamReader) -> None:
        """Until either end has ended and the other was told; a forgotten connection until both have. Raises: OSError: an end was reset."""
        assert connection.target is not None
        reading = [asyncio.create_task(connection.up.read_from(client)), asyncio.create_task(connection.down.read_from(target))]
        writing = [asyncio.create_task(connection.up.write_to(connection.target)), asyncio.create_task(connection.down.write_to(connection.client))]
        try:
            done, _ = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if connection.up.forgotten:
                connection.client.close()
                await reading[1]  # the target keeps its end until it gives up by itself
        finally:
            for task in (*reading, *writing):
                task.cancel()
            await asyncio.gather(*reading, *writing, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    bare = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
