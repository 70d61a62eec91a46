# SPDX-License-Identifier: Apache-2.0
"""Trucks at two dock doors: one portal that is modelled, one that replays captured reads of a real portal."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field, replace
from typing import Literal

from firmware_sims.engine.servers import TwinServer
from firmware_sims.rfid_llrp.replay import captured_reads, moving_epcs
from firmware_sims.world import labels
from firmware_sims.world.doors import PhotoEyes, show, show_pass
from firmware_sims.world.goods import Pallet, Supplier
from firmware_sims.world.office import Office
from firmware_sims.world.pace import Pace
from firmware_sims.world.yard import Path, Read, rssi_dbm

Kind = Literal["plain", "dead_tags", "turned_back", "unannounced"]

_DAY: tuple[Kind, ...] = ("plain", "dead_tags", "plain", "turned_back", "plain", "unannounced")
_CASES = (8, 12, 16)
_STRAYS = 3
_STRAY_READS_PER_S = 10.0
_INWARD_FROM_S = 12.0
"""The excerpt has an outward pass before this moment and an inward one after it."""
_QUIET_S = (8.0, 17.0)
"""Between them nothing passes: only tags that stand there are read."""
_PAUSE_S = 8.0


@dataclass
class ModelledDoor:
    """Door with two photo-eyes; its pallets come as announced, with unreadable tags, turned back half-way, or without a notice."""

    server: TwinServer
    office: Office
    supplier: Supplier
    pace: Pace
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = self.pace.random("door-1")

    async def work(self, closing: asyncio.Event) -> None:
        """Trucks of three pallets until closing time; a pass that is under way is finished."""
        async with asyncio.TaskGroup() as group:
            parked = group.create_task(self._parked())
            await self._trucks(closing)
            parked.cancel()

    async def _parked(self) -> None:
        """Cases that stand beside the door are read now and then, whether a pallet goes by or not."""
        strays = [labels.sgtin_tag(self.supplier.items[-1].gtin, serial) for serial in range(1, _STRAYS + 1)]
        dice = self.pace.random("door-1 strays")
        usual_dbm = {epc: rssi_dbm(dice.uniform(3.0, 4.0)) for epc in strays}
        while True:
            epc = dice.choice(strays)
            self.server.stimulate("read", epc=epc, antenna=dice.choice((1, 2)), peak_rssi_dbm=round(usual_dbm[epc] + dice.gauss(0, 1.5), 1))
            await asyncio.sleep(dice.expovariate(_STRAY_READS_PER_S))

    async def _trucks(self, closing: asyncio.Event) -> None:
        kinds = itertools.cycle(_DAY)
        await self.pace.pause(4.0)  # the first truck has to be driven up
        while not closing.is_set():
            truck = [(kind, self._pallet(kind)) for kind in itertools.islice(kinds, 3)]
            await self.office.announce([pallet for kind, pallet in truck if kind != "unannounced"])
            for kind, pallet in truck:
                if closing.is_set():
                    return
                if kind == "unannounced":
                    self.office.unannounced[pallet.sscc] = pallet
                way = Path(speed_m_s=self.random.uniform(1.1, 1.6), turn_at_m=-0.2 if kind == "turned_back" else None)
                await show_pass(self.server, pallet.readable_tags, way, self.random, eyes=PhotoEyes(outer=1, inner=2))
                await self.pace.pause(2.5)
            await self.pace.pause(3.0)

    def _pallet(self, kind: Kind) -> Pallet:
        return self.supplier.pack(self.random.choice(_CASES), dead_tags=2 if kind == "dead_tags" else 0)


@dataclass
class CapturedDoor:
    """Door without photo-eyes: times, antennas and strengths of a real portal, the moving tags re-labelled as this supplier's pallet."""

    server: TwinServer
    office: Office
    supplier: Supplier
    pace: Pace

    async def work(self, closing: asyncio.Event) -> None:
        """One captured pass after the other until closing time."""
        moving = sorted(moving_epcs())
        captured = [Read(*read) for read in captured_reads()]
        passing = [replace(read, at_s=read.at_s - _INWARD_FROM_S) for read in captured if read.at_s >= _INWARD_FROM_S]
        standing = [replace(read, at_s=read.at_s - _QUIET_S[0]) for read in captured if _QUIET_S[0] <= read.at_s < _QUIET_S[1] and read.epc not in moving]
        while not closing.is_set():
            pallet = self.supplier.pack(len(moving) - 1)
            await self.office.announce([pallet])
            relabelled = dict(zip(moving, pallet.readable_tags, strict=True))
            await show(self.server, (replace(read, epc=relabelled.get(read.epc, read.epc)) for read in passing))
            await show(self.server, (read for read in standing if read.at_s < _PAUSE_S / self.pace.speed))
