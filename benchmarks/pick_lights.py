# SPDX-License-Identifier: Apache-2.0
"""Pick lights: from the frame of a button to the next light's command on the same socket, with four controllers of 200 tags each.

The gateway is a process of its own with its real drivers, pick zones and durable outbox, which is synced to the disk before anything is lit; the
controllers are twins over TCP in this process, a broker stands between the gateway and who gives it the tasks. Sixteen pickers, four to a controller
and each with a colour of their own, press about once in 0.4 s, twenty times as fast as people, until each has walked along fifty bins.

`own_light_off`: until the pressed tag is told to go dark; `next_light`: until the next tag of the same picker is told to light. `dark`: presses after
which no light came within five seconds; `twice`: presses that were told to central more than once. Run: python -m benchmarks pick_lights.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.processes import tree_cpu_s
from contracts.commands import LightTasks, PickTask
from contracts.events import PickConfirmed
from contracts.quantities import Quantity
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_ablepick.tag import PickTag
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.stack import Program
from tests.integration.gateway_bench import FakeCentral, gateway_file, running_broker, running_central

CONTROLLERS, TAGS, COLOURS = 4, 200, ("red", "green", "blue", "cyan")
PAUSE_S = (0.2, 0.6)
_BOUND_MS = 20.0
_PATIENCE_S = 5.0
_CLEAR, _LED_ON = 0x01, 0x02
_PART = """
[[device]]
id = "lights-{n}"
driver = "light_ablepick"
host = "127.0.0.1"
port = {port}
[[station]]
id = "zone-{n}"
kind = "pick_zone"
lights = "lights-{n}"
bins = {{ {bins} }}
"""


def walk_of(picker: int, dice: random.Random) -> list[int]:
    """The tags that a picker goes along: every fourth one, in any order."""
    nodes = list(range(1 + picker, TAGS + 1, len(COLOURS)))
    dice.shuffle(nodes)
    return nodes


class WatchedTwin(AblePickTwin):
    """Keeps when each tag was told what since its last press."""

    def __init__(self) -> None:
        super().__init__(range(1, TAGS + 1))
        self._node_of = {id(tag): node for node, tag in self.tags.items()}
        self.told_s: dict[tuple[int, int], float] = {}
        self.changed = asyncio.Event()

    def _apply(self, tag: PickTag, sub: int, data: bytes) -> bool:
        self.told_s.setdefault((self._node_of[id(tag)], sub), time.monotonic())
        self.changed.set()
        return super()._apply(tag, sub, data)

    async def told(self, node: int, sub: int) -> float:
        """When a tag was told something. Raises: TimeoutError: it was not."""
        async with asyncio.timeout(_PATIENCE_S):
            while (node, sub) not in self.told_s:
                self.changed.clear()
                await self.changed.wait()
        return self.told_s[node, sub]


@dataclass
class Waits:
    """What was measured, in milliseconds."""

    own_light_off: list[float] = field(default_factory=list)
    next_light: list[float] = field(default_factory=list)
    dark: int = 0
    twice: int = 0
    gateway_cpu_s: float = 0.0


async def _pick(server: TcpTwinServer, walk: list[int], dice: random.Random, waits: Waits) -> None:
    """One picker goes from light to light."""
    twin = server.twin
    assert isinstance(twin, WatchedTwin)
    await twin.told(walk[0], _LED_ON)
    for node, after in zip(walk, [*walk[1:], None], strict=True):
        await asyncio.sleep(dice.uniform(*PAUSE_S))  # the pace of the presses is what is asked about
        twin.told_s.pop((node, _CLEAR), None)
        pressed_s = time.monotonic()
        server.stimulate("press", node=node)
        try:
            waits.own_light_off.append((await twin.told(node, _CLEAR) - pressed_s) * 1000)
            if after is not None:
                waits.next_light.append((await twin.told(after, _LED_ON) - pressed_s) * 1000)
        except TimeoutError:
            waits.dark += 1
            return


async def _give_work(central: FakeCentral, zone: int, walks: list[list[int]]) -> None:
    tasks = [
        PickTask(
            task_id=f"{zone}-{node}",
            bin=f"Z{zone}-{node:03d}",
            item="milk",
            quantity=Quantity(1 + node % 9),
            colour=colour,
            tour=f"{zone}-{colour}",
            sequence=n + 1,
        )
        for colour, walk in zip(COLOURS, walks, strict=True)
        for n, node in enumerate(walk)
    ]
    deadline_at = datetime.now(UTC) + timedelta(minutes=5)
    await central.command(LightTasks(command_id=f"light-{zone}", station=f"zone-{zone}", deadline_at=deadline_at, tasks=tasks))


async def _round(folder: Path, seed: int) -> Waits:
    """Everybody walks once."""
    dice = random.Random(seed)  # spreads presses, keeps no secret
    servers = [TcpTwinServer(WatchedTwin()) for _ in range(CONTROLLERS)]
    walks = [[walk_of(picker, dice) for picker in range(len(COLOURS))] for _ in servers]
    waits = Waits()
    async with AsyncExitStack() as ending:
        parts = []
        for n, server in enumerate(servers):
            await server.start()
            ending.push_async_callback(server.stop)
            bins = ", ".join(f'"Z{n}-{node:03d}" = {node}' for node in range(1, TAGS + 1))
            parts.append(_PART.format(n=n, port=server.port, bins=bins))
        broker_port = ending.enter_context(running_broker())
        file = gateway_file(folder, broker_port, "".join(parts))

        async def connected() -> bool:
            return all(server.has_client for server in servers)

        gateway = Program("gateway", ["gateway", "run", str(file)], folder / "log", connected)
        central = await ending.enter_async_context(running_central(broker_port))
        await gateway.start()
        ending.push_async_callback(gateway.stop)
        await central.announce()
        await central.until(lambda: any(state.online for state in central.states), within_s=20)
        for zone, of_zone in enumerate(walks):
            await _give_work(central, zone, of_zone)
        cpu_s = tree_cpu_s([gateway.pid])
        async with asyncio.TaskGroup() as people:
            for server, of_zone in zip(servers, walks, strict=True):
                for walk in of_zone:
                    people.create_task(_pick(server, walk, random.Random(dice.random()), waits))
        waits.gateway_cpu_s = tree_cpu_s([gateway.pid]) - cpu_s
        pressed = len(waits.own_light_off)
        await central.until(lambda: len(central.of(PickConfirmed)) >= pressed, within_s=20)
        confirmed = Counter(event.task_id for event in central.of(PickConfirmed) if isinstance(event, PickConfirmed))
        waits.twice = sum(count > 1 for count in confirmed.values())
    return waits


def figures(waits_ms: list[float]) -> dict[str, Any]:
    """Of so many waits."""
    ordered = sorted(waits_ms)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    return {"presses": len(ordered), "p50_ms": round(statistics.median(ordered), 2), "p99_ms": round(p99, 2), "max_ms": round(ordered[-1], 2)}


def run(repeats: int) -> dict[str, Any]:
    """Of all rounds together, and the p99 of each."""
    rounds = []
    for seed in range(repeats):
        with tempfile.TemporaryDirectory(prefix="dockline-bench-") as folder:
            rounds.append(asyncio.run(_round(Path(folder), seed)))
    shown: dict[str, Any] = {"controllers": CONTROLLERS, "tags": CONTROLLERS * TAGS, "pickers": CONTROLLERS * len(COLOURS)}
    for name in ("own_light_off", "next_light"):
        each = [getattr(waits, name) for waits in rounds]
        shown[name] = figures([wait for waits in each for wait in waits]) | {"p99_ms_of_each_round": [figures(waits)["p99_ms"] for waits in each]}
    shown["next_light"]["within_20_ms"] = shown["next_light"]["p99_ms"] <= _BOUND_MS
    shown["gateway_cpu_ms_per_press"] = round(1000 * sum(waits.gateway_cpu_s for waits in rounds) / shown["own_light_off"]["presses"], 2)
    return shown | {"dark": sum(waits.dark for waits in rounds), "twice": sum(waits.twice for waits in rounds)}
