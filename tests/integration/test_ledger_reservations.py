# SPDX-License-Identifier: Apache-2.0
"""Reservations by rule: what may be taken, whole units, many at once, and why this lot. The same on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from central.catalog.tables import item, location, lot
from central.database import insert_or_leave, reading, transaction
from central.errors import ConflictError, DomainError, InsufficientStockError, NotFoundError
from central.ledger import supplies
from central.ledger.command import main
from central.ledger.explain import why
from central.ledger.rules import RULES, Allocation, Rule, Status
from central.ledger.service import (
    Account,
    Demand,
    Fact,
    Leg,
    Reservation,
    Taking,
    lock,
    lots_changed,
    places_changed,
    post,
    post_many,
    record,
    record_many,
    release_many,
    reserve,
    reserve_many,
    take_many,
)
from central.ledger.tables import balance, entry, handling_unit, reservation
from central.ledger.verify import verify

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("R44")


def new_fact(at: datetime = NOW) -> Fact:
    return Fact(str(uuid.uuid4()), "test", None, "Test", b"{}", "tester", at, "s1")


def said(connection: Connection, at: datetime = NOW) -> str:
    return record(connection, new_fact(at), at).fact_id


@pytest.fixture(autouse=True)
def catalog(engine: Engine) -> None:
    """Milk in lots E1 (expires first) to E3; bins a to d by rank, storage st, stage out."""
    with transaction(engine) as connection:
        connection.execute(insert(item).values(code="milk", name="Milk"))
        lots = [{"item": "milk", "lot": f"E{n}", "expiry": date(2026, 12, n)} for n in (1, 2, 3)]
        connection.execute(insert(lot), [*lots, {"item": "milk", "lot": "OLD", "expiry": date(2026, 11, 20)}])
        kinds = [*((code, "bin") for code in "abcd"), ("st", "storage"), ("out", "stage")]
        rows = [{"place": f"s1/{code}", "site": "s1", "code": code, "kind": kind, "pick_rank": n} for n, (code, kind) in enumerate(kinds)]
        connection.execute(insert(location), rows)


def put(
    engine: Engine, code: str, quantity: int, lot_code: str = "", *, days_ago: int = 0, unit: str = "", owner: str = "", status: Status = "available"
) -> None:
    at = NOW - timedelta(days=days_ago)
    with transaction(engine) as connection:
        lock(connection, [("s1", "milk")])
        account = Account(f"s1/{code}", "milk", lot_code, owner, status, unit)
        if unit:
            row = {"sscc": unit, "kind": "pallet", "site": "s1", "place": account.place, "made_at": at}
            connection.execute(insert_or_leave(connection, handling_unit).values(**row).on_conflict_do_nothing())
        post(connection, said(connection, at), [Leg(account.at("@vendor"), -quantity), Leg(account, quantity)])


def ask(engine: Engine, quantity: int, line: str = "1", **more: Any) -> list[Reservation]:
    with transaction(engine) as connection:
        return reserve(connection, said(connection), [Demand(line, "s1", "milk", quantity, **more)], NOW)


def shown(made: list[Reservation]) -> list[tuple[str, str, int]]:
    return [(each.account.place[3:], each.account.lot or each.account.unit, each.quantity) for each in made]


def assert_sound(engine: Engine) -> None:
    with reading(engine) as connection:
        assert verify(connection).texts() == []


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(("rule", "places"), [("fefo", "cab"), ("fifo", "bca"), ("lifo", "acb"), ("closest", "abc"), ("least_packages", "cba")], ids=str)
def test_each_rule_takes_in_its_own_order(engine: Engine, rule: str, places: str) -> None:
    put(engine, "a", 2, "E2", days_ago=1)
    put(engine, "b", 3, "E3", days_ago=9)
    put(engine, "c", 4, "E1", days_ago=5)

    assert "".join(place for place, _, _ in shown(ask(engine, 9, rule=rule))) == places
    assert_sound(engine)


@pytest.mark.requirement("R18")
def test_goods_of_another_owner_on_hold_recalled_or_locked_are_left_alone(engine: Engine) -> None:
    put(engine, "a", 5, "E1", owner="acme")
    put(engine, "b", 5, "E1", status="hold")
    put(engine, "c", 5, "E2")
    put(engine, "d", 5, "E3")
    put(engine, "out", 5, "E1")
    with transaction(engine) as connection:
        connection.execute(update(lot).where(lot.c.lot == "E2").values(held=True))
        lots_changed(connection, [("milk", "E2")])

    assert shown(ask(engine, 9)) == [("d", "E3", 5)]
    assert shown(ask(engine, 9, line="2", owner="acme")) == [("a", "E1", 5)]
    assert_sound(engine)


def test_nothing_is_taken_from_a_place_that_is_locked(engine: Engine) -> None:
    put(engine, "a", 5, "E1")
    put(engine, "b", 5, "E2")
    with transaction(engine) as connection:
        connection.execute(update(location).where(location.c.code == "a").values(locked="both"))
        places_changed(connection, ["s1/a"])
    put(engine, "a", 5, "E3")

    assert shown(ask(engine, 6)) == [("b", "E2", 5)]
    assert_sound(engine)


def test_whole_pallets_leave_storage_and_pieces_leave_bins(engine: Engine) -> None:
    put(engine, "st", 40, "E1", unit="P40")
    put(engine, "st", 20, "E1", unit="P20")
    put(engine, "a", 30, "E1")

    assert [(each.account.unit, each.quantity) for each in ask(engine, 65, unit_sizes=(6,))] == [("P40", 40), ("P20", 20), ("", 5)]
    assert_sound(engine)


def test_pallet_that_is_too_large_is_passed_over_and_never_broken(engine: Engine) -> None:
    put(engine, "st", 40, "E1", unit="P40")
    put(engine, "a", 30, "E2")

    assert shown(ask(engine, 39)) == [("a", "E2", 30)]
    assert_sound(engine)


def test_pallet_of_cases_leaves_storage_with_all_its_cases(engine: Engine) -> None:
    with transaction(engine) as connection:
        units = [("P1", "pallet", None), ("C1", "case", "P1"), ("C2", "case", "P1"), ("P2", "pallet", None), ("C3", "case", "P2")]
        rows = [{"sscc": sscc, "kind": kind, "parent": parent, "site": "s1", "place": "s1/st", "made_at": NOW} for sscc, kind, parent in units]
        connection.execute(insert(handling_unit), rows)
    put(engine, "st", 6, "E1", unit="C1")
    put(engine, "st", 6, "E1", unit="C2")
    put(engine, "st", 6, "E1", unit="C3")
    put(engine, "st", 1, "E2", unit="P2")

    # P2 carries another lot too: it is no whole unit of the lot that goes first.
    assert sorted(each.account.unit for each in ask(engine, 18)) == ["C1", "C2"]
    assert_sound(engine)


def test_many_demands_are_served_in_turn_from_more_lots_than_are_read_at_first(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(insert(lot), [{"item": "milk", "lot": f"X{n:02}", "expiry": date(2027, 1, 1 + n)} for n in range(20)])
    for n in range(20):
        put(engine, "abcd"[n % 4], 3, f"X{n:02}")

    with transaction(engine) as connection:
        facts = [new_fact() for _ in range(6)]
        record_many(connection, facts, NOW)
        made = reserve_many(connection, [(fact.id, [Demand(f"{n}", "s1", "milk", 9)]) for n, fact in enumerate(facts)], NOW)

    assert [[each.account.lot for each in one] for one in made] == [[f"X{3 * n + k:02}" for k in range(3)] for n in range(6)]
    assert_sound(engine)


@pytest.mark.parametrize("rule", RULES)
def test_reading_a_part_of_the_stock_gives_what_reading_all_of_it_would(engine: Engine, rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty-five lots in fifteen groups of equal expiry, age, rank or size, some of others or on pallets, asked for in steps from a piece to all there is."""
    with transaction(engine) as connection:
        connection.execute(insert(lot), [{"item": "milk", "lot": f"X{n:02}", "expiry": date(2027, 1, 1 + n % 15)} for n in range(45)])
    for n in range(45):
        on_pallet = n % 11 == 0
        put(
            engine, "st" if on_pallet else "abcd"[n % 4], 2 + n % 3, f"X{n:02}", days_ago=n % 7, unit=f"P{n}" if on_pallet else "", owner="dairy" * (n % 5 == 0)
        )

    def given(connection: Connection, quantity: int, first_rows: int) -> list[Allocation]:
        monkeypatch.setattr(supplies, "FIRST_ROWS", first_rows)
        lines = [Demand("1", "s1", "milk", quantity, rule=rule), Demand("2", "s1", "milk", quantity, date(2027, 1, 8), rule, "dairy")]
        return supplies.allocated(connection, lines, {"s1": NOW.date()}, pickable_only=True)

    with reading(engine) as connection:
        for quantity in (1, 4, 9, 20, 60, 500):
            assert given(connection, quantity, 1) == given(connection, quantity, 4) == given(connection, quantity, 1000)


