# SPDX-License-Identifier: Apache-2.0
"""A small warehouse for tests of use cases: its catalog, and a way to let events happen to it as ingest would."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest
from pydantic import BaseModel
from sqlalchemy import Connection, Engine, Table, select

from central.catalog import rules as catalog
from central.catalog import service as catalog_service
from central.database import in_transaction, reading
from central.exceptions.tables import work_order
from central.facts import fact_of
from central.fleet.service import enrol
from central.fleet.tables import command as command_table
from central.ingest.registry import EventContext, collect_handlers
from central.ledger.service import Fact, record
from central.ledger.tables import balance
from central.ledger.verify import verify
from central.stock import moves
from contracts import wire
from contracts.events import Event, lane_of
from contracts.topics import GatewayAddress

T = TypeVar("T")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what is decided in Python: the statements that they run are run on PostgreSQL by others beside them."""
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SITE = "s1"
MILK_GTIN = "00614141000012"
PEAS_GTIN = "00614141000029"
PALLET = "006141411234567890"
PALLET_URI = "urn:epc:id:sscc:0614141.0123456789"


class Warehouse:
    """Site s1: chilled milk (250 g, storage cool-1 in room cold-1, bins A-01 and A-02 in lit zone A) and ambient peas (bin B-01, picked from the list)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW
        self._seq = itertools.count(1)
        self._handlers = collect_handlers()
        self._furnish()

    def _furnish(self) -> None:
        self.do(lambda c: enrol(c, GatewayAddress(1, SITE, "gate-1"), self.now))
        self.keep(catalog.Partner(code="dairy", name="Dairy", kind="supplier"), catalog.Partner(code="shop", name="Shop", kind="customer"))
        milk = catalog.Item(code="milk", gtin=MILK_GTIN, name="Milk", unit_weight_g=250, condition="chilled", supplier="dairy")
        self.keep(milk, catalog.Item(code="peas", gtin=PEAS_GTIN, name="Peas", unit_weight_g=400))
        self.keep(
            catalog.Location(site=SITE, code="A-01", kind="bin", condition="chilled", zone="A", pick_rank=1, cold_room="cold-2"),
            catalog.Location(site=SITE, code="A-02", kind="bin", condition="chilled", zone="A", pick_rank=2, cold_room="cold-2"),
            catalog.Location(site=SITE, code="B-01", kind="bin", zone="B", pick_rank=3),
            catalog.Location(site=SITE, code="cool-1", kind="storage", condition="chilled", cold_room="cold-1"),
            catalog.Location(site=SITE, code="rack-1", kind="storage"),
            catalog.Location(site=SITE, code="out", kind="stage"),
        )
        self.keep(catalog.Zone(site=SITE, id="A", gateway="gate-1", station="zone-a"), catalog.Zone(site=SITE, id="B"))

    def do(self, work: Callable[[Connection], T]) -> T:
        """One use case in its transaction, again when the database was busy."""
        return in_transaction(self.engine, work)

    def keep(self, *rows: catalog.Row) -> None:
        """Put rows of one kind into the catalog."""
        self.do(lambda c: catalog_service.keep(c, rows))

    def fact(self, kind: str = "Test", body: BaseModel | None = None, key: str = "") -> Fact:
        """A new fact, or the one of a document's key."""
        if body is not None:
            return fact_of(kind, (key,), body, "tester", self.now, SITE)
        return Fact(str(uuid.uuid4()), "test", None, kind, b"{}", "tester", self.now, SITE)

    def fill(self) -> None:
        """Ten milk of an early lot in A-01, ten of a later one in A-02, five peas in B-01."""
        self.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
        self.put("A-02", "milk", 10, "L2", date(2026, 12, 9))
        self.put("B-01", "peas", 5)

    def put(self, code: str, item: str, quantity: int, lot: str = "", expiry: date | None = None) -> None:
        """Opening stock at a location."""
        self.do(lambda c: moves.correct_stock(c, self.fact(), [moves.Correction(f"{SITE}/{code}", item, quantity, lot, expiry)], self.now))

    def happen(self, event: Event, *, site: str = SITE) -> str:
        """Let an event of gateway gate-1 happen, as ingest hands it over; returns the id of its fact."""
        seq = next(self._seq)
        event = msgspec.structs.replace(event, seq=seq)
        fact = Fact(str(uuid.uuid4()), "gate-1/epoch", seq, type(event).__name__, wire.encode(event), "gate-1", event.event_time, site)
        context = EventContext(fact.id, site, "gate-1", "epoch", lane_of(event), seq, self.now)

        def apply(connection: Connection) -> None:
            record(connection, fact, self.now)
            for handler in self._handlers.get(type(event), ()):
                handler(connection, context, event)

        self.do(apply)
        return fact.id

    def later(self, seconds: float) -> datetime:
        """Let time pass; returns the new now."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def rows(self, table: Table) -> list[Any]:
        """All rows of a table in the order of its key."""
        with reading(self.engine) as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key.columns)))

    def stock(self) -> dict[str, tuple[int, int]]:
        """(on hand, reserved) by `code item lot status`, blanks left out."""
        return {
            " ".join(part for part in (row.place.partition("/")[2], row.item, row.lot, "" if row.status == "available" else row.status) if part): (
                row.on_hand,
                row.reserved,
            )
            for row in self.rows(balance)
        }

    def asked(self, state: str = "open") -> Sequence[str]:
        """Kinds of the work orders in that state, oldest first."""
        return [row.kind for row in self.rows(work_order) if row.state == state]

    def assert_sound(self) -> None:
        """Everything in the ledger adds up."""
        with reading(self.engine) as connection:
            assert verify(connection).texts() == []

    def commands(self, kind: str) -> list[Any]:
        """Commands of a kind sent to gateways, decoded."""
        return [wire.decode_command(row.body) for row in self.rows(command_table) if row.kind == kind]
