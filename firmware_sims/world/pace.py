# SPDX-License-Identifier: Apache-2.0
"""How fast the simulated day goes: what people and trucks wait for is shortened, what physics does is not."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """`speed` 2 halves every pause between happenings; `seed` makes the whole day repeatable."""

    speed: float = 1.0
    seed: int = 1

    async def pause(self, seconds: float) -> None:
        """Let `seconds` of the warehouse's day go by."""
        await asyncio.sleep(seconds / self.speed)

    def random(self, actor: str) -> random.Random:
        """The actor's own dice, so that one actor's doings never change another's."""
        return random.Random(f"{self.seed}/{actor}")  # noqa: S311  # a simulation, not a secret
