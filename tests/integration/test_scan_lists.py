# SPDX-License-Identifier: Apache-2.0
"""What is expected at scan points: how gateways are told, and what becomes of scans. The same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, update

from central.catalog import rules as catalog
from central.catalog.tables import lot
from central.exceptions.tables import work_order
from central.fleet.service import enrol
from central.fleet.tables import command, gateway
from central.outbound import service
from central.outbound.tables import pick_task
from central.shipping import scan_lists, scan_rules
from central.shipping.tables import scan_check
from contracts.commands import ScanWork
from contracts.events import CommandAnswered, ItemScanned, PickConfirmed, WeightRecorded
from contracts.quantities import Quantity
from contracts.readings import Identifiers, Scan
from contracts.topics import GatewayAddress
from gateway.stations.scan_checks import ScanChecks
from tests.integration.dock_yard import pallet_code
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.test_doors_that_load import boxes, package_of_order, plan
from tests.integration.test_shipping_packages import picked_order
from tests.integration.test_use_case_orders import release, tasks
from tests.integration.warehouse import MILK_GTIN, ON_SQLITE, PALLET, PEAS_GTIN, SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E13")]

CASE = "10614141000019"


class House(Warehouse):
    """The small warehouse with scan points; a gateway's counting is done by the gateway's own code."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.checks: dict[str, ScanChecks] = {}
        self.keep(catalog.Packaging(item="milk", code="case", quantity=6, gtin=CASE))
        self.fill()

    def told(self) -> int:
        """A round of lists; what is sent is taken by the gateway."""
        count = scan_lists.work_once(self.engine, self.now)
        for row in self.rows(command):
            if row.kind == "ScanWork" and row.state == "pending":
                work = next(each for each in self.commands("ScanWork") if each.command_id == row.id)
                self.checks.setdefault(work.station, ScanChecks()).take_list(work)
                self.happen(CommandAnswered(event_time=self.now, station=work.station, command_id=row.id, outcome="done"))
        return count

    def scanned(self, station: str, text: str, *, arrive: bool = True, **said: Any) -> ItemScanned:
        """Somebody scans at a station; the event, which central hears of unless it is kept back."""
        identifiers = Identifiers(sscc=text) if len(text) == 18 else Identifiers(gtin=text, **said)
        scan = Scan(device="k", at_s=0.0, text=text, identifiers=identifiers)
        checks = self.checks.setdefault(station, ScanChecks())
        verdict = checks.judge(scan)
        checks.count(verdict, scan)
        event = ItemScanned(
            event_time=self.later(1),
            station=station,
            text=text,
            identifiers=identifiers,
            biz_step=STEPS.get(station, "packing"),
            checked=verdict.checked,
            work_version=verdict.version,
            line=verdict.line,
            quantity=verdict.pieces,
            task=verdict.task,
            order=verdict.order,
        )
        if arrive:
            self.happen(event)
        return event

    def verdicts(self) -> list[tuple[str, str, str]]:
        rows = sorted(self.rows(scan_check), key=lambda row: row.scanned_at)
        return [(row.checked, row.verdict, row.reason) for row in rows]

    def words(self, kind: str) -> list[str]:
        return [row.message for row in self.rows(work_order) if row.kind == kind]


STEPS = {"gate-in": "receiving", "gate-out": "shipping"}


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    house = House(engine)
    yield house
    house.assert_sound()


@pytest.fixture
def http(house: House) -> Http:
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    return http


