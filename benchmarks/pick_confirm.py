# SPDX-License-Identifier: Apache-2.0
"""Picking: from a press (or a confirm on a screen) to what the picker has to do next, with 200 pickers at 2,000 lights and 50 more at screens.

Everything is real: ten controllers (twins over TCP), a gateway process, a broker, the central process, SQLite or PostgreSQL with its disk synced. All of
them work at once, and each confirms every eight seconds: 450 lines an hour, which is fast. So central takes 31 confirmations a second, 25 of them from
lights, and every second one ends a walk and begins the next. A shift is measured for ten seconds a repeat, without a pause between repeats.

`next_light_of_the_tour`: the light that the gateway lights by itself, from the press at one tag to the light on another, on the controllers' own lines.
`next_tour`: the press completes a walk, central posts it, gives the picker the next walk and sends its first light: press, event, broker, ingest, ledger,
command, broker, gateway, controller. `screen`: an HTTP confirm until its answer, which has the next stop. `dark`: presses after which a light should have
come and did not within three seconds after the shift. Run: python -m benchmarks pick_confirm.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, insert, select

from benchmarks.processes import tree_cpu_s
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
DARK_ZONES, SCREENS = 2, 50
"""Zones without lights, and the people who pick there by their screens."""
PICKS_PER_TOUR = 2
THINK_S = (6.0, 10.0)
ROUND_S, ROUNDS_MAX = 10.0, 5
"""How long a repeat is, and how many of them a shift has goods in the bins for (each bin is picked once)."""
_GRACE_S = 3.0
_BOUND_MS = 100.0


def _fact(kind: str) -> Fact:
    return Fact(str(uuid.uuid4()), "bench", None, kind, b"{}", "bench", datetime.now(UTC), SITE)


def _zone(n: int) -> str:
    return f"Z{n:02d}"


def _lights_of(zone: int) -> dict[str, str]:
    return {"gateway": GATEWAY, "station": f"zone-{zone}"} if zone < ZONES else {}


def _furnish(engine: Engine) -> None:
    """Twelve zones of 200 bins, a thousand pieces of a kind of its own in each; the last two zones have no lights."""
    now = datetime.now(UTC)

    def work(connection: Connection) -> None:
        enrol(connection, GatewayAddress(partition_of(SITE), SITE, GATEWAY), now)
        catalog_service.keep(connection, [catalog.Partner.model_validate({"code": "shop", "name": "Shop", "kind": "customer"})])
        zones = range(ZONES + DARK_ZONES)
        spots = [(zone, node) for zone in zones for node in range(1, NODES + 1)]
        catalog_service.keep(connection, [catalog.Item.model_validate({"code": f"i-{z}-{n}", "name": f"Item {z}-{n}"}) for z, n in spots])
        catalog_service.keep(connection, [catalog.Zone(site=SITE, id=_zone(z), **_lights_of(z)) for z in zones])
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
        for zone in range(ZONES + DARK_ZONES):
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


async def _pickers_join(http: httpx.AsyncClient) -> None:
    for n in range(PICKERS):
        (await http.post("/pickers", json={"picker": f"p{n:03d}", "site": SITE, "zone": _zone(n % ZONES), "auto": True})).raise_for_status()
    for n in range(SCREENS):
        (await http.post("/pickers", json={"picker": f"s{n:03d}", "site": SITE, "zone": _zone(ZONES + n % DARK_ZONES)})).raise_for_status()


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


@dataclass
class _Shift:
    """What is measured in one shift. Instants are of the monotonic clock; waits are kept as (when it was confirmed, milliseconds)."""

    begun_s: float = 0.0
    rounds: int = 1
    pressed_s: list[dict[int, float]] = field(default_factory=lambda: [{} for _ in range(ZONES)])
    waits: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {"next_light_of_the_tour": [], "next_tour": [], "screen": []})
    dark: int = 0
    central_cpu_s: float = 0.0

    @property
    def ends_s(self) -> float:
        return self.begun_s + self.rounds * ROUND_S

    def pause_s(self, dice: random.Random) -> float:
        """Until somebody who is shown a stop confirms it. At the beginning people are somewhere in the middle of their work."""
        return dice.uniform(*THINK_S) if time.monotonic() > self.begun_s + 1 else dice.uniform(0, THINK_S[1])


async def _press_what_is_lit(server: TcpTwinServer, pressed_s: dict[int, float], shift: _Shift, dice: random.Random) -> None:
    """Every light of a zone is answered when its picker has walked there and taken the goods, until the shift ends."""
    twin = server.twin
    assert isinstance(twin, _TimedTwin)
    loop = asyncio.get_running_loop()

    def press(node: int) -> None:
        if time.monotonic() < shift.ends_s:
            pressed_s[node] = time.monotonic()
            server.stimulate("press", node=node)

    while True:
        node = await twin.fresh.get()
        loop.call_later(shift.pause_s(dice), press, node)


async def _one_screen(http: httpx.AsyncClient, name: str, shift: _Shift, dice: random.Random) -> None:
    """Somebody picks by a screen until the shift ends."""
    while True:
        taken = (await http.post("/tours/next", json={"picker": name})).raise_for_status().json()["tour"]
        stop = (await http.get(f"/tours/{taken['id']}/stop")).raise_for_status().json()["stop"]
        while stop is not None:
            await asyncio.sleep(shift.pause_s(dice))
            started_s = time.monotonic()
            if started_s > shift.ends_s:
                return
            said = {"task": stop["task"], "quantity": stop["quantity"], "actor": name}
            stop = (await http.post(f"/tours/{taken['id']}/confirm", json=said)).raise_for_status().json()["stop"]
            shift.waits["screen"].append((started_s, (time.monotonic() - started_s) * 1000))


async def _work(folder: Path, database: str, broker: str, rounds: int) -> _Shift:
    """One shift of so many rounds, from an empty database on."""
    stack = Stack(folder, broker_url=broker, database_url=database)
    engine = open_engine(database)
    upgrade(engine)
    _furnish(engine)
    _order_everything(engine, NODES // PICKS_PER_TOUR)
    lines = [TcpTwinServer(_TimedTwin(zone)) for zone in range(ZONES)]
    shift = _Shift(rounds=rounds)
    async with AsyncExitStack() as ending:
        ending.callback(engine.dispose)
        ending.push_async_callback(stack.stop)
        for line in lines:
            await line.start()
            ending.push_async_callback(line.stop)
        stack.gateway_file.write_text(_gateway_file(stack, lines, folder), encoding="utf-8")
        await stack.central.start()
        await stack.gateway.start()
        await _be_picked(stack, lines, shift)
        _measure_lights(engine, lines, shift)
    return shift


async def _be_picked(stack: Stack, lines: list[TcpTwinServer], shift: _Shift) -> None:
    """Everybody comes, works until the shift ends, and the lights of the last presses burn."""
    limits = httpx.Limits(max_connections=SCREENS)
    shift.begun_s = time.monotonic() + 3600  # not yet
    async with httpx.AsyncClient(base_url=f"{stack.central_url}/api/v1", timeout=30, limits=limits) as http:
        await _pickers_join(http)
        cpu_s = tree_cpu_s([stack.central.pid])
        shift.begun_s = time.monotonic()
        dice = random.Random(1)  # spreads presses, keeps no secret
        pressing = [asyncio.create_task(_press_what_is_lit(line, times, shift, dice)) for line, times in zip(lines, shift.pressed_s, strict=True)]
        async with asyncio.TaskGroup() as people:
            for n in range(SCREENS):
                people.create_task(_one_screen(http, f"s{n:03d}", shift, random.Random(n)))
        await asyncio.sleep(max(0.0, shift.ends_s - time.monotonic()) + _GRACE_S)
        shift.central_cpu_s = tree_cpu_s([stack.central.pid]) - cpu_s
        for task in pressing:
            task.cancel()


def _measure_lights(engine: Engine, lines: list[TcpTwinServer], shift: _Shift) -> None:
    """From each press to the next light of the same picker: within a walk, and from a walk's end to the next one."""
    order = select(tour.c.picker, tour.c.id, pick_task.c.bin).join(pick_task, pick_task.c.tour_id == tour.c.id).where(tour.c.picker.startswith("p"))
    with reading(engine) as connection:
        rows = connection.execute(order.order_by(tour.c.picker, tour.c.started_at, tour.c.id, pick_task.c.sequence)).all()
    for before, after in pairwise(rows):
        zone, node = _spot(before.bin)
        pressed_s = shift.pressed_s[zone].get(node)
        if before.picker != after.picker or pressed_s is None:
            continue
        twin = lines[zone].twin
        assert isinstance(twin, _TimedTwin)
        lit_s = twin.lit_at_s.get(_spot(after.bin)[1])
        if lit_s is None:
            shift.dark += 1
        else:
            shift.waits["next_light_of_the_tour" if before.id == after.id else "next_tour"].append((pressed_s, (lit_s - pressed_s) * 1000))


