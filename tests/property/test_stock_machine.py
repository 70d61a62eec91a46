# SPDX-License-Identifier: Apache-2.0
"""No sequence of stock's use cases loses quantity, makes any negative, or parts units from their goods; doing it all again gives the same hash.

A hypothesis machine over the real use cases on SQLite, against a plain model: what came in, what went out, what stands where by item.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Engine, func, select

from benchmarks.stress import audit
from benchmarks.stress.operations import Operation, World, apply
from central.database import open_engine, reading, transaction
from central.ledger import serials, units
from central.ledger.tables import balance, entry
from central.ledger.verify import verify
from central.migrations import upgrade

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.requirement("R21", "R24", "R25", "R32", "X1", "X3", "X6")]
WORLD = World(items=2, lots=2, bins=2)
ITEMS, PLACES = st.sampled_from(WORLD.codes), st.sampled_from(WORLD.places)
LOTS, PALLETS = st.sampled_from(("L0", "L1")), st.sampled_from(("pallet-0", "pallet-1"))
QUANTITIES = st.integers(1, 15)
_folder = Path(tempfile.mkdtemp(prefix="dockline-stock-machine-"))


def _database(furnished: bool) -> Engine:
    """A new database: migrated, and furnished if wanted."""
    template = _folder / f"template-{furnished}.db"
    if not template.exists():
        made = open_engine(f"sqlite:///{template}")
        upgrade(made)
        if furnished:
            with transaction(made) as connection:
                WORLD.furnish(connection)
        with made.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        made.dispose()
    file = _folder / f"{uuid.uuid4()}.db"
    shutil.copy(template, file)
    return open_engine(f"sqlite:///{file}")


class StockMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.engine = _database(furnished=True)
        self.done: list[Operation] = []
        self.acknowledged: dict[int, str] = {}
        self.orders: list[int] = []
        self.transfers: list[int] = []
        self.recalls: list[int] = []
        self.received: Counter[str] = Counter()

    def teardown(self) -> None:
        try:
            if self.done:
                found = audit.examine(self.engine, self.done, self.acknowledged)
                assert found.findings == []
                again = _database(furnished=False)
                applied = [each for each in self.done if self.acknowledged[each.number] == "applied"]
                assert audit.replay(again, WORLD, applied, at_once=20) == found.figures["hash"]
                again.dispose()
        finally:
            self.engine.dispose()

    def _do(self, what: str, **params: Any) -> str:
        operation = Operation(len(self.done) + 1, what, params)
        with transaction(self.engine) as connection:
            said = apply(connection, operation)
        self.done.append(operation)
        self.acknowledged[operation.number] = said
        return said

    @rule(item=ITEMS, lot=LOTS, place=PLACES, quantity=st.integers(5, 40))
    def receive(self, item: str, lot: str, place: str, quantity: int) -> None:
        assert self._do("receive", item=item, lot=lot, place=place, quantity=quantity) == "applied"
        self.received[item] += quantity

    @rule(lines=st.lists(st.tuples(ITEMS, QUANTITIES), min_size=1, max_size=2, unique_by=lambda line: line[0]))
    def order(self, lines: list[tuple[str, int]]) -> None:
        assert self._do("order", lines=[list(line) for line in lines]) == "applied"
        self.orders.append(len(self.done))

    @precondition(lambda self: self.orders)
    @rule(which=st.integers(0, 50), keep=st.booleans(), cancelled=st.booleans())
    def answer(self, which: int, keep: bool, cancelled: bool) -> None:
        number = self.orders[which % len(self.orders)]
        if not keep:
            self.orders.remove(number)
        assert self._do("cancel" if cancelled else "pick", follows=number) == "applied"

    @rule(item=ITEMS, lot=LOTS, place=PLACES, to=PLACES, quantity=QUANTITIES, along=st.booleans())
    def move(self, **params: Any) -> None:
        self._do("move", **params)

    @rule(item=ITEMS, lot=LOTS, place=PLACES, quantity=QUANTITIES, unit=PALLETS)
    def load(self, **params: Any) -> None:
        self._do("load", **params)

    @rule(unit=PALLETS, to=PLACES, along=st.booleans())
    def drive(self, **params: Any) -> None:
        self._do("drive", **params)

    @rule(
        item=ITEMS,
        lot=LOTS,
        place=PLACES,
        quantity=QUANTITIES,
        came=st.sampled_from(("available", "hold")),
        to=st.sampled_from(("hold", "available", "damaged")),
    )
    def judge(self, came: str, **params: Any) -> None:
        self._do("status", **params | {"from": came})

    @rule(item=ITEMS, lot=LOTS, place=PLACES, quantity=QUANTITIES)
    def lose(self, **params: Any) -> None:
        self._do("lose", **params)

    @rule(lines=st.lists(st.tuples(ITEMS, QUANTITIES), min_size=1, max_size=2, unique_by=lambda line: line[0]))
    def transfer(self, lines: list[tuple[str, int]]) -> None:
        if self._do("transfer", lines=[list(line) for line in lines]) == "applied":
            self.transfers.append(len(self.done))

    @precondition(lambda self: self.transfers)
    @rule()
    def arrive(self) -> None:
        assert self._do("arrive", follows=self.transfers.pop(0)) == "applied"

    @rule(quantity=st.integers(1, 3))
    def assemble(self, quantity: int) -> None:
        self._do("assemble", quantity=quantity)

    @rule(item=ITEMS, lot=LOTS)
    def recall(self, item: str, lot: str) -> None:
        if self._do("recall", item=item, lot=lot, place="", quantity=0) == "applied":
            self.recalls.append(len(self.done))

    @precondition(lambda self: self.recalls)
    @rule()
    def release(self) -> None:
        assert self._do("release", follows=self.recalls.pop(0)) == "applied"

    @precondition(lambda self: self.done)
    @rule(which=st.integers(0, 1000))
    def again(self, which: int) -> None:
        with transaction(self.engine) as connection:
            before = audit.state_hash(connection)
            assert apply(connection, self.done[which % len(self.done)]) == "repeated"
            assert audit.state_hash(connection) == before

    @invariant()
    def nothing_is_lost_negative_or_apart(self) -> None:
        with reading(self.engine) as connection:
            assert verify(connection).texts() == []
            assert [*units.check(connection), *serials.check(connection)] == []
            assert all(0 <= row.reserved <= row.on_hand and row.on_hand > 0 for row in connection.execute(select(balance)))
            outside = select(entry.c.item, entry.c.place, func.sum(entry.c.quantity)).where(entry.c.place.startswith("@")).group_by(entry.c.item, entry.c.place)
            flows = {(item, place): int(total) for item, place, total in connection.execute(outside)}
            held = {item: int(total) for item, total in connection.execute(select(balance.c.item, func.sum(balance.c.on_hand)).group_by(balance.c.item))}
        for item in WORLD.codes:
            gone = sum(total for (code, place), total in flows.items() if code == item and place != "@vendor")
            assert -flows.get((item, "@vendor"), 0) == self.received[item]
            assert held.get(item, 0) + gone == self.received[item]


TestStockMachine = StockMachine.TestCase
TestStockMachine.settings = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
