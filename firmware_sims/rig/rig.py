# SPDX-License-Identifier: Apache-2.0
"""A rig that runs: all its parts switched on, found by id, and the rooms kept going."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from firmware_sims.rig.parts import Device, Door, Part, Room
from firmware_sims.rig.plan import Plan, PlanError

_ROOM_STEP_S = 0.5
_SEED_MAX = 2**31


class UnknownPartError(ValueError):
    """The rig has no such device or room; the text lists those it has."""


class Rig:
    """Use it as an asynchronous context. `seed` wins over the plan's; without either it is a new one, and `seed` tells which."""

    def __init__(self, plan: Plan, seed: int | None = None) -> None:
        chosen = plan.seed if seed is None else seed
        self.seed = random.randrange(_SEED_MAX) if chosen is None else chosen  # noqa: S311  # no secret
        self.devices = self._devices(plan)
        self.rooms = {entry.id: Room(entry, self.seed, plan.speed) for entry in plan.rooms}
        self.doors = {entry.id: Door(entry, self.devices[entry.reader], self.seed) for entry in plan.doors}
        for device in self.devices.values():
            if device.plan.room:
                self.rooms[device.plan.room].fed.append(device)
        self._stack = AsyncExitStack()

    def _devices(self, plan: Plan) -> dict[str, Device]:
        devices, problems = {}, []
        for sim in plan.sims:
            try:
                devices[sim.id] = Device(sim, self.seed)
            except (ValueError, LookupError, ArithmeticError, TypeError) as error:
                problems.append(f"{sim.id}: {sim.device} does not take these options: {error}")
        if problems:
            raise PlanError(problems)
        return devices

    async def __aenter__(self) -> Self:
        """Switch everything on. Raises: PlanError: what does not come up, all of it; then nothing stays on."""
        problems = []
        for device in self.devices.values():
            try:
                await device.start()
                self._stack.push_async_callback(device.stop)
            except OSError as error:
                where = device.plan.link or (f"{device.plan.host}:{device.plan.port}" if device.plan.over == "tcp" else device.plan.over)
                problems.append(f"{device.id}: cannot listen on {where}: {error.strerror or error}")
            except ValueError as error:
                problems.append(str(error))
        for room in self.rooms.values():
            try:
                room.advance(time.monotonic())
            except ValueError as error:
                problems.append(f"{room.id}: {error}")
        if problems:
            await self._stack.aclose()
            raise PlanError(problems)
        for door in self.doors.values():
            self._stack.push_async_callback(door.door.close)
        if self.rooms:
            living = asyncio.create_task(self._live(), name="sims-rooms")
            self._stack.push_async_callback(_ended, living)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Switch everything off."""
        await self._stack.aclose()

    async def _live(self) -> None:
        while True:
            now_s = time.monotonic()
            for room in self.rooms.values():
                room.advance(now_s)
            await asyncio.sleep(_ROOM_STEP_S)

    def parts(self) -> dict[str, Part]:
        """Devices, rooms and doors by id."""
        return {**self.devices, **self.rooms, **self.doors}

    def part(self, part_id: str) -> Part:
        """Raises: UnknownPartError."""
        found = self.parts().get(part_id)
        if found is None:
            raise UnknownPartError(f"there is no {part_id!r}; there are: {', '.join(self.parts())}")
        return found

    def shown(self) -> dict[str, Any]:
        """The rig for JSON: its seed, and where everything is."""
        sims = [{"id": device.id, "device": device.kind, "listens": device.where(), **device.place} for device in self.devices.values()]
        return {"seed": self.seed, "sims": sims, "rooms": list(self.rooms), "doors": list(self.doors)}


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
