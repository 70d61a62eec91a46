# SPDX-License-Identifier: Apache-2.0
"""No sequence of use cases loses quantity, makes any negative, or breaks FEFO: a hypothesis machine against a plain model, on SQLite."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, func, insert, select

from central.catalog.tables import item, location, lot
from central.database import open_engine, reading, transaction
from central.errors import DomainError, InsufficientStockError
from central.ledger.sealer import seal
from central.ledger.service import Account, Demand, Fact, Leg, Reservation, lock, post, record, release, reserve, take
from central.ledger.tables import balance, entry
from central.ledger.verify import verify
from central.migrations import upgrade

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 21, tzinfo=UTC)
PLACES = ("s1/a", "s1/b", "s1/st")
LOTS = ("L1", "L2", "OLD")
_folder = Path(tempfile.mkdtemp(prefix="dockline-machine-"))


def _template() -> Path:
    path = _folder / "template.db"
    if not path.exists():
        engine = open_engine(f"sqlite:///{path}")
        upgrade(engine)
        with transaction(engine) as connection:
            connection.execute(insert(item).values(code="milk", name="Milk"))
            expiries = (date(2026, 12, 1), date(2026, 12, 9), date(2026, 11, 1))
            connection.execute(insert(lot), [{"item": "milk", "lot": name, "expiry": expiry} for name, expiry in zip(LOTS, expiries, strict=True)])
            kinds = zip(PLACES, ("bin", "bin", "storage"), strict=True)
            rows = [{"place": place, "site": "s1", "code": place[3:], "kind": kind, "pick_rank": n} for n, (place, kind) in enumerate(kinds)]
            connection.execute(insert(location), rows)
        engine.dispose()
    return path


class LedgerMachine(RuleBasedStateMachine):
    """The model is only what came in and what went out; the rest the verifier must confirm."""

    def __init__(self) -> None:
        super().__init__()
        self._file = _folder / f"{uuid.uuid4()}.db"
        for suffix in ("", "-wal"):
            source = Path(f"{_template()}{suffix}")
            if source.exists():
                shutil.copy(source, f"{self._file}{suffix}")
        self.engine = open_engine(f"sqlite:///{self._file}")
        self.received = self.lost = 0
        self.now = START
        self.pending: list[Reservation] = []

    def teardown(self) -> None:
        self.engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)

    def _fact(self, connection: Connection) -> str:
        self.now += timedelta(seconds=1)
        return record(connection, Fact(str(uuid.uuid4()), "machine", None, "Test", b"{}", "machine", self.now, "s1"), self.now).fact_id

    @rule(place=st.sampled_from(PLACES), lot_code=st.sampled_from(LOTS), quantity=st.integers(1, 20))
    def receive(self, place: str, lot_code: str, quantity: int) -> None:
        with transaction(self.engine) as connection:
            lock(connection, [("s1", "milk")])
            account = Account(place, "milk", lot_code)
            post(connection, self._fact(connection), [Leg(account.at("@vendor"), -quantity), Leg(account, quantity)])
        self.received += quantity

    @rule(source=st.sampled_from(PLACES), towards=st.sampled_from((*PLACES, "@loss")), lot_code=st.sampled_from(LOTS), quantity=st.integers(1, 20))
    def move(self, source: str, towards: str, lot_code: str, quantity: int) -> None:
        account = Account(source, "milk", lot_code)
        try:
            with transaction(self.engine) as connection:
                lock(connection, [("s1", "milk")])
                post(connection, self._fact(connection), [Leg(account, -quantity), Leg(account.at(towards), quantity)])
        except InsufficientStockError:
            return
        self.lost += quantity if towards == "@loss" else 0

    @rule(quantity=st.integers(1, 30), fresh=st.booleans())
    def order(self, quantity: int, fresh: bool) -> None:
        demand = Demand(str(uuid.uuid4()), "s1", "milk", quantity, date(2026, 12, 5) if fresh else None)
        with transaction(self.engine) as connection:
            made = reserve(connection, self._fact(connection), [demand], self.now)
        assert sum(each.quantity for each in made) <= quantity
        assert all(each.account.lot == "L2" if fresh else each.account.lot != "OLD" for each in made)
        self.pending += made

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 50), part=st.floats(0, 1), keep_rest=st.booleans())
    def pick(self, which: int, part: float, keep_rest: bool) -> None:
        chosen = self.pending.pop(which % len(self.pending))
        with transaction(self.engine) as connection:
            take(connection, chosen.id, round(part * chosen.quantity), "s1/stage", self._fact(connection), keep_rest=keep_rest)

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 50))
    def cancel(self, which: int) -> None:
        chosen = self.pending.pop(which % len(self.pending))
        with transaction(self.engine) as connection:
            release(connection, chosen.id, self._fact(connection))

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 50))
    def overpick(self, which: int) -> None:
        chosen = self.pending[which % len(self.pending)]
        with pytest.raises(DomainError, match="reserve the difference first"), transaction(self.engine) as connection:
            take(connection, chosen.id, chosen.quantity + 1, "s1/stage", self._fact(connection))

    @rule()
    def seal(self) -> None:
        with transaction(self.engine) as connection:
            seal(connection, self.now)

    @invariant()
    def quantity_is_conserved_and_the_verifier_agrees(self) -> None:
        with reading(self.engine) as connection:
            assert verify(connection).texts() == []
            assert (connection.execute(select(func.sum(balance.c.on_hand))).scalar() or 0) == self.received - self.lost
            assert (connection.execute(select(func.sum(entry.c.quantity))).scalar() or 0) == 0


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
