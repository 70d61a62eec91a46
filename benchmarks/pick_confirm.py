# SPDX-License-Identifier: Apache-2.0
"""Picking: from a press (or a confirm on a screen) to what the picker has to do next, with 200 pickers at 2,000 lights.

Everything is real: ten controllers (twins over TCP), a gateway process, a broker, the central process, SQLite or PostgreSQL with its disk synced. Each picker
presses every eight seconds: 450 lines an hour, which is fast.

`next_light_of_the_tour`: the light that the gateway lights by itself, from the press at one tag to the light on another, on the controllers' own lines.
`next_tour`: the press completes a walk, central posts it, gives the picker the next walk and sends its first light: press, event, broker, ingest, ledger,
command, broker, gateway, controller. `screen`: an HTTP confirm until its answer, which has the next stop. Run: python -m benchmarks pick_confirm.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, insert, select

from central.catalog import rules as catalog
from central.catalog import service as catalog_service
from central.database import in_transaction, open_engine, reading
from central.fleet.service import enrol
from central.ledger.rules import Fact
from central.migrations import upgrade
from central.outbound import tours
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line, pick_task, tour, wave
from central.stock import moves
from contracts.topics import GatewayAddress, partition_of
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.stack import Stack, free_port
from tests import servers

SITE, GATEWAY = "s1", "gw-1"
ZONES, NODES, PICKERS = 10, 200, 200
PICKS_PER_TOUR, TOURS_PER_PICKER = 2, 3
THINK_S = (6.0, 10.0)
_BOUND_MS = 100.0


def _fact(kind: str) -> Fact:
    return Fact(str(uuid.uuid4()), "bench", None, kind, b"{}", "bench", datetime.now(UTC), SITE)


def _zone(n: int) -> str:
    return f"Z{n:02d}"


def _furnish(engine: Engine) -> None:
    """Ten zones of 200 bins, a thousand pieces of a kind of its own in each."""
    now = datetime.now(UTC)

    def work(connection: Connection) -> None:
        enrol(connection, GatewayAddress(partition_of(SITE), SITE, GATEWAY), now)
        catalog_service.keep(connection, [catalog.Partner.model_validate({"code": "shop", "name": "Shop", "kind": "customer"})])
        spots = [(zone, node) for zone in range(ZONES) for node in range(1, NODES + 1)]
        catalog_service.keep(connection, [catalog.Item.model_validate({"code": f"i-{z}-{n}", "name": f"Item {z}-{n}"}) for z, n in spots])
        catalog_service.keep(connection, [catalog.Zone(site=SITE, id=_zone(z), gateway=GATEWAY, station=f"zone-{z}") for z in range(ZONES)])
        bins = [{"site": SITE, "code": f"{_zone(z)}-{n}", "kind": "bin", "zone": _zone(z), "pick_rank": z * NODES + n} for z, n in spots]
        places = [*bins, {"site": SITE, "code": "out", "kind": "stage"}]
        catalog_service.keep(connection, [catalog.Location.model_validate(place) for place in places])
        stock = [moves.Correction(f"{SITE}/{_zone(z)}-{n}", f"i-{z}-{n}", 1000) for z, n in spots]
        moves.correct_stock(connection, _fact("Opening"), stock, now)

    in_transaction(engine, work)


def _order_everything(engine: Engine, walks: int) -> None:
    """So many walks of two totes in each zone, every pick at a bin of its own."""
    now = datetime.now(UTC)

    def work(connection: Connection) -> None:
        for zone in range(ZONES):
            values = {"event_id": str(uuid.uuid4()), "site": SITE, "mode": "cluster", "state": "released", "criteria": {"cart": {"totes": PICKS_PER_TOUR}}}
            number = connection.execute(insert(wave).values(**values, created_at=now).returning(wave.c.id)).scalar_one()
            ids = [str(uuid.uuid4()) for _ in range(walks * PICKS_PER_TOUR)]
            common = {"channel": "bench", "site": SITE, "partner": "shop", "ship_when": "asked", "wave_id": number, "created_at": now}
            connection.execute(insert(customer_order), [{"id": each, "number": f"{zone}-{n:04d}", **common} for n, each in enumerate(ids)])
            line = {"n": 1, "quantity": 1, "promised": 1}
            lines = [{"id": f"{each}/1", "order_id": each, "item": f"i-{zone}-{1 + n % NODES}", **line} for n, each in enumerate(ids)]
            connection.execute(insert(order_line), lines)
            release_orders(connection, [(_fact("OrderReleased"), each) for each in ids], now)
            tours.make_tours(connection, str(uuid.uuid4()), number, now)

    in_transaction(engine, work)


async def _pickers_join(stack: Stack, *, auto: bool) -> None:
    async with httpx.AsyncClient(base_url=f"{stack.central_url}/api/v1", timeout=30) as http:
        for n in range(PICKERS):
            (await http.post("/pickers", json={"picker": f"p{n:03d}", "site": SITE, "zone": _zone(n % ZONES), "auto": auto})).raise_for_status()


class _TimedTwin(AblePickTwin):
    """Keeps when each tag was first lit, and tells of it."""

    def __init__(self, zone: int) -> None:
        super().__init__(range(1, NODES + 1))
        self._zone = zone
        self._node_of = {id(tag): node for node, tag in self.tags.items()}
        self.lit_at_s: dict[int, float] = {}
        self.fresh: asyncio.Queue[int] = asyncio.Queue()

    def _apply(self, tag: Any, sub: int, data: bytes) -> bool:
        known = super()._apply(tag, sub, data)
        node = self._node_of[id(tag)]
        if sub == 0x02 and node not in self.lit_at_s:
            self.lit_at_s[node] = time.monotonic()
            self.fresh.put_nowait(node)
        return known


_FILE = """\
[gateway]
id = "{gateway}"
site = "{site}"
broker = "{broker}"
data_dir = "{data_dir}"
listen = "127.0.0.1:{port}"
"""
_PART = """\
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