def point(http: Http, station: str = "pack-1", **body: Any) -> Any:
    answer = http.put(f"scan-points/{SITE}/{station}", json={"gateway": "gate-1", "purpose": "picking"} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_goods_of_orders_are_expected_until_they_were_scanned_and_twice_is_asked_about(http: Http, house: House) -> None:
    release(house, ("milk", 12), ship_when="asked")
    early, late = tasks(house)["A-01"], tasks(house)["A-02"]
    assert point(http)["list_state"] == "none"
    point(http, "pack-2")

    assert (house.told(), house.told()) == (2, 0)
    (work, _) = house.commands("ScanWork")
    assert isinstance(work, ScanWork)
    assert work.expected is not None
    assert [(line.line, line.quantity, line.lot, line.order, line.codes) for line in work.expected] == [
        (early, 10, "L1", "1001", {MILK_GTIN: 1, CASE: 6, "milk": 1}),
        (late, 2, "L2", "1001", {MILK_GTIN: 1, CASE: 6, "milk": 1}),
    ]
    assert got(http, f"scan-points/{SITE}/pack-1")["list_state"] == "newest"

    house.scanned("pack-1", CASE, lot="L1")
    house.scanned("pack-1", MILK_GTIN, lot="L2")
    assert house.told() == 1, "the other table is told what was scanned here; this one knows it"
    house.scanned("pack-2", CASE, lot="L1")
    house.scanned("pack-2", MILK_GTIN, lot="L2", count=2)
    house.scanned("pack-2", MILK_GTIN, lot="L9")
    house.scanned("pack-2", PEAS_GTIN)
    assert house.verdicts() == [
        ("expected", "right", ""),
        ("expected", "right", ""),
        ("repeated", "repeated", "scan_twice"),
        ("repeated", "repeated", "scan_twice"),
        ("unexpected", "wrong", "scan_unplanned"),
        ("unexpected", "wrong", "scan_unplanned"),
    ]
    assert house.asked() == [], "lamp and plan agree: a person saw it"

    blind = house.scanned("pack-2", MILK_GTIN, lot="L1", count=4, arrive=False)
    house.scanned("pack-1", MILK_GTIN, lot="L1", count=4)
    house.happen(blind)
    assert house.asked() == ["scan_twice"]
    assert "pack-2: 4 of item milk lot L1 were scanned for order 1001 although 10 of its 10 were scanned before at pack-1" in house.words("scan_twice")[0]
    shown = got(http, f"scan-points/{SITE}/pack-1/list")["expected"]
    assert [(line["quantity"], line["here"], line["elsewhere"]) for line in shown] == [(10, 10, 0), (2, 1, 0)]


def test_scan_of_goods_whose_order_was_cancelled_meanwhile_says_what_stands_where_once(http: Http, house: House) -> None:
    order_id = release(house, ("milk", 3), ship_when="asked")
    point(http)
    house.told()
    house.do(lambda c: service.cancel_order(c, house.fact(), order_id, house.now))

    house.scanned("pack-1", MILK_GTIN, lot="L1")
    house.scanned("pack-1", MILK_GTIN, lot="L1")

    assert house.asked().count("scan_after_cancel") == 1
    assert house.words("scan_after_cancel") == [
        "pack-1: 1 of item milk lot L1 were scanned for order 1001, which was cancelled meanwhile; they stand at pack-1, bring them back to A-01"
    ]
    assert house.told() == 1
    house.scanned("pack-1", MILK_GTIN, lot="L1")
    assert house.verdicts()[-1] == ("unexpected", "wrong", "scan_unplanned")


def test_goods_that_were_answered_at_a_light_after_the_order_was_cancelled_are_asked_about_only_once(http: Http, house: House) -> None:
    release(house, ("milk", 3), ship_when="asked")
    point(http)
    house.told()
    (task,) = house.rows(pick_task)
    house.do(lambda c: service.cancel_order(c, house.fact(), task.order_id, house.now))

    house.happen(PickConfirmed(event_time=house.now, station="zone-a", task_id=task.id, quantity=Quantity(3), requested=Quantity(3)))
    house.scanned("pack-1", MILK_GTIN, lot="L1", count=3)

    assert house.asked() == ["pick_after_cancel"]


@ON_SQLITE
def test_scan_of_a_blocked_lot_is_set_aside_and_a_scan_that_was_stopped_wrongly_may_go_on(http: Http, house: House) -> None:
    release(house, ("milk", 12), ship_when="asked")
    point(http)
    house.told()
    house.do(lambda c: c.execute(update(lot).where(lot.c.lot == "L1").values(held=True)))
    house.scanned("pack-1", MILK_GTIN, lot="L1")
    release(house, ("peas", 2), number="1002", ship_when="asked")
    house.scanned("pack-1", PEAS_GTIN)

    assert [kind for kind in house.asked() if kind.startswith("scan")] == ["scan_lot_blocked", "scan_lamp_red"]
    assert "set them aside at pack-1" in house.words("scan_lot_blocked")[0]
    house.told()
    house.scanned("pack-1", MILK_GTIN, lot="L1")
    assert house.verdicts() == [("expected", "wrong", "scan_lot_blocked"), ("unexpected", "right", ""), ("unexpected", "wrong", "scan_lot_blocked")]


def test_exit_of_a_zone_expects_only_what_is_picked_there(http: Http, house: House) -> None:
    release(house, ("milk", 1), ("peas", 1), ship_when="asked")
    point(http, "exit-a", zone="A")
    house.told()

    house.scanned("exit-a", PEAS_GTIN)
    house.scanned("exit-a", "milk")

    assert [checked for checked, _, _ in house.verdicts()] == ["unexpected", "expected"]


def test_announced_pallets_are_expected_where_goods_are_received_and_known_when_they_come_again(http: Http, house: House) -> None:
    line = {"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-01", "quantity": 12}
    loose = {"gtin": PEAS_GTIN, "quantity": 3}
    document = {"number": "ASN-1", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [line]}], "lines": [loose]}
    sent(http, "ship-notices", document)
    point(http, "gate-in", purpose="receiving")
    house.told()

    for _ in range(2):
        house.scanned("gate-in", PALLET)
    house.scanned("gate-in", PEAS_GTIN, count=2)
    house.scanned("gate-in", pallet_code(77))

    assert [checked for checked, _, _ in house.verdicts()] == ["expected", "repeated", "expected", "unexpected"]
    assert house.told() == 0, "what came here the gateway knows itself"
    shown = got(http, f"scan-points/{SITE}/gate-in/list")["expected"]
    assert [(each["quantity"], each["here"], each["elsewhere"]) for each in shown] == [(1, 1, 0), (3, 2, 0)]
    assert "scan_lamp_red" not in house.asked()


