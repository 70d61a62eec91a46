# SPDX-License-Identifier: Apache-2.0
"""Goods without a pallet scanned one after the other: received together in few statements, and no otherwise than one by one. On SQLite and PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import date
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from central.catalog import rules as catalog
from central.catalog.tables import lot
from central.inbound import service
from central.inbound.documents import ShipNotice
from central.inbound.tables import ship_notice_line
from central.ingest.registry import EventContext
from contracts.events import ItemScanned
from contracts.readings import Identifiers
from tests.integration.test_pallets_together import Said, one_by_one, outcome, together
from tests.integration.warehouse import MILK_GTIN, NOW, PEAS_GTIN, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "E12")
KNIVES_GTIN = "00614141000036"
UNKNOWN_GTIN = "00614141999996"


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    house = Warehouse(engine)
    house.keep(catalog.Item(code="knives", gtin=KNIVES_GTIN, name="Knives", tracking="serial"))
    return house


def announce(house: Warehouse, number: str, *lines: dict[str, Any]) -> None:
    notice = ShipNotice.model_validate({"number": number, "site": SITE, "supplier": "dairy", "pallets": [], "lines": lines})
    house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, number), notice, house.now))


def said_of(house: Warehouse, scans: list[Identifiers]) -> Said:
    """Scans at a receiving point, as ingest hands them over."""
    said = []
    for n, identifiers in enumerate(scans, start=1):
        scanned = ItemScanned(event_time=NOW, station="scan-1", text=f"{identifiers.gtin}/{identifiers.lot}", identifiers=identifiers, seq=n)
        said.append((EventContext(str(uuid.UUID(int=n)), SITE, "gate-1", "epoch", "movements", n, house.now), scanned))
    return said


def anything(random: Random) -> Identifiers:
    gtin, lots = random.choice(((MILK_GTIN, ("L1", "L2", "recalled", "L9")), (PEAS_GTIN, ("", "", "P1")), (KNIVES_GTIN, ("",)), (UNKNOWN_GTIN, ("",))))
    expiry = random.choice((None, None, None, "2026-12-24", "2027-01-01"))
    return Identifiers(gtin=gtin, lot=random.choice(lots) or None, expiry=expiry, count=random.choice((None, 2, 5)))


@pytest.mark.parametrize("seed", range(6))
def test_scans_together_come_to_the_same_as_one_by_one(house: Warehouse, seed: int) -> None:
    random = Random(seed)
    announce(
        house, "ASN-1", {"item": "milk", "lot": "L1", "expiry": "2026-12-24", "quantity": 7}, {"item": "peas", "quantity": 9}, {"item": "knives", "quantity": 4}
    )
    announce(house, "ASN-2", {"item": "milk", "lot": "L1", "quantity": 12}, {"item": "milk", "lot": "L2", "quantity": 6})
    announce(
        house,
        "ASN-3",
        {"item": "milk", "lot": "recalled", "quantity": 6},
        {"item": "milk", "lot": "L2", "quantity": 8, **({"serials": ["1", "2"]} if seed == 5 else {})},
    )
    house.do(lambda c: c.execute(update(lot).where(lot.c.lot == "recalled").values(held=True)))
    said = said_of(house, [each for _ in range(40) if (each := anything(random)).gtin != UNKNOWN_GTIN])

    alone = outcome(house, said, one_by_one(said))
    at_once = outcome(house, said, together(said), keep=True)

    assert at_once == alone
    assert len(at_once["entry"]) > 10
    house.assert_sound()


def test_plain_scans_take_no_more_statements_when_they_are_many(house: Warehouse) -> None:
    announce(house, "ASN-1", {"item": "milk", "lot": "L1", "quantity": 1000}, {"item": "peas", "quantity": 1000})
    counts = []
    for many in (10, 60):
        said = said_of(house, [Identifiers(gtin=MILK_GTIN, lot="L1") if n % 2 else Identifiers(gtin=PEAS_GTIN) for n in range(many)])
        statements: list[str] = []

        def counted(_c: Any, _cursor: Any, statement: str, *_: Any, said_so: list[str] = statements) -> None:
            said_so.append(statement)

        event.listen(house.engine, "before_cursor_execute", counted)
        outcome(house, said, lambda c, said=said: together_in_inbound(c, said))  # type: ignore[misc]
        event.remove(house.engine, "before_cursor_execute", counted)
        counts.append(len(statements) - many)

    assert counts[0] == counts[1]


def together_in_inbound(connection: Any, said: Said) -> None:
    from central.inbound.handlers import items_scanned

    items_scanned(connection, said)


def test_second_day_of_use_of_a_lot_is_asked_about_and_ends_what_is_plain(house: Warehouse) -> None:
    announce(house, "ASN-1", {"item": "milk", "lot": "L1", "expiry": "2026-12-24", "quantity": 10})
    said = said_of(house, [Identifiers(gtin=MILK_GTIN, lot="L1", expiry=day) for day in ("2026-12-24", "2027-01-01", "2026-12-24")])

    at_once = outcome(house, said, together(said), keep=True)

    assert [row.received for row in house.rows(ship_notice_line)] == [3]
    assert house.asked() == ["lot_expiry_differs"]
    assert [row.expiry for row in house.rows(lot)] == [date(2026, 12, 24)]
    assert len(at_once["entry"]) == 6