def test_many_are_taken_in_one_go_or_none(engine: Engine) -> None:
    put(engine, "a", 5, "E1")
    put(engine, "b", 5, "E2")
    made = ask(engine, 8)

    with transaction(engine) as connection:
        fact = said(connection)
    with pytest.raises(DomainError, match="reserve the difference first"), transaction(engine) as connection:
        take_many(connection, [Taking(made[0].id, 5, "s1/out", fact), Taking(made[1].id, 4, "s1/out", fact)])
    with transaction(engine) as connection:
        fact = said(connection)
        take_many(connection, [Taking(made[0].id, 4, "s1/out", fact), Taking(made[1].id, 1, "s1/out", fact, keep_rest=True)])

    with reading(engine) as connection:
        stock = {(row.place, row.lot): (row.on_hand, row.reserved) for row in connection.execute(select(balance))}
        states = sorted(connection.execute(select(reservation.c.state, reservation.c.taken)).all())
    assert stock == {("s1/a", "E1"): (1, 0), ("s1/b", "E2"): (4, 2), ("s1/out", "E1"): (4, 0), ("s1/out", "E2"): (1, 0)}
    assert states == [("pending", 1), ("posted", 4)]
    assert_sound(engine)


def test_many_are_given_back_by_one_fact(engine: Engine) -> None:
    put(engine, "a", 5, "E1")
    made = [*ask(engine, 2, "1"), *ask(engine, 2, "2")]

    with transaction(engine) as connection:
        release_many(connection, [each.id for each in made], said(connection), "timed_out")

    with reading(engine) as connection:
        assert connection.execute(select(balance.c.on_hand, balance.c.reserved)).all() == [(5, 0)]
        assert set(connection.execute(select(reservation.c.state)).scalars()) == {"timed_out"}
    with pytest.raises(ConflictError, match="timed_out already"), transaction(engine) as connection:
        release_many(connection, [made[0].id], said(connection))
    with pytest.raises(NotFoundError), transaction(engine) as connection:
        release_many(connection, [str(uuid.uuid4())], said(connection))
    assert_sound(engine)


