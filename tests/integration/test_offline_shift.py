# SPDX-License-Identifier: Apache-2.0
"""A whole shift without central: eight hours in which the floor goes on and central changes its plans, and then the link is back.

The floor is real (stations, floor, outbox, in virtual time), and so is what central makes of it (ingest, use cases, ledger). Beside it stands the truth:
what people carried where. In the end the ledger says the same, each conflict is one work order, and nothing was applied twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from central.catalog import rules as catalog
from central.coldchain.tables import alarm, measurement, sensor_value
from central.database import reading
from central.exceptions.tables import work_order
from central.fleet.service import enrol
from central.inbound import service as inbound
from central.inbound.arrival import Spot
from central.ledger.rules import Account
from central.ledger.service import record
from central.ledger.tables import balance, entry, event
from central.outbound import confirmations, service, unanswered
from central.outbound.confirmations import Confirmation
from central.outbound.tables import customer_order, pick_task
from central.shipping import work_lists
from central.shipping.tables import load_package, scan_check
from central.stock import losses, recalls
from central.stock.losses import Loss
from central.stock.recalls import Recall
from contracts.identifiers import Sgtin, Sscc, check_digit, parse_uri, sgtin_uri, sscc_uri
from contracts.readings import AnyReading, ButtonPressed, Identifiers, InputChanged, LinkChanged, Measured, Scan, TagRead
from contracts.topics import GatewayAddress
from gateway.config import ButtonRef, ColdRoom, DockDoor, InputRef, OutputRef, PickZone, ScanPoint
from gateway.portal.arbiter import Arbiter
from gateway.stations.cold_room import ColdRoomStation
from gateway.stations.dock_door import DockDoorStation
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.scan_point import ScanPointStation
from gateway.stations.station import Station
from tests.integration.dock_yard import pallet_code
from tests.integration.offline_floor import LANES, Link, OfflineGateway
from tests.integration.test_areas_api import Http, sent
from tests.integration.test_doors_that_load import boxes, plan, stand
from tests.integration.warehouse import MILK_GTIN, NOW, PEAS_GTIN, SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12", "E13")]

HOUR_S = 3600.0
KINDS = 12
ORDERS = 12
PALLETS_IN, PALLETS_OUT = 24, 14
PIECES_PER_PALLET = 48
BINS = [f"L-{n:02d}" for n in range(1, KINDS + 1)]
GREEN, RED, SIREN = 1, 2, 9


def gtin_of(n: int) -> str:
    """The GTIN of kind `n`."""
    digits = f"0061414102{n:03d}"
    return digits + check_digit(digits)


class Shift(Warehouse):
    """The warehouse, its two gateways and the truth: pieces by item as people have them in bins, on the stage, on pallets."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self.truth: Counter[tuple[str, str]] = Counter()
        self.fill()
        self.do(lambda c: enrol(c, GatewayAddress(1, SITE, "gate-2"), self.now))
        self.http = Http.of(self)
        self.http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"})
        self._furnish_lit_bins()
        arbiter = Arbiter()
        self.lit = OfflineGateway("gate-1", folder / "gate-1.db", self._stations_of_the_zone)
        self.dock = OfflineGateway("gate-2", folder / "gate-2.db", lambda: self._doors(arbiter))
        self.link = Link(engine, seed=5)
        self._seed = 0

    def _furnish_lit_bins(self) -> None:
        self.keep(catalog.Zone(site=SITE, id="L", gateway="gate-1", station="zone-l"))
        for n, code in enumerate(BINS, start=1):
            self.keep(catalog.Item(code=f"i{n:02d}", name=f"Goods {n}", gtin=gtin_of(n), unit_weight_g=100))
            self.keep(catalog.Location(site=SITE, code=code, kind="bin", zone="L", pick_rank=100 + n))
            self.put(code, f"i{n:02d}", 20 if n != 7 else 2, "X1" if n == 12 else "")

    def _stations_of_the_zone(self) -> Sequence[Station]:
        lights = {"ok_light": OutputRef(device="io", output=GREEN), "wrong_light": OutputRef(device="io", output=RED)}
        siren = OutputRef(device="io", output=SIREN)
        button = ButtonRef(device="io", input=3)
        times = {"on_delay_s": 120, "off_delay_s": 60, "stale_s": 7200, "sample_interval_s": 60}
        cold = ColdRoom(id="cold-1", sensor="s", high_c=8.0, siren=siren, acknowledge=button, **times)  # type: ignore[arg-type]
        return [
            PickZoneStation(PickZone(id="zone-l", lights="l", bins={code: n for n, code in enumerate(BINS, start=1)})),
            PickZoneStation(PickZone(id="zone-a", lights="a", bins={"A-01": 1, "A-02": 2})),
            ScanPointStation(ScanPoint(id="pack-1", scanner="k", biz_step="packing", **lights)),  # type: ignore[arg-type]
            ColdRoomStation(cold),
        ]

    def _doors(self, arbiter: Arbiter) -> Sequence[Station]:
        def door(name: str, reader: str, step: str) -> DockDoorStation:
            config = DockDoor(
                id=name, reader=reader, inner_antennas=[1], outer_antennas=[2], biz_step=step, photo_eye_outer=InputRef(device=reader, input=1),
                photo_eye_inner=InputRef(device=reader, input=2), stack_light=OutputRef(device=reader, output=GREEN),
                stack_light_red=OutputRef(device=reader, output=RED),
            )  # fmt: skip
            return DockDoorStation(config, SITE, arbiter)

        return [door("door-in", "r1", "receiving"), door("door-5", "r2", "loading")]

    # ---- what people do

    async def pick(self, at_s: float, code: str, found: int | None = None) -> bool:
        """Somebody takes what the light of a bin asks for (or what is there), answers it, and scans it at the table; False: the bin is dark."""
        node = BINS.index(code) + 1
        zone = self.lit.stations["zone-l"]
        assert isinstance(zone, PickZoneStation)
        task = zone.lit().get(node)
        if task is None:
            return False
        taken = task.quantity.value if found is None else found
        await self.lit.feel(ButtonPressed(device="l", at_s=at_s, node=node, press="confirm", quantity=taken))
        self.carried(task.item, taken)
        assert await self.scan(at_s + 10, gtin_of(node), taken) == [("io", GREEN)]
        return True

    def carried(self, item: str, quantity: int) -> None:
        """Pieces go from their bin to the stage, and stay there."""
        self.truth[item, "bin"] -= quantity
        self.truth[item, "out"] += quantity

    async def scan(self, at_s: float, gtin: str, count: int | None = None) -> list[tuple[str, int]]:
        """Somebody scans; returns which lamps answered."""
        await self.lit.feel(Scan(device="k", at_s=at_s, text=gtin, identifiers=Identifiers(gtin=gtin, count=count)))
        return self.lit.lamps(at_s)

    async def drive(self, at_s: float, reader: str, sscc: str, serials: Sequence[int] = ()) -> list[tuple[str, int]]:
        """A forklift takes a pallet through a door; returns which lamps answered."""
        coming = (1, 2) if reader == "r1" else (2, 1)  # the eye and the antenna of the side that it comes from first
        epcs = [_hex(sscc_uri(sscc, 7)), *(_hex(sgtin_uri(MILK_GTIN, str(serial), 7)) for serial in serials)]
        self._seed += 1
        noise = random.Random(self._seed)
        felt: list[AnyReading] = []
        for after_s, eye, level in ((1.0, 0, True), (1.7, 1, True), (2.1, 0, False), (2.8, 1, False)):
            felt.append(InputChanged(device=reader, at_s=at_s + after_s, input=coming[eye], level=level))
        for epc in epcs:
            for antenna, peak_s in ((2 if reader == "r1" else 1, 1.3), (1 if reader == "r1" else 2, 2.6)):
                for n in range(14):
                    t_s = 0.1 + 0.28 * n + noise.uniform(0, 0.1)
                    dbm = -50 - 18 * abs(t_s - peak_s) + noise.gauss(0, 2)
                    if dbm > -74:
                        felt.append(TagRead(device=reader, at_s=at_s + t_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm))
        for each in sorted(felt, key=lambda each: each.at_s):
            await self.dock.feel(each)
        await self.dock.until(at_s + 12)
        return self.dock.lamps(at_s)

    async def temperature(self, from_s: float, until_s: float, value_c: float) -> None:
        """The sensor of the cold room, a value each minute."""
        at_s = from_s
        while at_s < until_s:
            await self.lit.feel(Measured(device="s", at_s=at_s, quantity="temperature_c", value=value_c))
            at_s += 60.0

    # ---- looking

    def at(self, now_s: float) -> None:
        """Central's clock."""
        self.now = NOW + timedelta(seconds=now_s)

    def tasks_by_order(self) -> dict[str, list[Any]]:
        """Lit tasks by the number of their order, in the order of bins."""
        numbers = {row.id: row.number for row in self.rows(customer_order)}
        found: dict[str, list[Any]] = {}
        for row in sorted(self.rows(pick_task), key=lambda row: row.bin):
            if row.station == "zone-l":
                found.setdefault(numbers[row.order_id], []).append(row)
        return found

    def open_orders(self) -> Counter[str]:
        """Open work orders by kind."""
        return Counter(self.asked())

    def in_the_ledger(self, item: str, code: str) -> int:
        """Pieces of an item in a place, whatever their status."""
        with reading(self.engine) as connection:
            query = select(func.coalesce(func.sum(balance.c.on_hand), 0)).where(balance.c.item == item, balance.c.place == f"{SITE}/{code}")
            return int(connection.execute(query).scalar_one())

    def everything(self) -> tuple[int, ...]:
        """Counts that grow when anything is applied."""
        with reading(self.engine) as connection:
            return tuple(
                int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in (entry, event, work_order, measurement, scan_check)
            )


