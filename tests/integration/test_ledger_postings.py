# SPDX-License-Identifier: Apache-2.0
"""The ledger's use cases, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from central.catalog.tables import item, location, lot
from central.database import reading, transaction
from central.errors import ConflictError, InsufficientStockError
from central.ledger import rules
from central.ledger.queries import balances
from central.ledger.service import Account, Demand, Fact, FenceNotHeldError, Leg, available, keep_answer, lock, post, record, release, reserve, take
from central.ledger.tables import reservation
from central.ledger.verify import verify

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E12")


def fact(connection: Connection, body: bytes = b"{}", at: datetime = NOW) -> str:
    return record(connection, Fact(str(uuid.uuid4()), "test", None, "Test", body, "tester", at, "s1"), at).fact_id


def stock(engine: Engine, *rows: tuple[str, str, int], at: datetime = NOW) -> None:
    """Receive (place code, lot, quantity) of milk."""
    with transaction(engine) as connection:
        lock(connection, [("s1", "milk")])
        legs = []
        for code, lot_code, quantity in rows:
            account = Account(f"s1/{code}", "milk", lot_code)
            legs += [Leg(account.at(rules.VENDOR), -quantity), Leg(account, quantity)]
        post(connection, fact(connection, at=at), legs)


def move(engine: Engine, lot_code: str, source: str, target: str, quantity: int) -> None:
    """Move milk from one place to another."""
    with transaction(engine) as connection:
        lock(connection, [("s1", "milk")])
        account = Account(source, "milk", lot_code)
        post(connection, fact(connection), [Leg(account, -quantity), Leg(account.at(target), quantity)])


@pytest.fixture(autouse=True)
def catalog(engine: Engine) -> None:
    """Milk in three lots; bins a (rank 1) and b (rank 2), storage st, stage out."""
    with transaction(engine) as connection:
        connection.execute(insert(item).values(code="milk", name="Milk"))
        expiries = {"L1": date(2026, 12, 1), "L2": date(2026, 12, 5), "OLD": date(2026, 11, 20)}
        connection.execute(insert(lot), [{"item": "milk", "lot": code, "expiry": expiry} for code, expiry in expiries.items()])
        kinds = [("a", "bin", 1), ("b", "bin", 2), ("st", "storage", 0), ("out", "stage", 0)]
        rows = [{"place": f"s1/{code}", "site": "s1", "code": code, "kind": kind, "pick_rank": rank} for code, kind, rank in kinds]
        connection.execute(insert(location), rows)


def shown(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    """(on hand, reserved) by (place, lot)."""
    with reading(engine) as connection:
        return {(row.place, row.lot): (row.on_hand, row.reserved) for row in balances(connection, site="s1")}


def assert_sound(engine: Engine) -> None:
    with reading(engine) as connection:
        assert verify(connection).texts() == []


def test_receipt_moves_goods_from_the_vendor_into_a_bin(engine: Engine) -> None:
    stock(engine, ("a", "L1", 10))

    assert shown(engine) == {("s1/a", "L1"): (10, 0)}
    assert_sound(engine)


def test_same_fact_again_gives_the_stored_answer(engine: Engine) -> None:
    said = Fact(str(uuid.uuid4()), "erp", 1, "Order", b"{}", "erp", NOW, "s1")
    with transaction(engine) as connection:
        record(connection, said, NOW)
        keep_answer(connection, said.id, b"stored")

    with transaction(engine) as connection:
        again = record(connection, said, NOW)

    assert (again.already, again.answer) == (True, b"stored")


def test_same_id_with_other_content_is_a_conflict(engine: Engine) -> None:
    key = str(uuid.uuid4())
    with transaction(engine) as connection:
        record(connection, Fact(key, "erp", 1, "Order", b"{}", "erp", NOW), NOW)

    with pytest.raises(ConflictError) as caught, transaction(engine) as connection:
        record(connection, Fact(key, "erp", 1, "Order", b"{1}", "erp", NOW), NOW)

    assert caught.value.code == "identity_reused"


def test_posting_more_than_is_there_names_the_account_and_changes_nothing(engine: Engine) -> None:
    stock(engine, ("a", "L1", 3))

    with pytest.raises(InsufficientStockError, match=r"s1/a: item milk lot L1, available: 4 wanted, 3 there and free"):
        move(engine, "L1", "s1/a", rules.LOSS, 4)

    assert shown(engine) == {("s1/a", "L1"): (3, 0)}
    assert_sound(engine)


def test_posting_without_the_fence_is_a_mistake_of_the_program(engine: Engine) -> None:
    with pytest.raises(FenceNotHeldError), transaction(engine) as connection:
        post(connection, fact(connection), [Leg(Account(rules.VENDOR, "milk"), -1), Leg(Account("s1/a", "milk"), 1)])


@pytest.mark.requirement("R21")
@pytest.mark.requirement("R44")
def test_reservation_takes_the_first_expiring_lot_and_never_an_expired_one(engine: Engine) -> None:
    stock(engine, ("b", "L2", 10), ("a", "OLD", 10), ("b", "L1", 4), ("a", "L1", 4), ("st", "L1", 50))

    with transaction(engine) as connection:
        made = reserve(connection, fact(connection), [Demand("o1/1", "s1", "milk", 10)], NOW)

    assert [(each.account.place, each.account.lot, each.quantity) for each in made] == [("s1/a", "L1", 4), ("s1/b", "L1", 4), ("s1/b", "L2", 2)]
    assert_sound(engine)


def test_reservation_respects_the_shelf_life_that_a_line_asks_for(engine: Engine) -> None:
    stock(engine, ("a", "L1", 5), ("b", "L2", 5))

    with transaction(engine) as connection:
        made = reserve(connection, fact(connection), [Demand("1", "s1", "milk", 4, date(2026, 12, 3)), Demand("2", "s1", "milk", 9)], NOW)

    assert [(each.line_id, each.account.lot, each.quantity) for each in made] == [("1", "L2", 4), ("2", "L1", 5), ("2", "L2", 1)]
    assert_sound(engine)


def test_goods_that_move_keep_their_age(engine: Engine) -> None:
    stock(engine, ("st", "L1", 5), at=NOW - timedelta(days=3))
    stock(engine, ("a", "L1", 5))
    move(engine, "L1", "s1/st", "s1/b", 5)

    with transaction(engine) as connection:
        made = reserve(connection, fact(connection), [Demand("1", "s1", "milk", 6)], NOW)

    assert [(each.account.place, each.quantity) for each in made] == [("s1/b", 5), ("s1/a", 1)]


def test_pick_of_a_part_gives_the_rest_back_or_keeps_it(engine: Engine) -> None:
    stock(engine, ("a", "L1", 10))
    with transaction(engine) as connection:
        first, second = reserve(connection, fact(connection), [Demand("1", "s1", "milk", 4), Demand("2", "s1", "milk", 6)], NOW)

    with transaction(engine) as connection:
        take(connection, first.id, 3, "s1/out", fact(connection))
        take(connection, second.id, 2, "s1/out", fact(connection), keep_rest=True)

    assert shown(engine) == {("s1/a", "L1"): (5, 4), ("s1/out", "L1"): (5, 0)}
    with reading(engine) as connection:
        states = {row.line_id: (row.state, row.taken) for row in connection.execute(select(reservation))}
    assert states == {"1": ("posted", 3), "2": ("pending", 2)}
    assert_sound(engine)


def test_release_gives_back_and_a_closed_reservation_stays_closed(engine: Engine) -> None:
    stock(engine, ("a", "L1", 10))
    with transaction(engine) as connection:
        (made,) = reserve(connection, fact(connection), [Demand("1", "s1", "milk", 4)], NOW)
    with transaction(engine) as connection:
        release(connection, made.id, fact(connection))

    with pytest.raises(ConflictError, match="void already"), transaction(engine) as connection:
        take(connection, made.id, 1, "s1/out", fact(connection))

    assert shown(engine) == {("s1/a", "L1"): (10, 0)}
    with reading(engine) as connection:
        assert available(connection, "s1", "milk") == 10
    assert_sound(engine)


def test_reserved_goods_cannot_be_moved_away(engine: Engine) -> None:
    stock(engine, ("a", "L1", 10))
    with transaction(engine) as connection:
        reserve(connection, fact(connection), [Demand("1", "s1", "milk", 8)], NOW)

    with pytest.raises(InsufficientStockError):
        move(engine, "L1", "s1/a", "s1/b", 3)


@pytest.mark.parametrize("statement", ["UPDATE event SET actor = 'x'", "DELETE FROM event", "UPDATE entry SET quantity = 1", "DELETE FROM entry"])
def test_what_was_written_cannot_be_changed_or_deleted(engine: Engine, statement: str) -> None:
    stock(engine, ("a", "L1", 10))

    with pytest.raises(DBAPIError, match="append-only"), transaction(engine) as connection:
        connection.execute(text(statement))
