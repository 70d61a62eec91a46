# SPDX-License-Identifier: Apache-2.0
"""A gateway in the simulation: the real outbox on a real file, the real uplink, and nothing between them but virtual time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import aiomqtt

from contracts.addresses import BrokerAddress
from contracts.events import LANES, ItemScanned, SensorMeasured
from gateway.clock import Instant
from gateway.config import GatewayTable
from gateway.knocking import UnreachableError
from gateway.metrics import Metrics
from gateway.outbox import Outbox, OutboxFullError
from gateway.reconnect import Reconnect
from gateway.store import Store
from gateway.uplink import Identity, Uplink
from tests.simulation.network import Broker, Client, Line
from tests.simulation.virtual_time import InlineExecutor

_BEGAN = datetime(2026, 11, 22, 8, tzinfo=UTC)


@cache
def _metrics() -> Metrics:
    return Metrics()


class _Opened:
    """Stands for a connected socket."""

    def setsockopt(self, *_: Any) -> None:
        """Nothing is below."""

    def close(self) -> None:
        """Nothing is below."""


class _Knocker:
    """`gateway.knocking.Knocker` over simulated lines."""

    def __init__(self, ends: Sequence[tuple[Broker, Line]]) -> None:
        self._ends = ends

    async def knock(self, first: int, every_s: float, within_s: float) -> tuple[int, _Opened]:
        loop, refused = asyncio.get_running_loop(), 0
        deadline_s, turn = loop.time() + within_s, 0
        while loop.time() < deadline_s:
            index = (first + turn) % len(self._ends)
            broker, line = self._ends[index]
            if not line.hole and not line.cut and broker.up:
                await asyncio.sleep(line.delay_s)
                return index, _Opened()
            refused += not line.hole
            turn += 1
            if refused == turn == len(self._ends):
                break
            await asyncio.sleep(min(every_s, max(0.001, deadline_s - loop.time())))
        raise UnreachableError("nobody answers", is_refused=bool(refused))


class _Maker:
    """`gateway.connection.ConnectionMaker` over simulated lines."""

    def __init__(self, name: str, ends: Sequence[tuple[Broker, Line]]) -> None:
        self._name = name
        self._ends = ends

    def make(self, broker: BrokerAddress, _version: object, will: aiomqtt.Will) -> Client:
        target, line = self._ends[broker.port - 1]
        return Client(self._name, target, line, will)


class Gateway:
    """One machine with its card. `accepted` holds what an append returned for; `doubtful` what was under way when the machine died."""

    def __init__(self, name: str, card: Path, ends: Sequence[tuple[Broker, Line]], random: Random) -> None:
        self.name = name
        self.card = card
        self.ahead = timedelta(0)
        self.is_open = False
        self.is_full = False
        self.accepted: dict[str, set[int]] = {lane: set() for lane in LANES}
        self.doubtful: set[int] = set()
        self._ends = ends
        self._random = random
        self._count = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.store: Store | None = None
        card.mkdir()

    @property
    def _path(self) -> Path:
        return self.card / "outbox.db"

    def now(self) -> Instant:
        """By the clock of this machine, which may have been set."""
        now_s = asyncio.get_running_loop().time()
        return Instant(_BEGAN + self.ahead + timedelta(seconds=now_s), now_s, "synced", "boot")

    def start(self) -> None:
        """Power on, unless somebody has it open."""
        if self.store is not None or self.is_open:
            return
        store = self.store = Store(self._outbox(), _metrics(), self.now)
        store._thread = InlineExecutor()  # type: ignore[assignment]  # a thread of its own would have a time of its own
        urls = [f"mqtt://127.0.0.1:{n}" for n in range(1, len(self._ends) + 1)]
        table = GatewayTable(id=self.name, site="s1", broker=urls[0], brokers_more=urls[1:])
        uplink = Uplink(table, Identity("0", "", "boot"), store, lambda _: None, self.now, _metrics())
        uplink._knocker, uplink._maker = _Knocker(self._ends), _Maker(self.name, self._ends)  # type: ignore[assignment]  # the network ends here
        uplink._reconnect = Reconnect(Random(self._random.random()))
        self._tasks = [asyncio.create_task(each, name=f"{self.name}") for each in (uplink.run(), self._scan(store), self._sample(store))]

    def _outbox(self) -> Outbox:
        """On a card that takes nothing while it is full; what is begun is not half done, as SQLite has it."""
        outbox = Outbox(self._path)
        transaction = outbox._file.transaction

        def if_there_is_room() -> AbstractContextManager[None]:
            if self.is_full:
                raise OutboxFullError("the disk takes no more")
            return transaction()

        outbox._file.transaction = if_there_is_room  # type: ignore[method-assign]
        return outbox

    async def kill(self) -> None:
        """SIGKILL: nothing is closed, flushed or said."""
        if self.store is None:
            return
        store, self.store = self.store, None
        was_open, self.is_open = self.is_open, True  # what ends must be at its end before it is begun anew
        for task in [*self._tasks, *store._flushing]:
            task.cancel()
        await asyncio.gather(*self._tasks, *store._flushing, return_exceptions=True)
        if store._flush_timer is not None:
            store._flush_timer.cancel()
        store._outbox._file.close()  # the handles; what the outbox itself writes at its end is not written
        self.is_open = was_open

    def rest(self) -> None:
        """No more work; what is on its way goes on."""
        for task in self._tasks[1:]:
            task.cancel()

    def image(self, target: Path) -> None:
        """Copy the card of a machine that is off."""
        shutil.copytree(self.card, target)

    def put_card(self, source: Path | None) -> None:
        """Put in an older image of the card, or an empty one, while the machine is off."""
        shutil.rmtree(self.card)
        self.card.mkdir() if source is None else shutil.copytree(source, self.card)

    def is_drained(self) -> bool:
        """Whether central has all that is in the outbox."""
        return self.store is not None and not self.store._telemetry and not any(self.store.level(lane).pending for lane in LANES)

    async def _scan(self, store: Store) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(2.0))
            number = self._next()
            stamp = self.now().stamp()
            self.doubtful.add(number)
            await self._accept(lambda n=number, s=stamp: store.append([ItemScanned(**s, station="scan-1", text=str(n))], {}, {}), "movements", number)

    async def _sample(self, store: Store) -> None:
        """Telemetry is accepted when its group is committed, which a machine that dies may not live to see."""
        while True:
            await asyncio.sleep(self._random.expovariate(1.0))
            number = self._next()
            self.doubtful.add(number)
            store.put_telemetry([SensorMeasured(**self.now().stamp(), device="s-1", quantity="temperature_c", value=float(number))])

    async def _accept(self, append: Callable[[], Any], lane: str, number: int) -> None:
        try:
            await append()
        except OutboxFullError:
            return
        self.accepted[lane].add(number)

    def _next(self) -> int:
        self._count += 1
        return self._count