def test_packages_that_may_leave_are_expected_at_the_exit(http: Http, house: House) -> None:
    first, second = boxes(http, house, 2)
    plan(http, "L-1", second, door="door-9")
    point(http, "gate-out", purpose="shipping")
    house.told()

    for sscc in (first, first, second):
        house.scanned("gate-out", sscc)
    late = package_of_order(http, picked_order(http, house, ("milk", 1), number="999"))
    house.scanned("gate-out", late)

    assert [checked for checked, _, _ in house.verdicts()] == ["expected", "repeated", "unexpected", "unexpected"]
    assert house.asked() == ["package_not_ready", "scan_lamp_red"]
    assert f"{late} by list" in house.words("scan_lamp_red")[0]


@ON_SQLITE
def test_weigh_point_with_a_scanner_has_a_list_too(http: Http, house: House) -> None:
    release(house, ("milk", 1), ship_when="asked")
    (task,) = house.rows(pick_task)
    point(http, "scale-1")
    house.told()

    house.happen(
        WeightRecorded(
            event_time=house.now, station="scale-1", value="250", unit="g", weight_mg=250_000, text="S S", subject=Identifiers(gtin=MILK_GTIN),
            subject_text=MILK_GTIN, checked="expected", work_version=1, task=task.id,
        )
    )  # fmt: skip

    assert house.verdicts() == [("expected", "right", "")]


@ON_SQLITE
def test_gateway_that_does_not_take_lists_or_is_unknown_is_told_of(http: Http, house: House) -> None:
    point(http)
    point(http, "pack-2", gateway="")
    assert scan_lists.work_once(house.engine, house.now) == 1
    (work,) = house.commands("ScanWork")
    house.happen(CommandAnswered(event_time=house.now, station="pack-1", command_id=work.command_id, outcome="refused", reason="no such command"))

    states = {row["station"]: row["list_state"] for row in got(http, f"scan-points?site={SITE}")["items"]}
    assert (states, house.asked()) == ({"pack-1": "refused", "pack-2": "no_gateway"}, ["scans_not_checked"])
    house.scanned("pack-2", MILK_GTIN)
    assert got(http, f"scan-points/{SITE}/pack-2")["gateway"] == "gate-1"
    house.do(lambda c: c.execute(update(gateway).where(gateway.c.id == "gate-1").values(epoch="another")))
    house.told()
    assert "scans_not_checked" not in house.asked()


@ON_SQLITE
def test_list_that_is_too_long_is_not_cut_short(http: Http, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_rules, "LINES_MAX", 1)
    release(house, ("milk", 12), ship_when="asked")
    point(http)
    house.told()

    (work,) = house.commands("ScanWork")
    assert (work.expected, got(http, f"scan-points/{SITE}/pack-1")["list_state"]) == (None, "too_long")
    assert got(http, f"scan-points/{SITE}/pack-1/list")["expected"] is None
    assert "scan_list_long" in house.asked()


@ON_SQLITE
def test_scan_point_that_does_not_exist_says_how_to_set_it_up(http: Http, house: House) -> None:
    assert http.get(f"scan-points/{SITE}/nowhere").status_code == 404
    assert http.put(f"scan-points/{SITE}/x", json={"gateway": "gate-77", "purpose": "none"}).status_code == 404
    assert http.put(f"scan-points/{SITE}/x", json={"purpose": "shipping", "zone": "A"}).status_code == 422
    house.do(lambda c: enrol(c, GatewayAddress(1, SITE, "gate-2"), house.now))
    assert point(http, gateway="gate-2")["gateway"] == "gate-2"
    assert point(http, gateway="", purpose="none")["gateway"] == "gate-2"
