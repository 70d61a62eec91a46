# SPDX-License-Identifier: Apache-2.0
"""Rules of the ledger, each told as a small ledger."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.errors import DomainError, InsufficientStockError
from central.ledger.removal import allocate
from central.ledger.rules import (
    NO_EXPIRY,
    Account,
    Demand,
    Holding,
    Leg,
    Supply,
    UnbalancedError,
    UnknownPlaceError,
    changed_holdings,
    check_legs,
    leaf_hash,
    merkle_root,
    net_changes,
    pack_positions,
    unpack_positions,
)

DAY = datetime(2026, 11, 21, tzinfo=UTC)


def legs(text: str) -> list[Leg]:
    """A small ledger: `place item quantity` a line."""
    return [Leg(Account(place, item), int(quantity)) for place, item, quantity in (line.split() for line in text.strip().splitlines())]


def supply(number: int, free: int, expiry: date = NO_EXPIRY, age_days: int = 0, rank: int = 0) -> Supply:
    return Supply(number, Account(f"s1/{number}", "milk"), free, expiry, DAY - timedelta(days=age_days), rank)


def test_posting_that_sums_to_zero_per_item_is_taken() -> None:
    check_legs(legs("@vendor milk -5\n s1/a milk 5\n s1/a eggs -2\n @loss eggs 2"))


def test_posting_that_loses_something_is_refused() -> None:
    with pytest.raises(UnbalancedError, match="item milk: the legs sum to -1"):
        check_legs(legs("@vendor milk -5\n s1/a milk 4"))


def test_items_do_not_balance_each_other() -> None:
    with pytest.raises(UnbalancedError, match="item eggs"):
        check_legs(legs("@vendor milk -5\n s1/a eggs 5"))


@pytest.mark.parametrize("place", ["@nowhere", "bin-without-site", "s1/", "/a", ""])
def test_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(UnknownPlaceError):
        check_legs([Leg(Account(place, "milk"), 1), Leg(Account("@vendor", "milk"), -1)])


def test_status_that_is_none_is_refused() -> None:
    with pytest.raises(DomainError, match="not one of available, inspect"):
        check_legs([Leg(Account("s1/a", "milk", status="lovely"), 1), Leg(Account("@vendor", "milk"), -1)])  # type: ignore[arg-type]


def test_virtual_places_keep_no_balance() -> None:
    assert net_changes(legs("@vendor milk -5\n s1/a milk 5")) == {Account("s1/a", "milk"): 5}


def test_what_goes_and_comes_back_changes_nothing() -> None:
    assert net_changes(legs("s1/a milk -5\n s1/a milk 5")) == {}


def test_holding_cannot_go_below_what_is_reserved() -> None:
    account = Account("s1/a", "milk")

    with pytest.raises(InsufficientStockError, match="8 wanted, 7 there and free"):
        changed_holdings({account: -8}, {account: Holding(10, 3)}, {})

    assert changed_holdings({account: -8}, {account: Holding(10, 3)}, {account: 3}) == {account: Holding(2, 0)}


def test_allocation_is_by_expiry_then_age_then_rank() -> None:
    soon, later = date(2026, 12, 1), date(2026, 12, 2)
    supplies = [supply(1, 1), supply(2, 1, later), supply(3, 1, soon, rank=2), supply(4, 1, soon, rank=1), supply(5, 1, soon, age_days=9, rank=9)]

    given = allocate([Demand("1", "s1", "milk", 9)], supplies)

    assert [each.supply.balance_id for each in given] == [5, 4, 3, 2, 1]


def test_short_line_gets_what_there_is_and_the_next_gets_nothing() -> None:
    given = allocate([Demand("1", "s1", "milk", 9), Demand("2", "s1", "milk", 1)], [supply(1, 4)])

    assert [(each.line_id, each.quantity) for each in given] == [("1", 4)]


@given(st.lists(st.integers(1, 9), max_size=8), st.lists(st.integers(1, 9), max_size=8))
def test_allocation_gives_as_much_as_demand_and_supply_allow(wanted: list[int], free: list[int]) -> None:
    supplies = [supply(n, quantity, date(2026, 12, 1) + timedelta(days=n % 3)) for n, quantity in enumerate(free)]

    given = allocate([Demand(str(n), "s1", "milk", quantity) for n, quantity in enumerate(wanted)], supplies)

    assert sum(each.quantity for each in given) == min(sum(wanted), sum(free))
    order = [each.supply.fefo_key for each in given]
    assert order == sorted(order)


def test_account_reads_like_a_sentence() -> None:
    assert str(Account("s1/a", "milk", "L1", status="hold", unit="00614141123456789010")) == "s1/a: item milk lot L1 unit 00614141123456789010, hold"


def test_merkle_root_is_the_one_of_rfc_6962() -> None:
    """Section 2.1.3 draws the tree of seven leaves; its root is hash(hash(ab, cd), hash(ef, g))."""
    a, b, c, d, e, f, g = (hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(7))

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    assert merkle_root([a, b, c, d, e, f, g]) == node(node(node(a, b), node(c, d)), node(node(e, f), g))
    assert merkle_root([]) == hashlib.sha256(b"").digest()


def test_leaves_differ_when_fields_move_over_their_border() -> None:
    assert leaf_hash(("ab", "c"), []) != leaf_hash(("a", "bc"), [])
    assert leaf_hash(("a",), [("b",)]) != leaf_hash(("a", "b"), [])


@given(st.lists(st.integers(0, 2**63 - 1), max_size=20))
def test_positions_survive_packing(positions: list[int]) -> None:
    assert unpack_positions(pack_positions(positions)) == tuple(positions)


def test_torn_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of 8"):
        unpack_positions(b"123")