def _hex(uri: str) -> str:
    identity = parse_uri(uri)
    assert isinstance(identity, Sgtin | Sscc)
    return identity.hex(1) if isinstance(identity, Sgtin) else identity.hex()


@pytest.fixture
def shift(engine: Engine, tmp_path: Path) -> Iterator[Shift]:
    shift = Shift(engine, tmp_path)
    yield shift
    shift.assert_sound()


def prepare(shift: Shift) -> list[str]:
    """Orders are lit, a notice and a load stand at the doors, everybody has the newest list. Returns the boxes to be loaded, the last not on the load."""
    for n in range(1, ORDERS + 1):
        first, second = (n - 1) % KINDS + 1, n % KINDS + 1
        lines = [{"item": f"i{first:02d}", "quantity": 2}] + ([{"item": f"i{second:02d}", "quantity": 1}] if second not in (7, 12) else [])
        order_id = sent(shift.http, "orders", {"number": f"SO-{n:02d}", "site": SITE, "partner": "shop", "ship_when": "asked", "lines": lines})["id"]
        sent(shift.http, f"orders/{order_id}/release")
    lines = [
        [{"gtin": MILK_GTIN, "lot": "L2", "expiry": "2026-12-09", "quantity": PIECES_PER_PALLET, "serials": [str(n), str(1000 + n)]}] for n in range(PALLETS_IN)
    ]
    pallets = [{"sscc": pallet_code(n), "lines": mine} for n, mine in enumerate(lines)]
    sent(shift.http, "ship-notices", {"number": "ASN-1", "site": SITE, "supplier": "dairy", "door": "door-in", "pallets": pallets})
    ours = boxes(shift.http, shift, PALLETS_OUT)
    plan(shift.http, "L-1", *ours[:-1], door="door-5")
    stand(shift.http, "door-5", gateway="gate-2", load="L-1")
    stand(shift.http, "door-in", gateway="gate-2", state="receiving", notices=["ASN-1"], check_coming=True)
    assert shift.http.put(f"scan-points/{SITE}/pack-1", json={"gateway": "gate-1", "purpose": "picking", "zone": "L"}).status_code == 200
    return ours


