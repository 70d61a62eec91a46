# SPDX-License-Identifier: Apache-2.0
"""Trucks at three dock doors: one that receives and is modelled, one that replays captured reads of a real portal, one where vehicles are loaded."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from firmware_sims.engine.servers import TwinServer
from firmware_sims.rfid_llrp.replay import CapturedRead, captured_reads, moving_epcs
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.world import labels
from firmware_sims.world.goods import Pallet, Supplier
from firmware_sims.world.office import Office, Packed
from firmware_sims.world.pace import Pace
from firmware_sims.world.portals import LiveYard
from firmware_sims.world.truth import Truth

Kind = Literal["plain", "dead_tags", "two_close", "turned_back", "unannounced", "empty"]

_TRUCKS: tuple[tuple[Kind, ...], ...] = (("plain", "dead_tags", "two_close"), ("unannounced", "turned_back", "plain"), ("empty", "dead_tags", "plain"))
_CASES = (8, 12, 16)
_DEAD_TAGS = 2
_CLOSE_S = (2.2, 3.2)
_SPEEDS_M_S = (1.1, 1.6)
_STRAYS = 12
_PARKED_EVERY, _PARKED_CASES = 3, 10
_INWARD_FROM_S = 12.0
"""The excerpt has an outward pass before this moment and an inward one after it."""
_QUIET_S = (8.0, 17.0)
"""Between them nothing passes: only tags that stand there are read."""
_PAUSE_S = 8.0
_LOOKS_S = 0.5
_LOAD_SIZE = 3
"""So many pallets fill a vehicle."""
_WRONG_EVERY = 3
"""Every so many-th pallet is not on the vehicle's plan."""
_LAMP_WAIT_S = 6.0
_LANE_3 = 3
_GREEN, _RED = 1, 2
_CLOSE_TRIES = 30


@dataclass
class ReceivingDoor:
    """Door 1, with two photo-eyes. Pallets come as announced, with dead tags, close together, turned back half-way, or without a notice; some are empty."""

    yard: LiveYard
    office: Office
    supplier: Supplier
    truth: Truth
    pace: Pace
    station: str = "door-1"
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = self.pace.random(self.station)

    async def work(self, closing: asyncio.Event) -> None:
        """Trucks until closing time; a pass that is under way is finished."""
        rack = [labels.sgtin_tag(self.supplier.items[-1].gtin, serial) for serial in range(1, _STRAYS + 1)]
        self.yard.stands(1, rack, side_m=1.9, depth_m=3.5)
        for number, kinds in enumerate(itertools.cycle(_TRUCKS)):
            if closing.is_set():
                return
            await self._unload(kinds, closing, parked=number % _PARKED_EVERY == 0)

    async def _unload(self, kinds: Iterable[Kind], closing: asyncio.Event, *, parked: bool) -> None:
        """One truck; beside the lane perhaps stands a pallet that waits to be fetched."""
        truck = [(kind, self._pallets(kind)) for kind in kinds]
        await self.office.announce([pallet for kind, pallets in truck if kind != "unannounced" for pallet in pallets], door=self.station)
        waiting = self.yard.stands(1, self.supplier.pack(_PARKED_CASES).readable_tags, side_m=-1.8, depth_m=3.0) if parked else None
        await self.pace.pause(4.0)  # the truck has to be driven up
        for kind, pallets in truck:
            if closing.is_set():
                break
            await self._pass(kind, pallets)
            await self.pace.pause(2.5)
        if waiting is not None:
            self.yard.taken_away(waiting)

    def _pallets(self, kind: Kind) -> list[Pallet]:
        dead_tags = _DEAD_TAGS if kind == "dead_tags" else 0
        return [self.supplier.pack(self.random.choice(_CASES), dead_tags) for _ in range({"two_close": 2, "empty": 0}.get(kind, 1))]

    async def _pass(self, kind: Kind, pallets: list[Pallet]) -> None:
        for pallet in pallets:
            self.truth.goes(self.station, "in", pallet.sscc, pallet.readable_cases, cases=len(pallet.cases))
        speed_m_s = self.random.uniform(*_SPEEDS_M_S)
        match kind:
            case "two_close":
                await self.yard.two_pass(1, "in", [pallet.readable_tags for pallet in pallets], speed_m_s, self.random.uniform(*_CLOSE_S))
            case "turned_back":
                self.truth.turns_back(self.station, pallets[0].sscc)
                await self.yard.turns_back_then_passes(1, "in", pallets[0].readable_tags, speed_m_s)
            case "empty":
                await self.yard.passes(1, "in", [], speed_m_s)
            case _:
                if kind == "unannounced":
                    self.office.unannounced[pallets[0].sscc] = pallets[0]
                    self.truth.expected[pallets[0].sscc] |= {"pallet_unknown", "pallet_notice_late"}
                await self.yard.passes(1, "in", pallets[0].readable_tags, speed_m_s)
        self.office.here |= {pallet.sscc for pallet in pallets}


