# SPDX-License-Identifier: Apache-2.0
"""Gateways of a floor in virtual time: their real stations, floor and outbox, power cuts, and a link to the real ingest that can be cut, lose and disorder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.exceptions.service import raise_work_order
from central.fleet import service as fleet
from central.ingest.registry import collect_handlers, collect_many
from central.ingest.service import Door, read_message, take_message
from contracts import wire
from contracts.commands import AnyCommand
from contracts.events import Lane
from contracts.readings import AnyReading
from contracts.topics import GatewayAddress
from gateway.clock import Instant
from gateway.floor import Floor
from gateway.metrics import Metrics
from gateway.outbox import Outbox, StoredBatch
from gateway.stations.station import DeviceAction, Station
from gateway.store import Store
from tests.integration.warehouse import NOW, SITE

LANES: tuple[Lane, ...] = ("movements", "telemetry")
_STEPS_MAX = 100_000


class OfflineGateway:
    """One gateway program. Seconds are since the shift began; a power cut makes a new process with a new boot on the same disk."""

    def __init__(self, gateway_id: str, path: Path, stations: Callable[[], Sequence[Station]]) -> None:
        self.id = gateway_id
        self.now_s = 0.0
        self.live_from_row = 0
        self.done: list[tuple[float, DeviceAction]] = []
        self._path = path
        self._stations = stations
        self._boots = 0

    async def start(self) -> None:
        """Begin with what is on the disk."""
        self._boots += 1
        self.booted_s = self.now_s
        self.outbox = Outbox(self._path)
        metrics = Metrics()
        self.store = Store(self.outbox, metrics, self._now)
        self.stations = {station.id: station for station in self._stations()}
        self.floor = Floor(list(self.stations.values()), self.store, lambda action: self.done.append((self.now_s, action)), self._now, metrics)
        await self.floor._restore()
        await self.floor._turn()

    def _now(self) -> Instant:
        return Instant(NOW + timedelta(seconds=self.now_s), self.now_s - self.booted_s, "synced", f"{self.id}/{self._boots}")

    async def power_cut(self) -> None:
        """Whatever is not on the disk is gone."""
        self.store._telemetry.clear()
        await self.store.close()
        self.now_s += 1
        await self.start()

    async def until(self, now_s: float) -> None:
        """Let time pass; every deadline of a station fires when it is due."""
        for _ in range(_STEPS_MAX):
            due = [due_s for station in self.stations.values() if (due_s := station.next_deadline_s()) is not None]
            if not due or min(due) + self.booted_s > now_s:
                break
            self.now_s = max(self.now_s, min(due) + self.booted_s)
            await self.floor._turn()
        self.now_s = max(self.now_s, now_s)

    async def feel(self, reading: AnyReading) -> None:
        """A device tells something; its `at_s` is in seconds since the shift began."""
        await self.until(reading.at_s)
        self.floor.take(msgspec.structs.replace(reading, at_s=reading.at_s - self.booted_s))
        await self.floor._turn()

    async def tell(self, command: AnyCommand) -> None:
        """A command comes down."""
        self.floor.take(command)
        await self.floor._turn()

    def lamps(self, since_s: float = 0.0) -> list[tuple[str, int]]:
        """Outputs that were switched on since then, as device and output."""
        on = [action for at_s, action in self.done if at_s >= since_s and action.command == "switch_output" and action.arguments["on"]]
        return [(action.device, int(str(action.arguments["output"]))) for action in on]


class Link:
    """The way between gateways and central's ingest. Batches are doubled and come in disorder, acknowledgements are lost; nothing waits for real time."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._chance = random.Random(seed)
        self._door = Door(collect_handlers(), raise_work_order, collect_many())
        self.sent: list[tuple[GatewayAddress, Lane, bytes]] = []
        self.historical = 0

    def take(self, address: GatewayAddress, lane: Lane, payload: bytes, now_s: float) -> wire.Ack | None:
        """One message arrives at central."""
        message = read_message(address.topic(f"up/{lane}"), address, lane, payload)
        now = NOW + timedelta(seconds=now_s)
        return in_transaction(self._engine, lambda connection: take_message(connection, message, self._door, now)).ack

    async def up(self, gateway: OfflineGateway, lane: Lane) -> None:
        """A lane sends what it has until central has all of it."""
        address, live_from = GatewayAddress(1, SITE, gateway.id), gateway.live_from_row
        await gateway.store._flush()
        while (batch := gateway.outbox.batch_after(lane, gateway.outbox.levels[lane].acked, live_from_row=live_from)) is not None:
            after = gateway.outbox.batch_after(lane, batch.last_seq, live_from_row=live_from)
            arriving = [batch, *([after] if after is not None else []), batch]
            self._chance.shuffle(arriving)
            for each in arriving:
                ack = self.take(address, lane, self._payload(gateway, each), gateway.now_s)
                if ack is not None and self._chance.random() < 0.7:
                    gateway.outbox.acknowledge(lane, ack.upto)
            gateway.outbox.trim()

    def _payload(self, gateway: OfflineGateway, batch: StoredBatch) -> bytes:
        payload = wire.encode(
            wire.Batch(gateway=gateway.id, epoch=batch.epoch, lane=batch.lane, first_seq=batch.first_seq, events=[msgspec.Raw(body) for body in batch.events])
        )
        self.sent.append((GatewayAddress(1, SITE, gateway.id), batch.lane, payload))
        return payload

    async def down(self, gateway: OfflineGateway) -> int:
        """Commands that wait for a gateway reach it; returns how many."""
        now = NOW + timedelta(seconds=gateway.now_s)
        with reading(self._engine) as connection:
            due = [each for each in fleet.due_commands(connection, now) if f"/{gateway.id}/" in each.topic]
        for each in due:
            await gateway.tell(wire.decode_command(each.payload))
        in_transaction(self._engine, lambda connection: fleet.commands_published(connection, [each.command_id for each in due], now))
        return len(due)

    async def online(self, gateway: OfflineGateway) -> None:
        """A moment with a link: commands down, events up, in turn until nothing is left."""
        for _ in range(10):
            told = await self.down(gateway)
            for lane in LANES:
                await self.up(gateway, lane)
            if not told:
                return

    async def born(self, gateway: OfflineGateway) -> None:
        """The gateway's birth: what it measures from now on is live."""
        await gateway.store._flush()
        gateway.live_from_row = gateway.outbox.next_telemetry_row
        now = NOW + timedelta(seconds=gateway.now_s)
        state = wire.GatewayState(online=True, boot_id=gateway._now().boot_id, session_id=f"{gateway.id}/{gateway.now_s}", epoch=gateway.outbox.epoch)
        in_transaction(self._engine, lambda connection: fleet.gateway_state_changed(connection, GatewayAddress(1, SITE, gateway.id), state, now))

    def again(self, now_s: float) -> None:
        """Every message that was ever sent comes once more, the last first."""
        for address, lane, payload in reversed(self.sent):
            self.take(address, lane, payload, now_s)