async def begin(shift: Shift) -> None:
    for gateway in (shift.lit, shift.dock):
        await gateway.start()
        await shift.link.born(gateway)
    for device in ("l", "a", "io"):
        await shift.lit.feel(LinkChanged(device=device, at_s=1.0, state="connected"))
    work_lists.work_once(shift.engine, shift.now)
    await shift.temperature(2.0, 30.0, 4.0)
    for gateway in (shift.lit, shift.dock):
        await shift.link.online(gateway)


async def work_offline(shift: Shift, ours: Sequence[str]) -> None:
    """Eight hours. Central changes its plans in the second; people on the floor cannot know."""
    tasks = shift.tasks_by_order()
    await morning(shift)
    await asyncio.to_thread(plans_change, shift, tasks, ours)
    await at_the_doors(shift, ours)
    await afternoon(shift)


async def morning(shift: Shift) -> None:
    """Two bins are picked, and the cold room is too warm for twenty minutes."""
    at_s = 100.0
    for code in BINS[:2]:
        while await shift.pick(at_s, code):
            at_s += 30
    assert await shift.scan(at_s, gtin_of(1), 2) == [("io", RED)], "scanned before"
    assert await shift.scan(at_s + 30, PEAS_GTIN) == [("io", RED)], "not expected"
    await shift.temperature(1200, HOUR_S, 4.0)
    await shift.temperature(HOUR_S, HOUR_S + 660, 12.0)
    assert shift.lit.lamps(HOUR_S) == [("io", SIREN)]
    await shift.lit.feel(InputChanged(device="io", at_s=HOUR_S + 661, input=3, level=True))
    assert shift.lit.done[-1][1].arguments == {"output": SIREN, "on": False}, "silenced without central"
    await shift.temperature(HOUR_S + 720, HOUR_S + 1200, 12.0)
    await shift.temperature(HOUR_S + 1200, 3 * HOUR_S, 4.0)


