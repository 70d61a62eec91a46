# SPDX-License-Identifier: Apache-2.0
"""Stock and value at any past moment, with and without snapshots, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, text

from central.catalog.tables import item, location
from central.database import reading, transaction
from central.ledger import past
from central.ledger.housekeeping import snapshot_once
from central.ledger.service import Account, Fact, Leg, lock, post, record
from central.ledger.tables import entry, snapshot_taken, stock_snapshot
from central.ledger.verify import verify

pytestmark = pytest.mark.requirement("E12", "X2")

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def catalog(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(insert(item), [{"code": code, "name": code} for code in ("milk", "peas")])
        connection.execute(insert(location), [{"place": f"s1/{code}", "site": "s1", "code": code, "kind": "bin"} for code in "ab"])


def say(engine: Engine, legs: list[Leg], recorded: datetime, occurred: datetime | None = None) -> None:
    with transaction(engine) as connection:
        fact = Fact(str(uuid.uuid4()), "test", None, "Test", b"{}", "tester", occurred or recorded, "s1")
        record(connection, fact, recorded)
        lock(connection, {(leg.account.site, leg.account.item) for leg in legs if not leg.account.virtual})
        post(connection, fact.id, legs)


def receive(engine: Engine, code: str, quantity: int, recorded: datetime, occurred: datetime | None = None, item_code: str = "milk") -> None:
    account = Account(f"s1/{code}", item_code)
    say(engine, [Leg(account.at("@vendor"), -quantity, -3 * quantity), Leg(account, quantity, 3 * quantity)], recorded, occurred)


def stood(engine: Engine, at: datetime, by: past.Basis = "recorded", group: tuple[str, ...] = ("item",), **where: str) -> dict[str, tuple[int, int]]:
    with reading(engine) as connection:
        rows = connection.execute(past.as_of(connection, at, by, past.Where(**where), group)).all()
    return {" ".join(row[:-2]): (row.quantity, row.value_minor) for row in rows}


def take_all_snapshots(engine: Engine, now: datetime) -> None:
    while snapshot_once(engine, now):
        pass


def test_stock_of_a_past_moment_is_what_the_books_said_then(engine: Engine) -> None:
    receive(engine, "a", 10, START)
    receive(engine, "b", 5, START + timedelta(days=1))
    say(engine, [Leg(Account("s1/a", "milk"), -4, -12), Leg(Account("@loss", "milk"), 4, 12)], START + timedelta(days=2))

    assert stood(engine, START - timedelta(seconds=1)) == {}
    assert stood(engine, START) == {"milk": (10, 30)}
    assert stood(engine, START + timedelta(days=1), group=("site", "place")) == {"s1 s1/a": (10, 30), "s1 s1/b": (5, 15)}
    assert stood(engine, START + timedelta(days=3), place="s1/a") == {"milk": (6, 18)}
    assert stood(engine, START + timedelta(days=3), site="s2") == {}


def test_late_entry_counts_when_it_occurred_and_leaves_what_was_recorded_alone(engine: Engine) -> None:
    january, march = START, START + timedelta(days=60)
    receive(engine, "a", 10, january)
    take_all_snapshots(engine, march)
    before = stood(engine, january + timedelta(days=10))

    receive(engine, "a", 7, march, occurred=january + timedelta(days=2))

    for at in (january + timedelta(days=10), january + timedelta(days=40)):
        assert stood(engine, at) == before == {"milk": (10, 30)}
        assert stood(engine, at, "occurred") == {"milk": (17, 51)}
    assert stood(engine, january + timedelta(days=1), "occurred") == {"milk": (10, 30)}
    with reading(engine) as connection:
        assert verify(connection).texts() == []


def test_snapshots_change_no_answer(engine: Engine) -> None:
    """Half a year of receipts and moves, every tenth of them recorded late, asked on 40 days with all snapshots, with a few and without any."""
    chance, at, held = random.Random(5), START, Counter[str]()
    for _ in range(150):
        at += timedelta(hours=chance.randint(1, 48))
        occurred = at - timedelta(days=chance.choice((0,) * 9 + (chance.randint(2, 50),)))
        code, item_code = chance.choice("ab"), chance.choice(("milk", "peas"))
        if held[code + item_code] > 5 and chance.random() < 0.4:
            account = Account(f"s1/{code}", item_code)
            say(engine, [Leg(account, -5, -15), Leg(account.at("@customer"), 5, 15)], at, occurred)
            held[code + item_code] -= 5
        else:
            receive(engine, code, 8, at, occurred, item_code)
            held[code + item_code] += 8
    days = [START + timedelta(days=n * 5, minutes=7) for n in range(40)]
    asked = [(day, by, group) for day in days for by in past.BASES for group in (("item",), ("place", "item"))]
    plain = [stood(engine, *each) for each in asked]
    assert plain[-1] == {f"s1/{key[0]} {key[1:]}": (left, 3 * left) for key, left in held.items() if left}

    for now in (START + timedelta(days=70), at + timedelta(days=40)):
        take_all_snapshots(engine, now)
        assert [stood(engine, *each) for each in asked] == plain

    with reading(engine) as connection:
        assert len(connection.execute(select(snapshot_taken)).all()) >= 8
        assert verify(connection).texts() == []


def test_snapshot_is_taken_once_its_month_is_settled(engine: Engine) -> None:
    receive(engine, "a", 10, START)
    over = datetime(2026, 2, 2, 0, 2, tzinfo=UTC)

    assert snapshot_once(engine, over - timedelta(seconds=1)) == 0
    assert snapshot_once(engine, over) == 2
    assert snapshot_once(engine, over) == 0

    with reading(engine) as connection:
        rows = connection.execute(select(stock_snapshot.c.basis, stock_snapshot.c.at, stock_snapshot.c.quantity).order_by(stock_snapshot.c.basis)).all()
    assert rows == [(by, datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), 10) for by in ("occurred", "recorded")]


def test_clock_that_was_wrong_by_decades_makes_no_snapshots_of_decades(engine: Engine) -> None:
    receive(engine, "a", 10, START, occurred=datetime(1970, 1, 1, 0, 5, tzinfo=UTC))

    take_all_snapshots(engine, START + timedelta(days=60))

    with reading(engine) as connection:
        months = sorted((row.basis, row.at.strftime("%Y-%m")) for row in connection.execute(select(snapshot_taken)))
        assert months == [("occurred", "2026-01"), ("occurred", "2026-02"), ("recorded", "2026-01"), ("recorded", "2026-02")]
        assert verify(connection).texts() == []
    assert stood(engine, START - timedelta(days=365), "occurred") == stood(engine, START) == {"milk": (10, 30)}


def test_stock_by_item_is_read_by_time_and_not_through_all_entries_in_the_order_of_items(engine: Engine) -> None:
    """PostgreSQL groups by hash; SQLite would rather read two million entries in order than group those of a fortnight."""
    receive(engine, "a", 10, START)
    take_all_snapshots(engine, START + timedelta(days=60))
    with reading(engine) as connection:
        query = past.as_of(connection, START + timedelta(days=20), "occurred", group=("item",))
        explain = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = [str(row) for row in connection.exec_driver_sql(explain + str(query.compile(engine, compile_kwargs={"literal_binds": True})))]

    assert not [step for step in plan if "ix_entry_item_place" in step], plan


def test_changed_snapshot_is_found(engine: Engine) -> None:
    receive(engine, "a", 10, START)
    take_all_snapshots(engine, START + timedelta(days=60))

    with transaction(engine) as connection:
        connection.execute(text("UPDATE stock_snapshot SET quantity = 11 WHERE basis = 'recorded'"))

    with reading(engine) as connection:
        (finding,) = verify(connection).texts()
    assert finding.startswith(
        "snapshots: s1/a: item milk, available: -1 pieces and 0 minor units more by the entries than in the snapshot of 2026-01 by recorded"
    )


def test_entries_carry_the_times_of_their_event(engine: Engine) -> None:
    receive(engine, "a", 10, START + timedelta(days=3), occurred=START)

    with reading(engine) as connection:
        rows = connection.execute(select(entry.c.occurred_at, entry.c.recorded_at).distinct()).all()
    assert rows == [(START, START + timedelta(days=3))]