def _gateway_file(stack: Stack, lines: list[TcpTwinServer], folder: Path) -> str:
    parts = [_FILE.format(gateway=GATEWAY, site=SITE, broker=stack.broker_url, data_dir=folder / "gateway", port=stack.gateway_port)]
    for n, line in enumerate(lines):
        bins = ", ".join(f'"{_zone(n)}-{node}" = {node}' for node in range(1, NODES + 1))
        parts.append(_PART.format(n=n, port=line.port, bins=bins))
    return "\n".join(parts)


async def _press_what_is_lit(server: TcpTwinServer, pressed_at_s: dict[int, float], dice: random.Random) -> None:
    """Every light of a zone is answered when its picker has walked there and taken the goods."""
    twin = server.twin
    assert isinstance(twin, _TimedTwin)
    loop = asyncio.get_running_loop()

    def press(node: int) -> None:
        pressed_at_s[node] = time.monotonic()
        server.stimulate("press", node=node)

    while True:
        node = await twin.fresh.get()
        loop.call_later(dice.uniform(*THINK_S), press, node)


async def _lights(folder: Path, database: str, broker: str) -> dict[str, list[float]]:
    stack = Stack(folder, broker_url=broker, database_url=database)
    engine = open_engine(database)
    upgrade(engine)
    _furnish(engine)
    _order_everything(engine, PICKERS // ZONES * TOURS_PER_PICKER)
    lines = [TcpTwinServer(_TimedTwin(zone)) for zone in range(ZONES)]
    dice = random.Random(1)  # spreads presses, keeps no secret
    pressed: list[dict[int, float]] = [{} for _ in lines]
    pressing: list[asyncio.Task[None]] = []
    try:
        for line in lines:
            await line.start()
        stack.gateway_file.write_text(_gateway_file(stack, lines, folder), encoding="utf-8")
        await stack.central.start()
        await stack.gateway.start()
        pressing = [asyncio.create_task(_press_what_is_lit(line, times, dice)) for line, times in zip(lines, pressed, strict=True)]
        await _pickers_join(stack, auto=True)
        async with asyncio.timeout(120):
            while sum(map(len, pressed)) < PICKERS * PICKS_PER_TOUR * TOURS_PER_PICKER:  # noqa: ASYNC110  # twins tell nobody but their own line
                await asyncio.sleep(0.2)
    finally:
        for task in pressing:
            task.cancel()
        await stack.stop()
        for line in lines:
            await line.stop()
    return _waits(engine, lines, pressed)


def _waits(engine: Engine, lines: list[TcpTwinServer], pressed: list[dict[int, float]]) -> dict[str, list[float]]:
    """Milliseconds from each press to the next light of the same picker: within a walk, and from a walk's end to the next one."""
    order = select(tour.c.picker, tour.c.id, pick_task.c.bin).join(pick_task, pick_task.c.tour_id == tour.c.id).where(tour.c.picker != "")
    with reading(engine) as connection:
        rows = connection.execute(order.order_by(tour.c.picker, tour.c.started_at, tour.c.id, pick_task.c.sequence)).all()
    engine.dispose()
    waits: dict[str, list[float]] = {"next_light_of_the_tour": [], "next_tour": []}
    for before, after in pairwise(rows):
        if before.picker != after.picker:
            continue
        zone, node = _spot(before.bin)
        twin = lines[zone].twin
        assert isinstance(twin, _TimedTwin)
        if node in pressed[zone] and (lit := twin.lit_at_s.get(_spot(after.bin)[1])) is not None:
            kind = "next_light_of_the_tour" if before.id == after.id else "next_tour"
            waits[kind].append((lit - pressed[zone][node]) * 1000)
    return waits


def _spot(bin_code: str) -> tuple[int, int]:
    zone, _, node = bin_code.partition("-")
    return int(zone.removeprefix("Z")), int(node)


async def _screens(folder: Path, database: str, broker: str) -> list[float]:
    stack = Stack(folder, broker_url=broker, database_url=database)
    engine = open_engine(database)
    upgrade(engine)
    _furnish(engine)
    _order_everything(engine, PICKERS // ZONES * TOURS_PER_PICKER)
    engine.dispose()
    waits_ms: list[float] = []
    await stack.central.start()
    try:
        await _pickers_join(stack, auto=False)
        limits = httpx.Limits(max_connections=PICKERS)
        async with httpx.AsyncClient(base_url=f"{stack.central_url}/api/v1", timeout=30, limits=limits) as http, asyncio.TaskGroup() as people:
            for n in range(PICKERS):
                people.create_task(_one_screen(http, f"p{n:03d}", random.Random(n), waits_ms))
    finally:
        await stack.stop()
    return waits_ms


async def _one_screen(http: httpx.AsyncClient, name: str, dice: random.Random, waits_ms: list[float]) -> None:
    await asyncio.sleep(dice.uniform(0, THINK_S[1]))
    taken = (await http.post("/tours/next", json={"picker": name})).raise_for_status().json()["tour"]
    stop = (await http.get(f"/tours/{taken['id']}/stop")).raise_for_status().json()["stop"]
    while stop is not None:
        await asyncio.sleep(dice.uniform(*THINK_S))
        started_s = time.perf_counter()
        said = {"task": stop["task"], "quantity": stop["quantity"], "actor": name}
        stop = (await http.post(f"/tours/{taken['id']}/confirm", json=said)).raise_for_status().json()["stop"]
        waits_ms.append((time.perf_counter() - started_s) * 1000)


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, str]]:
    with servers.postgres(durable=True) as url:
        yield {"sqlite": f"sqlite:///{folder / 'central.db'}", "postgres": url}


