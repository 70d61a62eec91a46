# SPDX-License-Identifier: Apache-2.0
"""A day in the simulated warehouse: who does what, when, and the books at its end."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from firmware_sims.stack import Stack, StackError, fetch_json
from firmware_sims.world.docks import CapturedDoor, LoadingDoor, ReceivingDoor
from firmware_sims.world.goods import Item, Supplier
from firmware_sims.world.hardware import Hardware
from firmware_sims.world.office import Office
from firmware_sims.world.pace import Pace
from firmware_sims.world.people import Packer, Picker
from firmware_sims.world.portals import LiveYard, PhotoEyes
from firmware_sims.world.rooms import ColdRoom
from firmware_sims.world.truth import Truth

Figures = dict[str, Any]

COLOURS = ("green", "blue", "orange", "pink", "cyan", "red")
_ROOM_STEP_S = 0.5
_ROOM_TIME_FACTOR = 4.0
"""The demo's cold rooms warm and cool four times as fast as real ones, so that a failure fits into a minute."""
_BREAKS_AFTER_S, _REPAIRED_AFTER_S = 8.0, 26.0
_ACKNOWLEDGED_AFTER_S = 5.0
_WIND_DOWN_S = 30.0
_DOORS = ("door-1", "door-2", "door-3")
_LAST_PASS_S = 4.0
"""After the last pallet a door still has to judge it, and central to hear of it."""
_DELIVERED_MAX = 500
"""Of a long item file only so many come on trucks."""
_SETTLE_S = 20.0


