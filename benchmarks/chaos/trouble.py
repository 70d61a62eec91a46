# SPDX-License-Identifier: Apache-2.0
"""Doing the faults: each is begun, lasts, and is over when the part serves again; how long each took is kept for the report."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.faults import KINDS, Fault
from benchmarks.chaos.world import World

_BACK_S = 120.0
_POLL_S = 0.05
_SLOW = {"bytes_per_s": 20_000.0, "delay_s": 0.05, "jitter_s": 0.1}
_LOSS_MAX = 0.15
_SHARE = 0.4


@dataclass(frozen=True)
class Done:
    """A fault that happened, by the runner's monotonic seconds. `back_s`: how long after its end the part served again; None: not within two minutes."""

    fault: Fault
    began_s: float
    ended_s: float
    back_s: float | None


@dataclass
class Trouble:
    """Does faults to a world, at most one at a time to each part."""

    world: World
    say: Callable[[str], None]
    done: list[Done] = field(default_factory=list)
    is_over: bool = False
    """No further fault begins."""
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def make(self, faults: Sequence[Fault]) -> None:
        """Begin these faults one after the other, each at its time; returns when all are over."""
        for fault in faults:
            await asyncio.sleep(fault.wait_s)
            if self.is_over:
                break
            task = asyncio.create_task(self._one(fault, self._locks.setdefault(fault.part, asyncio.Lock())), name=f"fault-{fault.number}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        while self._running:
            await asyncio.gather(*self._running)

    async def _one(self, fault: Fault, lock: asyncio.Lock) -> None:
        """Do a fault when the part is free: it has come back from the one before."""
        now_s = asyncio.get_running_loop().time
        async with lock:
            if self.is_over:
                return
            began_s = now_s()
            self.say(f"{fault.number:5}  {fault.kind} of {fault.part}, {fault.lasts_s:.1f} s")
            await _WAYS[fault.kind](self, fault)
            ended_s = now_s()
            back = await self._back(fault)
            self.done.append(Done(fault, began_s, ended_s, now_s() - ended_s if back else None))

    async def _back(self, fault: Fault) -> bool:
        """Whether the part serves again within two minutes, whatever else happens to it meanwhile."""
        name = fault.part.split()[-1]
        if fault.part.startswith("link"):
            return True  # that the other end has got everything is seen at the checkpoints
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BACK_S):
                while not await self.world.serves(name):  # noqa: ASYNC110  # another process says nothing by itself
                    await asyncio.sleep(_POLL_S)
                return True
        return False

    # -- processes ----------------------------------------------------------------------------------------------------------------------------

    async def kill(self, fault: Fault) -> None:
        """SIGKILL, started again at once or a moment later."""
        floor, now_s = self.world.floors.get(fault.part), asyncio.get_running_loop().time
        if floor is not None:
            floor.times.kills.append(now_s())
        self.world.programs[fault.part].kill(back_in_s=fault.lasts_s)
        await self.world.programs[fault.part].started_again()
        if floor is not None:
            floor.times.starts.append(now_s())

    async def kill_twice(self, fault: Fault) -> None:
        """SIGKILL, and again in the middle of coming back."""
        await self.kill(fault)
        await asyncio.sleep(fault.lasts_s)
        await self.kill(fault)

    async def pause(self, fault: Fault) -> None:
        """SIGSTOP, and SIGCONT later."""
        began_s = asyncio.get_running_loop().time()
        program = self.world.programs[fault.part]
        program.send(signal.SIGSTOP)
        await asyncio.sleep(fault.lasts_s)
        program.send(signal.SIGCONT)
        if fault.part in self.world.floors:
            self.world.floors[fault.part].times.pauses.append((began_s, asyncio.get_running_loop().time()))

    async def boot_without_clock(self, fault: Fault) -> None:
        """The gateway starts in 1970 and hears the time some seconds later."""
        clock = self.world.clocks[fault.part]
        clock.forget()
        await self.kill(fault)
        await asyncio.sleep(fault.lasts_s)
        clock.right()

    async def lose_store(self, fault: Fault) -> None:
        """SIGKILL, and everything that the broker had stored is gone."""
        broker = self.world.programs["broker"]

        def wipe() -> None:
            for file in self.world.broker_store.iterdir():
                file.unlink()

        broker.before_start = wipe
        try:
            await self.kill(fault)
        finally:
            broker.before_start = lambda: None

    # -- disks and clocks ---------------------------------------------------------------------------------------------------------------------

    async def fill_disk(self, fault: Fault) -> None:
        """Not more than a few pages can be written for a while; the errors are the kernel's."""
        name = fault.part.split()[1]
        disk, began_s = self.world.disks[name], asyncio.get_running_loop().time()
        disk.fill(int(fault.amount * 64) * 1024)
        await asyncio.sleep(fault.lasts_s)
        disk.free()
        if name in self.world.floors:
            self.world.floors[name].times.full.append((began_s, asyncio.get_running_loop().time()))

    async def step_clock(self, fault: Fault) -> None:
        """By hours, and back: half of the time the kernel believes the wrong time to be right."""
        clock = self.world.clocks[fault.part.split()[1]]
        clock.step(fault.step_s, synced=fault.number % 2 == 0)
        await asyncio.sleep(fault.lasts_s)
        clock.right()

    # -- lines --------------------------------------------------------------------------------------------------------------------------------

    async def on_link(self, fault: Fault) -> None:
        """Whatever is wrong with a line."""
        link = self.world.links[fault.part.split()[1]]
        match fault.kind:
            case "link_cut":
                await link.cut()
            case "link_hole" | "link_hole_20s" | "link_hole_90s":
                link.hole()
            case "link_hole_forgets":
                link.hole(forgets=True)
            case "link_hole_one_way":
                link.hole("up" if fault.amount < 0.5 else "down")
            case "link_half_open":
                link.half_open()
            case "link_slow_and_lossy":
                link.shape(**_SLOW, loss=_LOSS_MAX * fault.amount)
            case _:
                link.mangle(duplicate=_SHARE * fault.amount, reorder=_SHARE * (1 - fault.amount))
        await asyncio.sleep(fault.lasts_s)
        await link.heal()


_WAYS: Mapping[str, Callable[[Trouble, Fault], Awaitable[None]]] = {
    **{f"{part}_kill": Trouble.kill for part in ("gateway", "central", "broker", "database")},
    **{f"{part}_kill_twice": Trouble.kill_twice for part in ("gateway", "central", "database")},
    **{f"{part}_pause": Trouble.pause for part in ("gateway", "central", "broker")},
    **{f"{part}_disk_full": Trouble.fill_disk for part in ("gateway", "central")},
    **{f"{part}_clock_steps": Trouble.step_clock for part in ("gateway", "central")},
    **{kind: Trouble.on_link for kind in KINDS if kind.startswith("link_")},
    "gateway_boots_without_clock": Trouble.boot_without_clock,
    "broker_loses_store": Trouble.lose_store,
}