def plans_change(shift: Shift, tasks: dict[str, list[Any]], ours: Sequence[str]) -> None:
    """An order is cancelled, a lot recalled, a task answered at a screen, a box taken off the load, a pallet received in the office."""
    shift.at(2 * HOUR_S)
    shift.do(lambda c: service.cancel_order(c, shift.fact(), tasks["SO-03"][0].order_id, shift.now))
    recalled = shift.fact()
    shift.do(lambda c: recalls.recall_lot(c, recalled, Recall("R-1", "i12", "X1"), shift.now))
    twice = tasks["SO-05"][0]
    shift.do(lambda c: confirmations.confirm_together(c, [Confirmation(shift.fact(), twice.id, twice.requested)]))
    shift.carried(twice.item, twice.requested)
    loads = {row.load_id for row in shift.rows(load_package)}
    sent(shift.http, f"loads/{loads.pop()}/packages/{ours[3]}/take-off")
    fact = shift.fact()
    shift.do(lambda c: record(c, fact, shift.now) and inbound.receive_pallet(c, Spot(fact.id, SITE, "office", shift.now), pallet_code(5), None))
    work_lists.work_once(shift.engine, shift.now)


async def at_the_doors(shift: Shift, ours: Sequence[str]) -> None:
    """Forty pallets through two doors, with a power cut in the middle."""
    for n in range(PALLETS_IN):
        if n == PALLETS_IN // 2:
            await shift.dock.power_cut()
        lamps = await shift.drive(3 * HOUR_S + 120 * n, "r1", pallet_code(n), (n, 1000 + n))
        assert lamps == [("r1", GREEN)]
    assert await shift.drive(3.9 * HOUR_S, "r1", pallet_code(77)) == [("r1", RED)]
    for n, sscc in enumerate(ours):
        lamps = await shift.drive(4 * HOUR_S + 60 * n, "r2", sscc)
        assert lamps == [("r2", RED if sscc == ours[-1] else GREEN)]


async def afternoon(shift: Shift) -> None:
    """All lit orders finish, also those that central cancelled; the siren sounds through a power cut."""
    await shift.temperature(3 * HOUR_S, 5 * HOUR_S, 4.0)
    await shift.temperature(5 * HOUR_S, 5 * HOUR_S + 300, 12.0)
    await shift.lit.power_cut()
    cut_s = shift.lit.now_s
    await shift.lit.feel(LinkChanged(device="io", at_s=cut_s + 1, state="connected"))
    assert shift.lit.lamps(cut_s) == [("io", SIREN)], "it sounds again"
    await shift.temperature(shift.lit.now_s + 5, 5 * HOUR_S + 1200, 4.0)
    await shift.lit.feel(InputChanged(device="io", at_s=5 * HOUR_S + 1201, input=3, level=True))
    at_s = 5 * HOUR_S + 1300
    for code in BINS[2:]:
        while await shift.pick(at_s, code, found=1 if code == "L-07" else None):
            at_s += 30
    assert await shift.scan(at_s, gtin_of(1), 1) == [("io", RED)]
    await shift.temperature(max(at_s, 6 * HOUR_S), 8 * HOUR_S, 4.0)
    await shift.dock.until(8 * HOUR_S)


def obey(shift: Shift, tasks: dict[str, list[Any]]) -> None:
    """People do what the work orders say: goods are put back, the short bin is counted."""
    by_id = {task.id: task for mine in tasks.values() for task in mine}
    for row in shift.rows(work_order):
        if row.state == "open" and row.kind in ("pick_after_cancel", "pick_after_move", "pick_twice"):
            task = by_id[row.subject]
            shift.carried(task.item, -task.requested)
    doubtful = Account(f"{SITE}/L-07", "i07", status="inspect")
    shift.do(lambda c: losses.report_loss(c, shift.fact(), Loss(doubtful, 1, "missing"), shift.now))
    shift.truth["i07", "bin"] -= 1  # it was never there


