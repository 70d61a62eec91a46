# SPDX-License-Identifier: Apache-2.0
"""Moves that share a transaction: each is answered for itself, good and bad together, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, event, select

from central.catalog import rules as catalog
from central.database import reading
from central.errors import DomainError
from central.ledger import service as ledger
from central.ledger.rules import Account
from central.ledger.tables import event as event_table
from central.stock import handling, numbers
from central.stock.move_trains import Asked, Moved, move_together
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R24", "X1")
DONE = Moved(b'{"moved":true}')


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    house = Warehouse(engine)
    house.put("rack-1", "peas", 10)
    return house


def peas(code: str, unit: str = "") -> Account:
    return Account(f"{SITE}/{code}", "peas", unit=unit)


def move(house: Warehouse, quantity: int, source: str = "rack-1", target: str = "B-01") -> Asked:
    return Asked(house.fact("StockMoved"), peas(source), peas(target), quantity)


def moved(house: Warehouse, *asked: Asked) -> list[str | Moved]:
    answers: Sequence[Moved | DomainError] = house.do(lambda c: move_together(c, asked))
    house.assert_sound()
    return [each.code if isinstance(each, DomainError) else each for each in answers]


def recorded(house: Warehouse) -> set[str]:
    with reading(house.engine) as connection:
        return set(connection.execute(select(event_table.c.id).where(event_table.c.kind == "StockMoved")).scalars())


def test_moves_together_are_all_posted(house: Warehouse) -> None:
    assert moved(house, move(house, 3), move(house, 7), move(house, 4, "B-01", "rack-1")) == [DONE, DONE, DONE]
    assert house.stock() == {"B-01 peas": (6, 0), "rack-1 peas": (4, 0)}


def test_one_that_asks_for_too_much_spoils_nobody_and_leaves_nothing(house: Warehouse) -> None:
    greedy = move(house, 8)

    assert moved(house, move(house, 3), greedy, move(house, 7)) == [DONE, "insufficient_stock", DONE]
    assert house.stock() == {"B-01 peas": (10, 0)}
    assert greedy.fact.id not in recorded(house)


def test_each_kind_of_bad_move_is_told_as_if_it_came_alone(house: Warehouse) -> None:
    house.keep(catalog.Location(site=SITE, code="shut", kind="bin", locked="in"), catalog.Location(site="s2", code="A-02", kind="bin"))
    unknown_place, two_sites, nothing, locked, cold = (move(house, 1, target=code) for code in ("gone", "x", "rack-1", "shut", "A-01"))
    two_sites = replace(two_sites, target=Account("s2/A-02", "peas"))
    unknown_item = Asked(house.fact("StockMoved"), Account(f"{SITE}/rack-1", "tea"), Account(f"{SITE}/B-01", "tea"), 1)
    unknown_unit = replace(move(house, 1), target=peas("B-01", "P-1"))
    numbered = replace(move(house, 1), serial_numbers=("S1",))
    bad = [unknown_place, two_sites, nothing, locked, cold, unknown_item, unknown_unit, numbered]

    answers = moved(house, *bad, move(house, 2))

    told = ["unknown_location", "two_sites", "nothing_moves", "place_locked", "place_condition", "unknown_item", "unknown_unit", "serials_not_wanted"]
    assert answers == [*told, DONE]
    assert [moved(house, replace(each, fact=house.fact("StockMoved"))) for each in bad] == [[code] for code in told]
    assert house.stock() == {"B-01 peas": (2, 0), "rack-1 peas": (8, 0)}


def test_same_fact_gets_the_same_answer_in_the_same_party_and_later(house: Warehouse) -> None:
    once = move(house, 3)
    other = replace(once, fact=replace(once.fact, body=b'{"other":1}'), quantity=4)

    assert moved(house, once, once, other) == [DONE, replace(DONE, again=True), "idempotency_key_reused"]
    assert moved(house, other, move(house, 1), once) == ["idempotency_key_reused", DONE, replace(DONE, again=True)]
    assert house.stock() == {"B-01 peas": (4, 0), "rack-1 peas": (6, 0)}


def test_last_room_of_a_place_goes_to_who_comes_first(house: Warehouse) -> None:
    house.keep(catalog.Location(site=SITE, code="small", kind="bin", capacity_units=5), catalog.Location(site=SITE, code="pure", kind="bin", mixed_lots=False))
    house.put("rack-1", "peas", 5, lot="L1")
    lot = replace(peas("rack-1"), lot="L1")
    mixed = Asked(house.fact("StockMoved"), lot, lot.at(f"{SITE}/pure"), 1)

    answers = moved(house, move(house, 3, target="small"), move(house, 3, target="small"), move(house, 2, target="small"), move(house, 1, target="pure"), mixed)

    assert answers == [DONE, "place_full", DONE, DONE, "place_mixed_lots"]


def test_reserved_goods_stay_and_go_along_when_that_is_asked_for(house: Warehouse) -> None:
    demand = ledger.Demand("line-1", SITE, "peas", 8)
    fact_id = recorded_fact(house)

    def reserve(connection: Connection) -> None:
        ledger.lock(connection, [(SITE, "peas")])
        ledger.reserve(connection, fact_id, [demand], house.now, pickable_only=False)

    house.do(reserve)
    along = replace(move(house, 10), with_reservations=True)

    assert moved(house, move(house, 3), along) == ["stock_reserved", DONE]
    assert house.stock() == {"B-01 peas": (10, 8)}


def recorded_fact(house: Warehouse) -> str:
    fact = house.fact()
    house.do(lambda c: ledger.record(c, fact, house.now))
    return fact.id


def test_goods_leave_their_pallet_beside_loose_ones(house: Warehouse) -> None:
    house.do(lambda c: numbers.keep_range(c, "", "00614141"))
    pallet = house.do(lambda c: handling.make_unit(c, house.fact(), "pallet", f"{SITE}/rack-1", house.now))
    house.do(lambda c: handling.put_in(c, house.fact(), pallet, [handling.Goods("peas", 6)], house.now))
    off = Asked(house.fact("StockMoved"), peas("rack-1", pallet), peas("B-01"), 6)

    assert moved(house, off, move(house, 4)) == [DONE, DONE]
    assert house.stock() == {"B-01 peas": (10, 0)}


def test_statements_do_not_grow_with_the_moves(house: Warehouse) -> None:
    assert moved(house, move(house, 1)) == [DONE]

    counts = [statements(house, [move(house, 1) for _ in range(number)]) for number in (2, 6)]

    assert counts[0] == counts[1]


def statements(house: Warehouse, asked: Sequence[Asked]) -> int:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(house.engine, "before_cursor_execute", note)
    try:
        house.do(lambda c: move_together(c, asked))
    finally:
        event.remove(house.engine, "before_cursor_execute", note)
    return len(seen)


@pytest.mark.slow
def test_parties_that_want_the_same_goods_at_once_never_take_more_than_there_is(house: Warehouse) -> None:
    start = threading.Barrier(4)
    house.put("B-01", "peas", 10)

    def party(number: int) -> list[Moved | DomainError]:
        ways = [("rack-1", "B-01"), ("B-01", "rack-1")]
        asked = [move(house, 3, *ways[(number + n) % 2]) for n in range(6)]
        start.wait(20)
        return list(house.do(lambda c: move_together(c, asked)))

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for party_answers in pool.map(party, range(4)) for answer in party_answers]

    assert {each.code for each in answers if isinstance(each, DomainError)} <= {"insufficient_stock"}
    assert len(recorded(house)) == sum(each == DONE for each in answers)
    assert sum(on_hand for on_hand, _ in house.stock().values()) == 20
    house.assert_sound()
