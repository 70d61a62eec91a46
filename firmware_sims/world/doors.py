# SPDX-License-Identifier: Apache-2.0
"""Pallets in front of a reader: modelled passes and captured ones, in real time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from firmware_sims.engine.servers import TwinServer
from firmware_sims.world.yard import Edge, Path, Read, see_pass


class PhotoEyes(NamedTuple):
    """Which of the reader's inputs each photo-eye is wired to."""

    outer: int
    inner: int


async def show(server: TwinServer, happenings: Iterable[Read | Edge], eyes: PhotoEyes | None = None) -> None:
    """Give a reader what its antennas and inputs see, each at its time from now."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for happening in happenings:
        if (wait_s := start_s + happening.at_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        if isinstance(happening, Read):
            server.stimulate("read", epc=happening.epc, antenna=happening.antenna, peak_rssi_dbm=happening.peak_rssi_dbm)
        elif eyes is not None:
            server.stimulate("input", input=eyes.outer if happening.eye == "outer" else eyes.inner, level=happening.level)


async def show_pass(server: TwinServer, tags: Sequence[str], path: Path, rng: random.Random, *, eyes: PhotoEyes | None = None) -> None:
    """Let a pallet with these tags go through a door."""
    await show(server, see_pass(tags, path, rng), eyes)
