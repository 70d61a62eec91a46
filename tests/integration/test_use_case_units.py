# SPDX-License-Identifier: Apache-2.0
"""Handling units: pallet > case > each stand in one place with everything in them; reserved goods stay, or go with their reservations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog.rules import Item
from central.database import reading
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import Account
from central.ledger.tables import balance, handling_unit
from central.stock import handling, moves, numbers, queries
from central.stock.handling import Goods
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("X1")
RACK = f"{SITE}/rack-1"
BIN = f"{SITE}/B-01"
COOL = f"{SITE}/cool-1"


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    house = Warehouse(engine)
    house.keep(Item(code="milk", name="Long-life milk"))
    house.do(lambda c: numbers.keep_range(c, "", "00614141"))
    return house


def made(house: Warehouse, kind: str, parent: str | None = None, place: str = RACK) -> str:
    return house.do(lambda c: handling.make_unit(c, house.fact(), kind, place, house.now, parent=parent))


def filled(house: Warehouse, sscc: str, item: str, quantity: int) -> None:
    house.put("rack-1", item, quantity)
    house.do(lambda c: handling.put_in(c, house.fact(), sscc, [Goods(item, quantity)], house.now))


def pallet_with_cases(house: Warehouse) -> tuple[str, str, str]:
    pallet = made(house, "pallet")
    first, second = (made(house, "case", pallet) for _ in range(2))
    filled(house, first, "peas", 12)
    filled(house, second, "peas", 10)
    filled(house, pallet, "milk", 5)
    return pallet, first, second


def where(house: Warehouse) -> dict[tuple[str, str, str], int]:
    return {(row.place, row.item, row.unit): row.on_hand for row in house.rows(balance)}


def contents(house: Warehouse, sscc: str) -> dict[str, Any]:
    with reading(house.engine) as connection:
        return queries.unit_contents(connection, sscc)


def assert_consistent(house: Warehouse) -> None:
    with reading(house.engine) as connection:
        assert [*units.check(connection), *serials.check(connection)] == []
    house.assert_sound()


def test_sscc_of_our_own_is_new_each_time_and_has_its_check_digit(house: Warehouse) -> None:
    first, second = made(house, "pallet"), made(house, "pallet")

    assert (first, second) == ("006141410000000005", "006141410000000012")
    with pytest.raises(DomainError) as wrong:
        house.do(lambda c: handling.make_unit(c, house.fact(), "case", RACK, house.now, sscc="006141410000000006"))
    assert wrong.value.code == "bad_sscc"


def test_unit_moves_with_everything_in_it_in_one_posting(house: Warehouse) -> None:
    pallet, first, second = pallet_with_cases(house)

    house.do(lambda c: handling.move_unit(c, house.fact(), pallet, BIN, house.now))

    assert where(house) == {(BIN, "peas", first): 12, (BIN, "peas", second): 10, (BIN, "milk", pallet): 5}
    assert {row.sscc: row.place for row in house.rows(handling_unit)} == dict.fromkeys((pallet, first, second), BIN)
    assert_consistent(house)


def test_case_that_moves_alone_leaves_its_pallet(house: Warehouse) -> None:
    pallet, first, second = pallet_with_cases(house)

    house.do(lambda c: handling.move_unit(c, house.fact(), first, BIN, house.now))

    parents = {row.sscc: row.parent for row in house.rows(handling_unit)}
    assert (parents[first], parents[second]) == (None, pallet)
    assert_consistent(house)


def test_contents_are_a_tree_with_quantities_in_packagings(house: Warehouse) -> None:
    from sqlalchemy import insert

    from central.catalog.tables import packaging

    house.do(lambda c: c.execute(insert(packaging).values(item="peas", code="case", quantity=10)))
    pallet, first, _ = pallet_with_cases(house)

    tree = contents(house, pallet)

    assert tree["units"][0]["sscc"] == first
    assert tree["units"][0]["goods"][0]["packed"] == [{"packaging": "case", "count": 1, "of": 10}, {"packaging": "", "count": 2, "of": 1}]
    assert [(each["item"], each["quantity"]) for each in tree["totals"]] == [("milk", 5), ("peas", 22)]


def test_unit_never_stands_in_itself_nor_too_deep_nor_in_a_smaller_kind(house: Warehouse) -> None:
    pallet, first, _ = pallet_with_cases(house)
    inner = made(house, "case", first)
    innermost = made(house, "case", inner)

    def refused(child: str, parent: str) -> str:
        with pytest.raises(ConflictError) as error:
            house.do(lambda c: handling.nest_unit(c, house.fact(), child, parent, house.now))
        return error.value.code

    assert refused(first, innermost) == "unit_in_itself"
    assert refused(made(house, "case"), innermost) == "unit_too_deep"
    assert refused(made(house, "pallet"), first) == "unit_too_large"
    assert refused(made(house, "case", place=BIN), pallet) == "unit_elsewhere"
    assert_consistent(house)


def test_goods_are_split_off_merged_and_unpacked(house: Warehouse) -> None:
    pallet, first, second = pallet_with_cases(house)

    third = house.do(lambda c: handling.split_unit(c, house.fact(), first, [Goods("peas", 5)], house.now))
    assert where(house)[RACK, "peas", third] == 5
    house.do(lambda c: handling.merge_units(c, house.fact(), second, third, house.now))
    assert where(house)[RACK, "peas", third] == 15
    house.do(lambda c: handling.dissolve_unit(c, house.fact(), pallet, house.now))

    states = {row.sscc: (row.state, row.parent) for row in house.rows(handling_unit)}
    assert states == {pallet: ("dissolved", None), second: ("dissolved", None), first: ("open", None), third: ("open", None)}
    assert where(house)[RACK, "milk", ""] == 5
    assert_consistent(house)


def test_closed_unit_takes_nothing_in_until_it_is_opened(house: Warehouse) -> None:
    pallet, _, _ = pallet_with_cases(house)
    house.do(lambda c: handling.close_unit(c, house.fact(), pallet, house.now, closed=True))

    with pytest.raises(ConflictError) as refused:
        house.do(lambda c: handling.take_out(c, house.fact(), pallet, [Goods("milk", 1)], house.now))
    assert refused.value.code == "unit_not_open"

    house.do(lambda c: handling.close_unit(c, house.fact(), pallet, house.now, closed=False))
    house.do(lambda c: handling.take_out(c, house.fact(), pallet, [Goods("milk", 1)], house.now))
    assert where(house)[RACK, "milk", ""] == 1


@pytest.mark.requirement("R24", "R31")
def test_reserved_goods_stay_unless_their_reservation_goes_along(house: Warehouse) -> None:
    house.put("B-01", "peas", 10)
    made_ = house.do(lambda c: ledger.reserve(c, ledger.record(c, house.fact(), house.now).fact_id, [ledger.Demand("l1", SITE, "peas", 8)], house.now))
    source = Account(BIN, "peas")

    def move(quantity: int, *, along: bool) -> bool:
        return house.do(lambda c: moves.move_stock(c, house.fact(), source, source.at(RACK), quantity, house.now, with_reservations=along))

    with pytest.raises(ConflictError) as refused:
        move(3, along=False)
    assert (refused.value.code, "line l1" in refused.value.message) == ("stock_reserved", True)
    with pytest.raises(ConflictError):
        move(7, along=True)
    assert move(9, along=True)

    stock = house.stock()
    assert (stock["rack-1 peas"], stock["B-01 peas"]) == ((9, 8), (1, 0))
    house.do(lambda c: ledger.take(c, made_[0].id, 8, f"{SITE}/out", ledger.record(c, house.fact(), house.now).fact_id))
    assert house.stock()["out peas"] == (8, 0)
    assert_consistent(house)


def test_unit_with_reserved_goods_says_for_whom_they_are_kept(house: Warehouse) -> None:
    pallet, _, _ = pallet_with_cases(house)
    demand = [ledger.Demand("l1", SITE, "milk", 2)]
    house.do(lambda c: ledger.reserve(c, ledger.record(c, house.fact(), house.now).fact_id, demand, house.now, pickable_only=False))

    with pytest.raises(ConflictError) as refused:
        house.do(lambda c: handling.move_unit(c, house.fact(), pallet, BIN, house.now))
    assert refused.value.code == "stock_reserved"
    house.do(lambda c: handling.move_unit(c, house.fact(), pallet, BIN, house.now, with_reservations=True))

    assert house.stock()["B-01 milk"] == (5, 2)
    assert_consistent(house)


def test_unit_request_that_comes_again_changes_nothing(house: Warehouse) -> None:
    fact = house.fact()
    first = house.do(lambda c: handling.make_unit(c, fact, "pallet", RACK, house.now))
    again = house.do(lambda c: handling.make_unit(c, fact, "pallet", RACK, house.now))

    assert first == again
    assert len(house.rows(handling_unit)) == 1
    with pytest.raises(NotFoundError):
        house.do(lambda c: handling.move_unit(c, house.fact(), "nobody", BIN, house.now))


@pytest.mark.requirement("R19")
def test_pieces_with_serials_go_where_their_unit_goes(house: Warehouse) -> None:
    house.keep(Item(code="drill", name="Drill", tracking="serial"))
    account = Account(RACK, "drill")
    lines = [moves.Correction(RACK, "drill", 2, serials=("S1", "S2"))]
    house.do(lambda c: moves.correct_stock(c, house.fact(), lines, house.now))
    case = made(house, "case")
    house.do(lambda c: handling.put_in(c, house.fact(), case, [Goods("drill", 1, serial_numbers=("S2",))], house.now))
    house.do(lambda c: handling.move_unit(c, house.fact(), case, BIN, house.now))

    with reading(house.engine) as connection:
        assert serials.at_account(connection, account) == ["S1"]
        assert serials.at_account(connection, replace(account, place=BIN, unit=case)) == ["S2"]
        assert [each["to_place"] for each in serials.path_of(connection, "drill", "S2")] == [RACK, RACK, BIN]
    with pytest.raises(ConflictError) as elsewhere:
        house.do(lambda c: moves.move_stock(c, house.fact(), account, account.at(BIN), 1, house.now, serial_numbers=["S2"]))
    with pytest.raises(DomainError) as missing:
        house.do(lambda c: moves.move_stock(c, house.fact(), account, account.at(BIN), 1, house.now))
    assert (elsewhere.value.code, missing.value.code) == ("serial_elsewhere", "serials_wanted")
    assert_consistent(house)


@pytest.mark.requirement("R46")
def test_goods_picked_off_a_pallet_leave_it_and_a_whole_one_goes_along(house: Warehouse) -> None:
    from central.ledger.rules import CUSTOMER

    pallet, other = made(house, "pallet"), made(house, "pallet")
    filled(house, pallet, "peas", 12)
    filled(house, other, "milk", 5)

    def reserved(item: str, quantity: int) -> str:
        demand = [ledger.Demand(f"{item}-{quantity}", SITE, item, quantity)]
        (one,) = house.do(lambda c: ledger.reserve(c, ledger.record(c, house.fact(), house.now).fact_id, demand, house.now, pickable_only=False))
        return one.id

    pieces, whole = reserved("peas", 4), reserved("milk", 5)
    for number, quantity in ((pieces, 4), (whole, 5)):
        house.do(lambda c, number=number, quantity=quantity: ledger.take(c, number, quantity, f"{SITE}/out", ledger.record(c, house.fact(), house.now).fact_id))

    assert where(house) == {(RACK, "peas", pallet): 8, (f"{SITE}/out", "peas", ""): 4, (f"{SITE}/out", "milk", other): 5}
    rest = reserved("peas", 8)
    house.do(lambda c: ledger.take(c, rest, 8, CUSTOMER, ledger.record(c, house.fact(), house.now).fact_id))
    assert {row.sscc: (row.place, row.state) for row in house.rows(handling_unit)} == {pallet: ("", "shipped"), other: (f"{SITE}/out", "open")}
    assert_consistent(house)