def test_posting_of_a_batch_may_not_take_what_a_later_one_brings(engine: Engine) -> None:
    here, there = Account("s1/a", "milk", "E1"), Account("s1/b", "milk", "E1")
    takes, brings = [Leg(here, -5), Leg(there, 5)], [Leg(here.at("@vendor"), -5), Leg(here, 5)]

    def both(*each: list[Leg]) -> None:
        with transaction(engine) as connection:
            lock(connection, [("s1", "milk")])
            post_many(connection, [(said(connection), legs) for legs in each])

    with pytest.raises(InsufficientStockError):
        both(takes, brings)
    both(brings, takes)

    with reading(engine) as connection:
        assert [(row.place, row.on_hand) for row in connection.execute(select(balance))] == [("s1/b", 5)]
    assert_sound(engine)


def test_facts_of_a_batch_are_told_apart_from_those_that_were_there(engine: Engine) -> None:
    old, other = new_fact(), new_fact()
    with transaction(engine) as connection:
        record(connection, old, NOW)
    changed = Fact(old.id, "test", None, "Test", b"other", "tester", NOW, "s1")

    with transaction(engine) as connection:
        again, fresh = record_many(connection, [old, other], NOW)
        (conflict,) = record_many(connection, [changed], NOW)

    assert not isinstance(again, ConflictError)
    assert again.already
    assert not isinstance(fresh, ConflictError)
    assert not fresh.already
    assert isinstance(conflict, ConflictError)
    assert conflict.code == "identity_reused"


