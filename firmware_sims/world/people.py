# SPDX-License-Identifier: Apache-2.0
"""People of the simulated warehouse: they see lights and screens, walk, take, miscount and press."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from firmware_sims.engine.servers import TwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.world.pace import Pace

_LOOK_S = 0.1


@dataclass
class Picker:
    """Answers the lights of one colour. Every `short_every`-th line lacks goods, every `wrong_every`-th press goes to a dark neighbour first."""

    name: str
    colour: str
    random: random.Random
    seconds_per_line: float = 2.5
    short_every: int = 0
    wrong_every: int = 0
    lines: int = 0
    shorts: int = 0
    wrong_presses: int = 0
    resting: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, server: TwinServer, pace: Pace) -> None:
        """Pick until cancelled or sent to rest."""
        lights = server.twin
        assert isinstance(lights, AblePickTwin)
        while not self.resting.is_set():
            node = self._next(lights)
            if node is None:
                await asyncio.sleep(_LOOK_S)
                continue
            await pace.pause(self.random.uniform(0.6, 1.4) * self.seconds_per_line)
            if node in lights.lit:
                self._answer(server, lights, node)

    def _next(self, lights: AblePickTwin) -> int | None:
        return min((node for node, lit in lights.lit.items() if lit.colour == self.colour), default=None)

    def _answer(self, server: TwinServer, lights: AblePickTwin, node: int) -> None:
        self.lines += 1
        if self.wrong_every and self.lines % self.wrong_every == 0:
            dark = next((other for other in range(1, 13) if other not in lights.lit), None)
            if dark is not None:
                self.wrong_presses += 1
                server.stimulate("press", node=dark)
        quantity = lights.lit[node].quantity or 0
        if self.short_every and self.lines % self.short_every == 0 and quantity > 0:
            self.shorts += 1
            server.stimulate("shortage", node=node, quantity=quantity - 1)
        else:
            server.stimulate("press", node=node)


@dataclass
class Packer:
    """Scans a packed tote and puts it on the scale; every `wrong_every`-th has one case too many."""

    random: random.Random
    wrong_every: int = 5
    totes: int = 0

    async def weigh(self, scanner: TwinServer, scale: TwinServer, label: str, weight_g: float, one_case_g: float, pace: Pace) -> None:
        """One tote: scan, place, wait for the number, take off."""
        self.totes += 1
        surplus_g = one_case_g if self.wrong_every and self.totes % self.wrong_every == 0 else 0.0
        scanner.stimulate("scan", text=label)
        await pace.pause(0.5)
        scale.stimulate("place", weight_g=round(weight_g + surplus_g + self.random.gauss(0, 2), 1))
        await asyncio.sleep(2.0)
        scale.stimulate("remove")
        await asyncio.sleep(1.0)
