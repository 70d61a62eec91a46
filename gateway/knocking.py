# SPDX-License-Identifier: Apache-2.0
"""TCP connections to one of several brokers, opened by several knocks: the first that is answered wins."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence

from contracts.addresses import BROKER_SOCKET_OPTIONS, BrokerAddress

_RESOLVE_S = 1.0
_USER_TIMEOUT_MS = 10_000
"""What was sent is given up after so long without TCP's acknowledgement (tcp(7), TCP_USER_TIMEOUT); the uplink notices earlier, this frees what it left."""
_OPTIONS = (
    *BROKER_SOCKET_OPTIONS,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS), ("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: what is abandoned must not arrive at the broker after all, beside its successor

_Target = tuple[int, tuple[str, int]]


class UnreachableError(Exception):
    """No broker was reached; `is_refused`: a machine answered that there is none."""

    def __init__(self, text: str, *, is_refused: bool) -> None:
        super().__init__(text)
        self.is_refused = is_refused


class Knocker:
    """Knocks at the brokers' doors. A name that cannot be resolved just now is taken for what it was last."""

    def __init__(self, brokers: Sequence[BrokerAddress]) -> None:
        self._brokers = brokers
        self._resolved: dict[int, _Target] = {}

    async def knock(self, first: int, every_s: float, within_s: float) -> tuple[int, socket.socket]:
        """A connection to broker number `first` or one that follows it, whichever answers first, and its number. Raises: UnreachableError: none did."""
        loop, count = asyncio.get_running_loop(), len(self._brokers)
        deadline_s, knocks, turn, reasons = loop.time() + within_s, dict[asyncio.Task[socket.socket], int](), 0, list[OSError]()
        try:
            while (left_s := deadline_s - loop.time()) > 0:
                index = (first + turn) % count
                knocks[asyncio.create_task(self._open(index), name="uplink-knock")] = index
                turn += 1
                done, _ = await asyncio.wait(knocks, timeout=min(every_s, left_s), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    index = knocks.pop(task)
                    if (error := task.exception()) is None:
                        return index, task.result()
                    reasons += [error] if isinstance(error, OSError) else []
                if reasons and not knocks and turn >= count:
                    break
            raise UnreachableError(str(reasons[-1]) if reasons else "nobody answers", is_refused=bool(reasons))
        finally:
            await _drop(knocks)

    async def _open(self, index: int) -> socket.socket:
        family, address = await self._resolve(index)
        knocking = socket.socket(family, socket.SOCK_STREAM)
        try:
            knocking.setblocking(False)
            for option in _OPTIONS:
                knocking.setsockopt(*option)
            await asyncio.get_running_loop().sock_connect(knocking, address)
        except BaseException:
            abandon(knocking)
            raise
        return knocking

    async def _resolve(self, index: int) -> _Target:
        """Raises: OSError: the name is not known and never was."""
        broker = self._brokers[index]
        try:
            async with asyncio.timeout(_RESOLVE_S):
                found = await asyncio.get_running_loop().getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as error:
            if index not in self._resolved:
                raise OSError(f"{broker.host} cannot be resolved: {error or 'no answer'}") from error
            return self._resolved[index]
        family, _, _, _, address = found[0]
        self._resolved[index] = family, (str(address[0]), int(address[1]))
        return self._resolved[index]


def abandon(connection: socket.socket) -> None:
    """Close without a word that could still arrive."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


async def _drop(knocks: dict[asyncio.Task[socket.socket], int]) -> None:
    for task in knocks:
        task.cancel()
    for result in await asyncio.gather(*knocks, return_exceptions=True):
        if isinstance(result, socket.socket):
            abandon(result)