class Director:
    """Owns the programs, the hardware and the people of one day."""

    def __init__(self, stack: Stack, items: list[Item], pace: Pace, *, say: Callable[[str], None] = print) -> None:
        self.stack = stack
        self.items = items
        self.pace = pace
        self.hardware = Hardware()
        self.office = Office(stack.central_url, items, pace.random("office"))
        self.supplier = Supplier(items[:_DELIVERED_MAX], pace.random("supplier"), today=datetime.now(UTC).date())
        self.yard = LiveYard(3, pace.random("yard"))
        self.truth = Truth()
        self._say = say
        self._closing = asyncio.Event()
        self._pickers = [
            Picker(
                f"picker-{n}",
                colour,
                pace.random(f"picker-{n}"),
                seconds_per_line=2.0 + (3.0 if n == 3 else 0),
                short_every=5 + n,
                wrong_every=9 if n == 1 else 0,
            )
            for n, colour in enumerate(COLOURS)
        ]
        self._packer = Packer(pace.random("packer"))

    async def open(self, stack: AsyncExitStack) -> None:
        """Start broker, central, hardware and gateway; fill the master data. Raises: StackError, OfficeError: what did not come up."""
        stack.push_async_callback(self.stack.stop)
        if self.stack.broker is not None:
            await self.stack.broker.start()
            self._say("broker is up (embedded, loopback)")
        await self.stack.central.start()
        self._say(f"central is up ({self.stack.database_url.partition(':')[0]})")
        await self.hardware.start(stack)
        text = self.hardware.gateway_file(
            broker_url=self.stack.broker_url, data_dir=str(self.stack.data_dir / "gateway"), listen=f"127.0.0.1:{self.stack.gateway_port}"
        )
        self.stack.gateway_file.write_text(text, encoding="utf-8")
        await self.office.open_business()
        await self.stack.gateway.start()
        await self.office.open_doors()
        self._say(f"gateway is up ({len(self.hardware.servers)} devices)")

    async def run(self, for_s: float | None, interrupted: asyncio.Event) -> None:
        """Let the day go by for so long, or until interrupted; then let everybody finish what is begun."""
        self._closing.clear()
        async with asyncio.TaskGroup() as group:
            actors = [group.create_task(work, name=name) for name, work in self._actors()]
            try:
                async with asyncio.timeout(for_s):
                    await interrupted.wait()
            except TimeoutError:
                pass
            self._closing.set()
            if not interrupted.is_set():
                self._say("closing time: finishing what is begun")
                await self._wind_down([actor for actor in actors if actor.get_name() in _DOORS])
            for actor in actors:
                actor.cancel()

    async def close_the_books(self) -> Figures:
        """What happened, by central's own count, with the gateway's count of accepted events and both programs' memory."""
        figures, health = await self._settled()
        figures["events_accepted"] = _accepted(health)
        told = await self.office.told_of_doors()
        figures["passes"] = self.truth.passes(told["passes"])
        figures["cases"] = self.truth.cases((row["sscc"] for row in told["receipts"]), told["discrepancies"])
        figures["lamps"] = dict(self.truth.lamps)
        figures["door_surprises"] = self.truth.surprises(told["work_orders"])
        figures["gateway_rss_mib"] = self.stack.gateway.rss_mib()
        figures["central_rss_mib"] = self.stack.central.rss_mib()
        return figures

    def _actors(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        hardware, pace = self.hardware, self.pace
        servers, eyes = hardware.servers, PhotoEyes(outer=1, inner=2)
        door_1 = ReceivingDoor(self.yard, self.office, self.supplier, self.truth, pace)
        door_2 = CapturedDoor(servers["reader-2"], self.office, self.supplier, self.truth, pace)
        door_3 = LoadingDoor(hardware.reader_3, self.yard, self.office, self.supplier, self.truth, pace)
        return [
            ("door-1", door_1.work(self._closing)),
            ("door-2", door_2.work(self._closing)),
            ("door-3", door_3.work(self._closing)),
            ("reader-1", self.yard.watch(1, servers["reader-1"], eyes)),
            ("reader-3", self.yard.watch(3, servers["reader-3"], eyes)),
            *((picker.name, picker.work(hardware.servers["lights-a"], pace)) for picker in self._pickers),
            ("sales", self._sell()),
            ("packing", self._pack()),
            ("clerk", self._clear_exceptions()),
            ("forklift", self._replenish()),
            ("room-1", self._live("probe-1", ColdRoom(seed=f"{pace.seed} room-1"), breaks=False)),
            ("room-2", self._live("probe-2", ColdRoom(seed=f"{pace.seed} room-2", temperature_c=5.5), breaks=True)),
            ("manager", self._answer_alarms()),
        ]

    async def _sell(self) -> None:
        """A wave of orders every few seconds."""
        while not self._closing.is_set():
            await self.office.order_wave()
            await self.pace.pause(9.0)

    async def _pack(self) -> None:
        """Weigh what is picked; a right weight sends it off, a wrong one is packed anew and weighed again."""
        servers = self.hardware.servers
        while True:
            for tote in await self.office.totes_to_weigh():
                await self._packer.weigh(servers["scanner-pack"], servers["scale-1"], tote.label, tote.weight_g, tote.one_case_g, self.pace)
            await asyncio.sleep(0.5)

    async def _clear_exceptions(self) -> None:
        """A clerk scans the label of pallets that a door could not decide on, and says what is right of those that were driven onto a vehicle."""
        while True:
            await self.office.answer_doors()
            for label in await self.office.pallets_to_scan():
                await self.pace.pause(2.0)
                self.hardware.servers["scanner-dock"].stimulate("scan", text=label)
            await asyncio.sleep(1.0)

    async def _replenish(self) -> None:
        while True:
            await self.pace.pause(6.0)
            await self.office.count_doubted_bins()
            await self.office.accept_proposals()

    async def _live(self, probe: str, room: ColdRoom, *, breaks: bool) -> None:
        """One cold room; the failing one loses its compressor for a while in every two minutes."""
        server = self.hardware.servers[probe]
        for step in itertools.count():
            at_s = step * _ROOM_STEP_S * self.pace.speed % 120
            room.broken = breaks and _BREAKS_AFTER_S <= at_s < _REPAIRED_AFTER_S and not self._closing.is_set()
            room.advance(_ROOM_STEP_S * _ROOM_TIME_FACTOR * self.pace.speed)
            shown = room.shown()
            server.stimulate("set", quantity="temperature_c", value=shown["air_c"])
            server.stimulate("set", quantity="humidity_pct", value=shown["humidity_pct"])
            await asyncio.sleep(_ROOM_STEP_S)

    async def _answer_alarms(self) -> None:
        seen: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            for alarm in await self.office.unacknowledged_alarms():
                if loop.time() - seen.setdefault(alarm, loop.time()) > _ACKNOWLEDGED_AFTER_S / self.pace.speed:
                    await self.office.acknowledge(alarm)
                    del seen[alarm]
            await asyncio.sleep(0.5)

    async def _wind_down(self, doors: list[asyncio.Task[None]]) -> None:
        """Wait until trucks are unloaded and loaded, the lights out, the totes weighed and the alarms over, but not for ever."""
        try:
            async with asyncio.timeout(_WIND_DOWN_S):
                await asyncio.gather(*doors)
                await asyncio.sleep(_LAST_PASS_S)
                while self.hardware.lights.lit or await self.office.is_busy():  # noqa: ASYNC110  # another process's state has no event
                    await asyncio.sleep(0.5)
        except TimeoutError:
            waiting = [door.get_name() for door in doors if not door.done()] or ["picks, totes or alarms"]
            self._say(f"some work was still open after {_WIND_DOWN_S:g} s ({', '.join(waiting)}); it stays in the books as open")

    async def _settled(self) -> tuple[Figures, dict[str, Any]]:
        """Central's figures and the gateway's health at a moment when everything accepted is applied. Raises: StackError: not within 20 s."""
        applied = accepted = -1
        try:
            async with asyncio.timeout(_SETTLE_S):
                while True:
                    health: dict[str, Any] = await fetch_json(f"{self.stack.gateway_url}/health")
                    figures: Figures = await self.office.figures()
                    applied, accepted = figures["events_applied"], _accepted(health)
                    if applied == accepted:
                        return figures, health
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise StackError(f"of {accepted} events accepted by the gateway central has applied {applied} after {_SETTLE_S:g} s") from None


def _accepted(health: dict[str, Any]) -> int:
    return sum(int(lane["accepted"]) for lane in health["lanes"].values())
