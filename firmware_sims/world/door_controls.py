# SPDX-License-Identifier: Apache-2.0
"""A dock door through which people drive pallets; its reader sees their tags and its photo-eyes their loads, as a load goes by."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Literal

from firmware_sims.engine.servers import TwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.world.goods import Pallet, Supplier, read_items
from firmware_sims.world.portals import PhotoEyes, pass_once


class DoorTwin(Twin):
    """The door. `server`: its reader. One pallet at a time: who comes meanwhile waits."""

    def __init__(self, server: TwinServer, eyes: PhotoEyes, seed: int) -> None:
        self._server, self._eyes = server, eyes
        self._random = random.Random(seed)  # noqa: S311  # a simulation
        start = self._random.randrange(1, 10**6)
        self._supplier = Supplier(read_items(), self._random, datetime.now(UTC).date(), pallets_packed=start, serials_used=start * 1000)
        self._free = asyncio.Lock()
        self._passing: set[asyncio.Task[None]] = set()
        self.passed = 0
        self.last: Pallet | None = None

    @property
    def waiting(self) -> int:
        """How many pallets are on their way, with the one that is just passing."""
        return len(self._passing)

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """Nothing talks to a door."""
        return b""

    def on_pass_pallet(self, *, cases: int = 12, dead_tags: int = 0, direction: Literal["in", "out"] = "in", now_s: float) -> bytes:
        """A pallet of one item goes through; of `dead_tags` cases the tags do not answer."""
        if not 1 <= cases <= 500 or not 0 <= dead_tags <= cases:
            raise ValueError("a pallet has 1 to 500 cases, and not more dead tags than cases")
        task = asyncio.get_running_loop().create_task(self._pass(self._supplier.pack(cases, dead_tags), direction), name="sims-door")
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        return b""

    async def _pass(self, pallet: Pallet, direction: Literal["in", "out"]) -> None:
        async with self._free:
            self.last = pallet
            await pass_once(self._server, pallet.readable_tags, self._random, direction=direction, eyes=self._eyes)
            self.passed += 1

    async def close(self) -> None:
        """Whoever is on the way turns back."""
        passing = list(self._passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
