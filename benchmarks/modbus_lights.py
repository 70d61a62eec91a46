# SPDX-License-Identifier: Apache-2.0
"""Pick tags on one RS-485 line: from a press to the next light, with 100 tags on 115200 baud of which ten are lit, and with a dead one besides.

The line is simulated with its times: 11 bits a character, 2 ms until a tag answers, one exchange at a time; the gateway is a process of its own with its
real driver, pick zone and durable outbox, which is synced to the disk before anything is lit. Ten pickers press about once in two seconds, four times as
fast as people, until each has walked along ten bins. A press is latched by the tag; where in the polling it comes is chance.

`next_light`: from the press until the next tag of the same picker has got its light; `own_light_off`: until the pressed one was told to go dark;
`asked_every`: the time between two questions to a tag while it is lit; `scan`: the longest time in which a tag was not asked at all; `crowded`: requests
while an answer was under way. Run: python -m benchmarks modbus_lights.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.processes import tree_cpu_s
from contracts.commands import LightTasks, PickTask
from contracts.quantities import Quantity
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_modbus.twin import ModbusTagsTwin, PickTag
from firmware_sims.stack import Program
from tests.integration.gateway_bench import FakeCentral, gateway_file, running_broker, running_central

TAGS, PICKERS, BAUD = 100, 10, 115_200
COLOURS = ("red", "green", "orange", "blue", "pink", "cyan")
PAUSE_S = (1.5, 3.0)
DEAD = 100
_SETTLE_S = 12.0
_BOUND_MS, _ASKED_BOUND_MS, _SCAN_BOUND_S = 150.0, 80.0, 10.0
_PATIENCE_S = 5.0
_WRITE_S = 19 * 11 / BAUD  # a light is told by a request of 19 characters, and shines when the last of them has come
_PART = """
[[device]]
id = "lights"
driver = "light_modbus"
map = "generic_tag"
nodes = {nodes}
host = "127.0.0.1"
port = {port}
baud_rate = {baud}
worst_reply_s = 0.05
[[station]]
id = "zone"
kind = "pick_zone"
lights = "lights"
bins = {{ {bins} }}
"""


class WatchedLine(ModbusTagsTwin):
    """Keeps when each tag was lit and put out since its last press, and when it was asked."""

    def __init__(self) -> None:
        super().__init__(TAGS, baud_rate=BAUD)
        self.told_s: dict[tuple[int, bool], float] = {}
        self.asked_s: dict[int, float] = dict.fromkeys(self.tags, time.monotonic())
        self.lit_gaps_ms: list[float] = []
        self.longest_gap_s = 0.0
        self.changed = asyncio.Event()

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        tag = self.tags.get(data[0]) if data else None
        if tag is None:
            return super().receive_bytes(data, now_s)
        was_lit = bool(tag.colour)
        if data[1] == 4:
            self._asked(tag, now_s)
        said = super().receive_bytes(data, now_s)
        if was_lit != bool(tag.colour):
            self.told_s.setdefault((tag.unit_id, not was_lit), now_s + _WRITE_S)
            self.asked_s[tag.unit_id] = now_s
            self.changed.set()
        return said

    def _asked(self, tag: PickTag, now_s: float) -> None:
        gap_s = now_s - self.asked_s[tag.unit_id]
        if tag.colour:
            self.lit_gaps_ms.append(gap_s * 1000)
        if tag.unit_id not in self.silent:
            self.longest_gap_s = max(self.longest_gap_s, gap_s)
        self.asked_s[tag.unit_id] = now_s

    async def told(self, node: int, *, lit: bool) -> float:
        """When a tag was told to light up or to go dark. Raises: TimeoutError: it was not."""
        async with asyncio.timeout(_PATIENCE_S):
            while (node, lit) not in self.told_s:
                self.changed.clear()
                await self.changed.wait()
        return self.told_s[node, lit]


@dataclass
class Waits:
    """What was measured, in milliseconds."""

    own_light_off: list[float] = field(default_factory=list)
    next_light: list[float] = field(default_factory=list)
    asked_every: list[float] = field(default_factory=list)
    scan_s: float = 0.0
    dark: int = 0
    crowded: int = 0
    gateway_cpu_share: float = 0.0


async def _pick(server: TcpTwinServer, walk: list[int], dice: random.Random, waits: Waits) -> None:
    """One picker goes from light to light."""
    twin = server.twin
    assert isinstance(twin, WatchedLine)
    await twin.told(walk[0], lit=True)
    for node, after in zip(walk, [*walk[1:], None], strict=True):
        await asyncio.sleep(dice.uniform(*PAUSE_S))  # the pace of the presses is what is asked about
        twin.told_s.pop((node, False), None)
        pressed_s = time.monotonic()
        server.stimulate("press", node=node)
        try:
            waits.own_light_off.append((await twin.told(node, lit=False) - pressed_s) * 1000)
            if after is not None:
                waits.next_light.append((await twin.told(after, lit=True) - pressed_s) * 1000)
        except TimeoutError:
            waits.dark += 1
            return


async def _give_work(central: FakeCentral, walks: list[list[int]]) -> None:
    tasks = [
        PickTask(
            task_id=str(node),
            bin=f"B{node:03d}",
            item="milk",
            quantity=Quantity(1 + node % 9),
            colour=COLOURS[picker % len(COLOURS)],
            tour=f"t{picker}",
            sequence=n + 1,
        )
        for picker, walk in enumerate(walks)
        for n, node in enumerate(walk)
    ]
    await central.command(LightTasks(command_id="light", station="zone", deadline_at=datetime.now(UTC) + timedelta(minutes=5), tasks=tasks))


async def _round(folder: Path, seed: int, *, dead: bool) -> Waits:
    """Everybody walks once, after the tags were found."""
    dice = random.Random(seed)  # spreads presses, keeps no secret
    twin = WatchedLine()
    server = TcpTwinServer(twin)
    nodes = [node for node in range(1, TAGS + 1) if node != DEAD]
    dice.shuffle(nodes)
    walks = [nodes[picker::PICKERS] for picker in range(PICKERS)]
    waits = Waits()
    async with AsyncExitStack() as ending:
        await server.start()
        ending.push_async_callback(server.stop)
        if dead:
            server.stimulate("unplug", node=DEAD)
        bins = ", ".join(f'"B{node:03d}" = {node}' for node in range(1, TAGS + 1))
        broker_port = ending.enter_context(running_broker())
        file = gateway_file(folder, broker_port, _PART.format(nodes=TAGS, port=server.port, baud=BAUD, bins=bins))

        async def connected() -> bool:
            return server.has_client

        gateway = Program("gateway", ["gateway", "run", str(file)], folder / "log", connected)
        central = await ending.enter_async_context(running_central(broker_port))
        await gateway.start()
        ending.push_async_callback(gateway.stop)
        await central.announce()
        await central.until(lambda: any(state.online for state in central.states), within_s=20)
        await asyncio.sleep(_SETTLE_S)  # a whole scan, so that what is measured is the steady state
        twin.lit_gaps_ms, twin.longest_gap_s = [], 0.0
        cpu_s, began_s = tree_cpu_s([gateway.pid]), time.monotonic()
        await _give_work(central, walks)
        async with asyncio.TaskGroup() as people:
            for walk in walks:
                people.create_task(_pick(server, walk, random.Random(dice.random()), waits))
        waits.gateway_cpu_share = (tree_cpu_s([gateway.pid]) - cpu_s) / (time.monotonic() - began_s)
        waits.asked_every, waits.scan_s, waits.crowded = twin.lit_gaps_ms, twin.longest_gap_s, twin.crowded
    return waits


def figures(waits_ms: list[float]) -> dict[str, Any]:
    """Of so many waits."""
    ordered = sorted(waits_ms)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    return {"count": len(ordered), "p50_ms": round(statistics.median(ordered), 1), "p95_ms": round(p95, 1), "max_ms": round(ordered[-1], 1)}


def _shown(rounds: list[Waits]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: figures([wait for waits in rounds for wait in getattr(waits, name)]) for name in ("own_light_off", "next_light", "asked_every")
    }
    shown["next_light"]["within_150_ms"] = shown["next_light"]["p95_ms"] <= _BOUND_MS
    shown["asked_every"]["within_80_ms"] = shown["asked_every"]["p50_ms"] <= _ASKED_BOUND_MS
    scan_s = max(waits.scan_s for waits in rounds)
    shown |= {"scan_s": round(scan_s, 2), "scan_within_10_s": scan_s <= _SCAN_BOUND_S * 1.02}
    cpu_share = round(statistics.median(waits.gateway_cpu_share for waits in rounds), 3)
    return shown | {"dark": sum(waits.dark for waits in rounds), "crowded": sum(waits.crowded for waits in rounds), "gateway_cpu_share": cpu_share}


def run(repeats: int) -> dict[str, Any]:
    """Rounds with all tags alive, and with a dead one."""
    shown: dict[str, Any] = {"tags": TAGS, "lit": PICKERS, "baud": BAUD}
    for name, dead in (("all_alive", False), ("one_dead", True)):
        rounds = []
        for seed in range(repeats):
            with tempfile.TemporaryDirectory(prefix="dockline-bench-") as folder:
                rounds.append(asyncio.run(_round(Path(folder), seed, dead=dead)))
        shown[name] = _shown(rounds)
    return shown
