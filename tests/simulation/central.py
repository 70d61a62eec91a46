# SPDX-License-Identifier: Apache-2.0
"""Central in the simulation: ingest's rules over a durable memory that can be killed at any moment, and set back to an older copy."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import aiomqtt

from central.ingest.rules import split_at_mark
from contracts import wire
from contracts.events import Lane
from contracts.topics import ALL_STATES, ALL_UP, CENTRAL_STATE, GatewayAddress, lane_of_leaf, parse_topic
from tests.simulation.network import Broker, Client, Delivered, Line

Key = tuple[str, str, Lane]
_GROUP_MAX = 20
_RETRY_S = 0.5


@dataclass
class Books:
    """What is durable: the marks, what was applied (in order), and numbers that a gateway said it can no longer send."""

    marks: dict[Key, int] = field(default_factory=dict)
    applied: dict[Key, dict[int, bytes]] = field(default_factory=dict)
    missing: dict[Key, set[int]] = field(default_factory=dict)

    def copy(self) -> Books:
        """A backup."""
        return copy.deepcopy(self)


class Central:
    """Takes batches through its line to the broker; acknowledges after a commit."""

    def __init__(self, brokers: Sequence[Broker], lines: Sequence[Line], random: Random) -> None:
        self.books = Books()
        self._ends = list(zip(brokers, lines, strict=True))
        self._random = random
        self._tasks: list[asyncio.Task[None]] = []
        self.broken: list[str] = []
        """What must never happen and did."""

    def start(self) -> None:
        """Begin with what is durable."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._run(broker, line), name="central") for broker, line in self._ends]

    async def kill(self) -> None:
        """SIGKILL: whatever was not committed never happened."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self.broken += [str(each) for each in ended if isinstance(each, AssertionError)]
        self._tasks = []

    async def _run(self, broker: Broker, line: Line) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._converse(broker, line)
            await asyncio.sleep(_RETRY_S * self._random.uniform(0.5, 1.5))

    async def _converse(self, broker: Broker, line: Line) -> None:
        session = f"{self._random.getrandbits(32):08x}"
        death = aiomqtt.Will(CENTRAL_STATE, wire.encode(wire.CentralState(online=False, session_id=session)), qos=1, retain=True)
        async with Client("central", broker, line, death).over() as client:
            await client.subscribe([(ALL_STATES, 1), (ALL_UP, 1)])
            await client.publish(CENTRAL_STATE, wire.encode(wire.CentralState(online=True, session_id=session)), qos=1, retain=True)
            queue: asyncio.Queue[Delivered] = asyncio.Queue()
            tasks = [asyncio.create_task(each, name="central") for each in (self._work(client, queue), self._receive(client, queue))]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, client: Client, queue: asyncio.Queue[Delivered]) -> None:
        async for message in client.messages:
            queue.put_nowait(message)

    async def _work(self, client: Client, queue: asyncio.Queue[Delivered]) -> None:
        while True:
            group = [await queue.get()]
            while len(group) < _GROUP_MAX and not queue.empty():
                group.append(queue.get_nowait())
            await asyncio.sleep(self._random.uniform(0.0005, 0.01))
            acks = self._commit(group)
            await asyncio.sleep(self._random.uniform(0.0, 0.002))
            for address, ack in acks:
                await client.publish(address.topic("ack"), wire.encode(ack), qos=0)

    def _commit(self, group: list[Delivered]) -> list[tuple[GatewayAddress, wire.Ack]]:
        """All or nothing, and nothing can come in between: there is no await in it."""
        acks = []
        for message in group:
            parsed = parse_topic(message.topic)
            lane = lane_of_leaf(parsed[1]) if parsed else None
            if parsed is not None and lane is not None:
                acks.append((parsed[0], self._take(wire.decode_batch(message.payload))))
        return acks

    def _take(self, batch: wire.Batch) -> wire.Ack:
        key = (batch.gateway, batch.epoch, batch.lane)
        known = self.books.marks.get(key, 0)
        upto = max(known, batch.oldest_seq - 1)
        self.books.missing.setdefault(key, set()).update(range(known + 1, upto + 1))
        split = split_at_mark(batch, upto)
        applied = self.books.applied.setdefault(key, {})
        for piece in split.new:
            assert piece.seq not in applied, f"{key}: number {piece.seq} is applied a second time"
            applied[piece.seq] = piece.body
        for piece in split.repeated:
            assert applied.get(piece.seq, piece.body) == piece.body, f"{key}: number {piece.seq} came with two contents"
        self.books.marks[key] = split.new[-1].seq if split.new else upto
        return wire.Ack(epoch=batch.epoch, lane=batch.lane, upto=self.books.marks[key], resend=split.gap)