def test_database_itself_refuses_entries_that_do_not_balance(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        # One process owns the file; there the check before each posting and the verifier stand alone.
        with transaction(engine) as connection:
            connection.execute(_one_leg(said(connection)))
        with reading(engine) as connection:
            assert any("sum to 5 instead of 0" in line for line in verify(connection).texts())
        return
    with pytest.raises(DBAPIError, match="its entries of item milk sum to 5 instead of 0"), transaction(engine) as connection:
        connection.execute(_one_leg(said(connection)))


def _one_leg(fact_id: str) -> Any:
    values = {"place": "s1/a", "item": "milk", "lot": "", "owner": "", "status": "available", "unit": "", "quantity": 5, "value_minor": 0}
    return insert(entry).values(event_id=fact_id, n=0, occurred_at=NOW, recorded_at=NOW, **values)


@pytest.mark.requirement("R18")
def test_reservation_says_why_it_passed_over_what_stood_before(engine: Engine) -> None:
    put(engine, "a", 5, "OLD")
    put(engine, "b", 5, "E1", status="hold")
    put(engine, "c", 5, "E1", owner="acme")
    put(engine, "d", 5, "E1")
    put(engine, "st", 50, "E1", unit="P50")
    put(engine, "out", 5, "E1")
    put(engine, "a", 7, "E2")
    first = ask(engine, 5, "first")
    (mine,) = ask(engine, 6, "mine")
    # What happens afterwards changes nothing.
    with transaction(engine) as connection:
        release_many(connection, [first[0].id], said(connection))
    put(engine, "b", 9, "E1")

    with reading(engine) as connection:
        told = why(connection, mine.id)

    assert (told.rule, told.account.place, told.quantity, told.expiry) == ("fefo", "s1/a", 6, date(2026, 12, 2))
    assert {(each.account.place[3:], each.account.lot, each.code) for each in told.passed_over} == {
        ("a", "OLD", "expired"),
        ("b", "E1", "not_available"),
        ("c", "E1", "other_owner"),
        ("d", "E1", "reserved"),
        ("st", "E1", "unit_too_large"),
        ("out", "E1", "not_pickable"),
    }
    assert "s1/d: all 5 were reserved for others already" in {each.text for each in told.passed_over}
    with pytest.raises(NotFoundError), reading(engine) as connection:
        why(connection, str(uuid.uuid4()))


def test_line_of_several_places_says_so(engine: Engine) -> None:
    put(engine, "a", 5, "E1")
    put(engine, "b", 5, "E2")
    put(engine, "c", 5, "E3")

    made = ask(engine, 8, min_expiry=date(2026, 12, 2))

    with reading(engine) as connection:
        told = why(connection, made[1].id)
    assert [(each.account.lot, each.code) for each in told.passed_over] == [("E1", "too_short_life"), ("E2", "also_taken")]


def test_state_hash_is_the_same_when_all_entries_are_replayed(engine: Engine, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(engine, "a", 5, "E1")
    ask(engine, 3)

    assert main(["state-hash", "--database", database_url]) == 0
    first = capsys.readouterr().out.strip()
    put(engine, "b", 5, "E1")
    assert main(["state-hash", "--database", database_url]) == 0
    assert len(first) == 64
    assert capsys.readouterr().out.strip() != first
    with transaction(engine) as connection:
        connection.execute(text("UPDATE balance SET on_hand = on_hand + 1"))
    assert main(["state-hash", "--database", database_url]) == 1
    assert "replaying all entries gives" in capsys.readouterr().out
