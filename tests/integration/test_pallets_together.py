# SPDX-License-Identifier: Apache-2.0
"""Pallets scanned, or passing a door, one after the other: received together in few statements, and no otherwise than one by one. On SQLite and PostgreSQL."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, event, select, update

from central.catalog.tables import lot
from central.database import transaction
from central.exceptions.tables import work_order
from central.inbound import service
from central.inbound.documents import ShipNotice
from central.inbound.tables import discrepancy, passage, receipt, ship_notice, ship_notice_case, ship_notice_line
from central.ingest.registry import EventContext, collect_handlers, collect_many
from central.ledger.service import Fact, record
from central.ledger.tables import balance, entry, handling_unit
from contracts.events import ItemScanned, PalletPassed
from contracts.identifiers import check_digit, sgtin_uri
from contracts.readings import Identifiers
from tests.integration.warehouse import MILK_GTIN, NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "E12", "X1")

Said = Sequence[tuple[EventContext, Any]]


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


def sscc(number: int) -> str:
    payload = f"0061414{number:010d}"
    return payload + str(check_digit(payload))


def milk(quantity: int = 48, lot_code: str = "L1", **more: Any) -> dict[str, Any]:
    return {"item": "milk", "lot": lot_code, "quantity": quantity, **more}


def announce(house: Warehouse, number: str, pallets: dict[int, list[dict[str, Any]]], site: str = SITE) -> None:
    document = {"number": number, "site": site, "supplier": "dairy", "pallets": [{"sscc": sscc(each), "lines": lines} for each, lines in pallets.items()]}
    notice = ShipNotice.model_validate(document)
    house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, number), notice, house.now))


def scans(house: Warehouse, what: Iterable[tuple[str, str]]) -> Said:
    """Facts of scans, each (SSCC, business step), recorded as ingest does before it hands them over."""
    said = []
    for n, (code, step) in enumerate(what, start=1):
        scanned = ItemScanned(event_time=NOW, station="scan-1", text=f"00{code}", identifiers=Identifiers(sscc=code), biz_step=step, seq=n)
        said.append((EventContext(str(uuid.UUID(int=n)), SITE, "gate-1", "epoch", "movements", n, house.now), scanned))
    return said


class UndoneError(Exception):
    """Ends a transaction of which nothing shall stay."""


def outcome(house: Warehouse, said: Said, apply: Callable[[Connection], None], *, keep: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """What these scans make of the tables, without numbers that a database gives."""
    shown: dict[str, list[tuple[Any, ...]]] = {}
    with suppress(UndoneError), transaction(house.engine) as connection:
        for context, each in said:
            record(connection, Fact(context.fact_id, "gate-2/epoch", context.seq, type(each).__name__, b"{}", "gate-1", NOW, SITE), house.now)
        apply(connection)
        for table in (balance, entry, handling_unit, receipt, ship_notice, ship_notice_line, ship_notice_case, work_order, discrepancy, passage):
            shown[table.name] = content(connection, table)
        if not keep:
            raise UndoneError
    return shown


def content(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    # The evidence says how often tags were read until then, and together the plain pallets come first.
    columns = [column for column in table.columns if column.name not in ("id", "work_order", "turn", "position", "evidence")]
    return sorted((tuple(str(value) for value in row) for row in connection.execute(select(*columns))), key=str)


def one_by_one(said: Said) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        for context, each in said:
            for handler in collect_handlers()[type(each)]:
                handler(connection, context, each)

    return apply


def together(said: Said) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        for handler in collect_many()[type(said[0][1])].values():
            handler(connection, said)

    return apply


def test_pallets_together_come_to_the_same_as_one_by_one(house: Warehouse) -> None:
    announce(house, "ASN-1", {1: [milk()], 2: [milk(12, "L2"), {"item": "peas", "quantity": 7}], 3: [{"item": "peas", "quantity": 5}, milk(3)]})
    announce(house, "ASN-2", {4: [milk(serials=["1", "2"])], 5: [milk(case_ssccs=[sscc(51), sscc(52)])], 6: [milk()]})
    announce(house, "ASN-3", {7: [milk(9, "recalled")], 8: [milk()], 9: [milk(), milk(4)]})
    announce(house, "ASN-4", {10: [milk()]}, site="s2")
    house.do(lambda c: c.execute(update(lot).where(lot.c.lot == "recalled").values(held=True)))
    house.happen(PalletPassed(event_time=NOW, station="door-3", read_point="door-3", direction="unknown", confidence=0.1, parent_id=uri_of(8)))
    house.happen(ItemScanned(event_time=NOW, station="scan-1", text="", identifiers=Identifiers(sscc=sscc(6))))
    what = [(sscc(n), "receiving") for n in (1, 6, 10, 2, 3, 3, 4, 99, 5, 7, 8, 1)] + [(sscc(9), "loading"), (sscc(9), "receiving")]
    said = scans(house, what)

    alone = outcome(house, said, one_by_one(said))
    at_once = outcome(house, said, together(said), keep=True)

    assert at_once == alone
    assert len(at_once["receipt"]) == 9
    house.assert_sound()


def passages(house: Warehouse, what: Iterable[tuple[int, Sequence[str], dict[str, Any]]]) -> Said:
    """As `scans`, of pallets that pass a door: each (number, serials of milk seen, what else is otherwise)."""
    said = []
    for n, (number, serials, changes) in enumerate(what, start=1):
        fields: dict[str, Any] = {"station": "door-3", "read_point": "door-3", "direction": "in", "confidence": 0.99, "parent_id": uri_of(number)}
        fields["child_epcs"] = [sgtin_uri(MILK_GTIN, serial, 7) for serial in serials]
        passed = PalletPassed(event_time=NOW, seq=n, **(fields | changes))
        said.append((EventContext(str(uuid.UUID(int=n)), SITE, "gate-1", "epoch", "movements", n, house.now), passed))
    return said


@pytest.mark.requirement("R18", "R21", "E4")
def test_pallets_through_a_door_together_come_to_the_same_as_one_by_one(house: Warehouse) -> None:
    announce(house, "ASN-1", {1: [milk(serials=["1", "2"])], 2: [milk(serials=["3", "4"])], 3: [milk(serials=["5", "6"]), {"item": "peas", "quantity": 5}]})
    announce(house, "ASN-2", {4: [milk()], 5: [milk(case_ssccs=[sscc(51), sscc(52)])], 6: [milk(serials=["7", "8"])], 7: [milk(9, "recalled")]})
    announce(house, "ASN-3", {8: [milk(serials=["9", "10"])], 9: [milk()], 11: [milk()], 12: [milk(lot_code="L9", serials=["1", "2"])]})
    announce(house, "ASN-4", {10: [milk()]}, site="s2")
    house.do(lambda c: c.execute(update(lot).where(lot.c.lot == "recalled").values(held=True)))
    both: dict[str, Any] = {"parent_id": None, "other_parents": [uri_of(9), uri_of(8)]}
    what: list[tuple[int, Sequence[str], dict[str, Any]]] = [
        (1, ["1", "2"], {}),
        (2, ["3"], {}),
        (3, ["6", "5"], {"stray_epcs": [sgtin_uri(MILK_GTIN, "99", 7)]}),
        (4, ["20", "21"], {}),
        (5, [], {}),
        (6, ["7", "8", "77"], {}),
        (7, [], {}),
        (8, ["9", "10"], {"direction": "unknown"}),
        (8, ["9", "10"], {}),
        (9, [], both),
        (10, [], {}),
        (1, ["1", "2"], {}),
        (1, ["1", "2"], {"direction": "out"}),
        (11, [], {"biz_step": "loading"}),
        (99, [], {}),
        (0, ["30"], {"parent_id": None}),
        (12, ["1", "2"], {}),
    ]
    said = passages(house, what)

    alone = outcome(house, said, one_by_one(said))
    at_once = outcome(house, said, together(said), keep=True)

    assert at_once == alone
    assert len(at_once["receipt"]) == 9
    assert len(at_once["passage"]) == len(what)
    house.assert_sound()


def uri_of(number: int) -> str:
    digits = sscc(number)
    return f"urn:epc:id:sscc:{digits[1:8]}.{digits[0]}{digits[8:17]}"


@pytest.mark.parametrize("door", [False, True])
def test_statements_do_not_grow_with_the_pallets(house: Warehouse, door: bool) -> None:
    numbered = itertools.count(1)
    counts = []
    for many in (2, 6):
        pallets = {next(numbered): [milk()] for _ in range(many)}
        announce(house, f"ASN-{many}", pallets)
        said = passages(house, [(each, [], {}) for each in pallets]) if door else scans(house, [(sscc(each), "receiving") for each in pallets])
        counts.append(statements(house, said))
    assert counts[0] == counts[1]


def statements(house: Warehouse, said: Said) -> int:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    def apply(connection: Connection) -> None:
        event.listen(house.engine, "before_cursor_execute", note)
        try:
            together(said)(connection)
        finally:
            event.remove(house.engine, "before_cursor_execute", note)

    outcome(house, said, apply)
    return len(seen)