def _figures(waits_ms: list[float]) -> dict[str, Any]:
    ordered = sorted(waits_ms)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    shown = {"picks": len(ordered), "p50_ms": statistics.median(ordered), "p99_ms": p99, "max_ms": ordered[-1]}
    return {name: round(value, 1) for name, value in shown.items()} | {"within_100_ms": p99 < _BOUND_MS}


def run(repeats: int) -> dict[str, Any]:
    """Waits of all rounds together, by database; a round is 1,200 presses and 400 confirms on screens."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(repeats):
        for name in ("sqlite", "postgres"):
            for what in ("lights", "screens"):
                with tempfile.TemporaryDirectory(prefix="dockline-bench-") as text, _databases(Path(text)) as urls, servers.mosquitto(free_port()) as broker:
                    mine = found.setdefault(name, {})
                    if what == "lights":
                        for kind, waits in asyncio.run(_lights(Path(text), urls[name], broker)).items():
                            mine.setdefault(kind, []).extend(waits)
                    else:
                        mine.setdefault("screen", []).extend(asyncio.run(_screens(Path(text), urls[name], broker)))
    about = {"pickers": PICKERS, "lights": ZONES * NODES, "seconds_between_presses": sum(THINK_S) / 2}
    return about | {name: {kind: _figures(waits) for kind, waits in kinds.items()} for name, kinds in found.items()}