@dataclass
class CapturedDoor:
    """Door 2, without photo-eyes: times, antennas and strengths of a real portal, the moving tags re-labelled as this supplier's pallet."""

    server: TwinServer
    office: Office
    supplier: Supplier
    truth: Truth
    pace: Pace
    station: str = "door-2"

    async def work(self, closing: asyncio.Event) -> None:
        """One captured pass after the other until closing time."""
        moving = sorted(moving_epcs())
        captured = captured_reads()
        passing = [read._replace(at_s=read.at_s - _INWARD_FROM_S) for read in captured if read.at_s >= _INWARD_FROM_S]
        standing = [read._replace(at_s=read.at_s - _QUIET_S[0]) for read in captured if _QUIET_S[0] <= read.at_s < _QUIET_S[1] and read.epc not in moving]
        while not closing.is_set():
            pallet = self.supplier.pack(len(moving) - 1)
            await self.office.announce([pallet], door=self.station)
            relabelled = dict(zip(moving, pallet.readable_tags, strict=True))
            self.truth.goes(self.station, "in", pallet.sscc, pallet.readable_cases, cases=len(pallet.cases))
            await self._show(read._replace(epc=relabelled.get(read.epc, read.epc)) for read in passing)
            self.office.here.add(pallet.sscc)
            await self._show(read for read in standing if read.at_s < _PAUSE_S / self.pace.speed)

    async def _show(self, reads: Iterable[CapturedRead]) -> None:
        """Each read at its time from now."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        for read in reads:
            if (wait_s := start_s + read.at_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            self.server.stimulate("read", epc=read.epc, antenna=read.antenna, peak_rssi_dbm=read.peak_rssi_dbm)


@dataclass
class LoadingDoor:
    """Door 3: pallets that were packed for orders leave on vehicles. Now and then one is not on the plan, and the red lamp says so before it is driven away."""

    reader: LlrpReaderTwin
    yard: LiveYard
    office: Office
    supplier: Supplier
    truth: Truth
    pace: Pace
    station: str = "door-3"
    random: random.Random = field(init=False)
    _aboard: list[str] = field(default_factory=list)
    _carried: int = 0
    _wrong: int = 0

    def __post_init__(self) -> None:
        self.random = self.pace.random(self.station)

    async def work(self, closing: asyncio.Event) -> None:
        """One vehicle after the other until closing time; what is packed later waits for another day."""
        more = True
        for number in itertools.count(1):
            load = await self.office.open_load(f"{number}", self.station)
            self._aboard = []
            for _ in range(_LOAD_SIZE):
                pallet = await self._next(closing)
                if pallet is None:
                    more = False
                    break
                await self._carry(load, pallet)
            await self._drive_off(load)
            if not more:
                return

    async def _next(self, closing: asyncio.Event) -> Packed | None:
        while not closing.is_set():
            pallet = await self.office.pack_for_vehicle()
            if pallet is not None:
                return pallet
            await asyncio.sleep(_LOOKS_S)
        return None

    async def _carry(self, load: str, pallet: Packed) -> None:
        """Right pallets are planned before they are driven out; of the wrong ones every second is none of ours at all, and goes back."""
        self._carried += 1
        if self._carried % _WRONG_EVERY == 0:
            self._wrong += 1
            if self._wrong % 2 == 0:
                await self._carry_foreign()
            else:
                self.truth.expected[pallet.sscc] = {"wrong_pallet_unplanned"}
                await self._leaves(pallet.sscc, pallet.tags, lamp=_RED)
                return
        self._aboard.append(pallet.sscc)
        await self.office.plan(load, pallet.sscc, self.station)
        await self._leaves(pallet.sscc, pallet.tags, lamp=_GREEN)

    async def _carry_foreign(self) -> None:
        pallet = self.supplier.pack(self.random.choice(_CASES))
        self.truth.expected[pallet.sscc] = {"wrong_pallet_unknown"}
        await self._leaves(pallet.sscc, pallet.readable_tags, lamp=_RED)
        self.truth.goes(self.station, "in", pallet.sscc, ())
        await self.yard.turns_round_outside(_LANE_3, pallet.readable_tags, self.random.uniform(*_SPEEDS_M_S))

    async def _leaves(self, sscc: str, tags: list[str], *, lamp: int) -> None:
        self.truth.goes(self.station, "out", sscc, ())
        await self.yard.passes(_LANE_3, "out", tags, self.random.uniform(*_SPEEDS_M_S))
        self.truth.lamp(await self._lit(), lamp)
        await self.pace.pause(1.0)

    async def _lit(self) -> int | None:
        """The lamp that is lit for a pass; None: none within some seconds."""
        for _ in range(int(_LAMP_WAIT_S / 0.1)):
            for lamp in (_GREEN, _RED):
                if self.reader.outputs[lamp]:
                    return lamp
            await asyncio.sleep(0.1)
        return None

    async def _drive_off(self, load: str) -> None:
        await self.pace.pause(_LAMP_WAIT_S)
        await self.office.scan_aboard(load, self._aboard, self.station)
        for _ in range(_CLOSE_TRIES):
            if await self.office.close_load(load):
                return
            await asyncio.sleep(_LOOKS_S)