@pytest.mark.parametrize("disorder", ["zone first", "doors first, telemetry first"])
def test_shift_without_central_ends_with_books_that_are_right_and_one_work_order_for_each_conflict(shift: Shift, disorder: str) -> None:
    ours = prepare(shift)
    tasks = shift.tasks_by_order()
    opening = {(task.item, task.bin): shift.in_the_ledger(task.item, task.bin) for mine in tasks.values() for task in mine}
    milk_before = sum(shift.in_the_ledger("milk", code) for code in places(shift))
    before = asyncio.run(whole_shift(shift, ours, disorder))

    assert shift.open_orders() - before == Counter(
        {
            "pick_after_cancel": 2,  # both tasks of SO-03
            "pick_after_move": 1,  # the recalled lot
            "pick_twice": 1,  # answered at a screen
            "pick_short": 1,
            "order_short": 1,  # with it
            "pallet_not_expected": 1,
            "wrong_pallet_unplanned": 2,  # one the lamp stopped, one it could not know of
            "door_lamp_green": 1,
        }
    )
    checks = Counter((row.checked, row.verdict) for row in shift.rows(scan_check))
    assert checks["repeated", "repeated"] == 2
    assert checks["unexpected", "wrong"] == 1
    obey(shift, tasks)
    for (item, code), pieces in opening.items():
        assert shift.in_the_ledger(item, code) == pieces + shift.truth[item, "bin"], item
        assert shift.in_the_ledger(item, "out") == shift.truth[item, "out"], item
    milk = sum(shift.in_the_ledger("milk", code) for code in places(shift))
    assert milk == milk_before + PALLETS_IN * PIECES_PER_PALLET
    assert sum(row.loaded_at is not None for row in shift.rows(load_package)) == PALLETS_OUT - 2

    applied = shift.everything()
    shift.link.again(8 * HOUR_S + 100)
    assert shift.everything() == applied, "nothing is applied twice"
    alarms_are_history(shift)


def places(shift: Shift) -> list[str]:
    return sorted({row.place.partition("/")[2] for row in shift.rows(balance)})


async def whole_shift(shift: Shift, ours: Sequence[str], disorder: str) -> Counter[str]:
    """From the first second to the last event; returns what work orders were open when the link came back."""
    await begin(shift)
    await work_offline(shift, ours)
    before = shift.open_orders()
    gateways = [shift.lit, shift.dock] if disorder == "zone first" else [shift.dock, shift.lit]
    for gateway in gateways:
        await rejoin(shift, gateway, telemetry_first="telemetry" in disorder)
    await afterwards(shift, gateways)
    for gateway in gateways:
        await gateway.store.close()
    return before


async def rejoin(shift: Shift, gateway: OfflineGateway, *, telemetry_first: bool) -> None:
    """The link of one gateway is back."""
    await gateway.until(8 * HOUR_S + 10)
    shift.at(gateway.now_s)
    await shift.link.born(gateway)
    lanes = LANES[::-1] if telemetry_first else LANES
    for lane in lanes:
        await shift.link.up(gateway, lane)
    assert all(gateway.outbox.levels[lane].pending == 0 for lane in lanes)


async def afterwards(shift: Shift, gateways: Sequence[OfflineGateway]) -> None:
    """Central tells the newest lists and puts out what should be dark; nothing burns at the end."""
    work_lists.work_once(shift.engine, shift.now)
    shift.do(lambda c: unanswered.look_after(c, shift.now))
    for gateway in gateways:
        await shift.link.online(gateway)
    zone = shift.lit.stations["zone-l"]
    assert isinstance(zone, PickZoneStation)
    assert zone.lit() == {}


def alarms_are_history(shift: Shift) -> None:
    """The excursions stand where they belong, acknowledged at the gateway; nothing is raised now, and no old sample is a live value."""
    rows = sorted(shift.rows(alarm), key=lambda row: row.raised_at)
    assert [(row.state, row.acknowledged_by) for row in rows if row.condition == "high"] == [("normal", "at the gateway: io input 3")] * 2
    assert {row.state for row in rows} == {"normal"}
    assert [round((row.raised_at - NOW).total_seconds() / HOUR_S) for row in rows if row.condition == "high"] == [1, 5]
    old = [row for row in shift.rows(measurement) if row.measured_at > NOW + timedelta(seconds=60)]
    assert len(old) > 300
    assert all(row.historical for row in old)
    (value,) = shift.rows(sensor_value)
    assert value.measured_at < NOW + timedelta(seconds=60)