def _spot(bin_code: str) -> tuple[int, int]:
    zone, _, node = bin_code.partition("-")
    return int(zone.removeprefix("Z")), int(node)


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    with servers.postgres(durable=True) if name == "postgres" else nullcontext(f"sqlite:///{folder / 'central.db'}") as url:
        yield url


def _figures(waits_ms: list[float]) -> dict[str, Any]:
    ordered = sorted(waits_ms)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    shown = {"picks": len(ordered), "p50_ms": statistics.median(ordered), "p99_ms": p99, "max_ms": ordered[-1]}
    return {name: round(value, 1) for name, value in shown.items()} | {"within_100_ms": p99 < _BOUND_MS}


def _figures_of(shifts: list[_Shift]) -> dict[str, Any]:
    """Of all repeats together, and the p99 of each of them."""
    shown: dict[str, Any] = {}
    confirmed = 0
    for kind in shifts[0].waits:
        by_round: dict[tuple[int, int], list[float]] = {}
        for n, shift in enumerate(shifts):
            for at_s, wait_ms in shift.waits[kind]:
                by_round.setdefault((n, int((at_s - shift.begun_s) // ROUND_S)), []).append(wait_ms)
        every = [wait for waits in by_round.values() for wait in waits]
        confirmed += len(every)
        shown[kind] = _figures(every) | {"p99_ms_of_each_repeat": [_figures(waits)["p99_ms"] for _, waits in sorted(by_round.items())]}
    cpu_ms = 1000 * sum(shift.central_cpu_s for shift in shifts) / max(1, confirmed)
    return shown | {"dark": sum(shift.dark for shift in shifts), "central_cpu_ms_per_confirm": round(cpu_ms, 1)}


def run(repeats: int) -> dict[str, Any]:
    """Waits by database and kind."""
    shown: dict[str, Any] = {"pickers_at_lights": PICKERS, "pickers_at_screens": SCREENS, "lights": ZONES * NODES, "seconds_between_confirms": sum(THINK_S) / 2}
    shown["confirms_per_second_offered"] = round((PICKERS + SCREENS) / shown["seconds_between_confirms"], 1)
    for name in ("sqlite", "postgres"):
        shifts = []
        for start in range(0, repeats, ROUNDS_MAX):
            with tempfile.TemporaryDirectory(prefix="dockline-bench-") as text, _database(name, Path(text)) as url, servers.mosquitto(free_port()) as broker:
                shifts.append(asyncio.run(_work(Path(text), url, broker, min(ROUNDS_MAX, repeats - start))))
        shown[name] = _figures_of(shifts)
    return shown
