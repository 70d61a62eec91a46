# SPDX-License-Identifier: Apache-2.0
"""Which stock leaves first: the rule's own key is never broken; whole units, cases and pieces decide only between equals."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.ledger.removal import allocate, leading_key, may_serve
from central.ledger.rules import NO_EXPIRY, RULES, Account, Allocation, Demand, Rule, Supply

DAY = datetime(2026, 11, 21, tzinfo=UTC)
SOON, LATER = date(2026, 12, 1), date(2026, 12, 9)
pytestmark = [pytest.mark.requirement("R21"), pytest.mark.requirement("R44")]


def supply(
    number: int, free: int, expiry: date = SOON, *, age_days: int = 0, rank: int = 0, owner: str = "", unit: str = "", parts: int = 1, pickable: bool = True
) -> Supply:
    account = Account(f"s1/{number}", "milk", owner=owner, unit=f"{unit}-{number}" if unit else "")
    return Supply(number, account, free, expiry, DAY - timedelta(days=age_days), rank, pickable, unit, parts)


def want(quantity: int, rule: Rule = "fefo", *, sizes: tuple[int, ...] = (), owner: str = "", keep_until: date | None = None, line: str = "1") -> Demand:
    return Demand(line, "s1", "milk", quantity, keep_until, rule, owner, sizes)


def given_out(demand: Demand, *supplies: Supply) -> list[tuple[int, int]]:
    return [(each.supply.balance_id, each.quantity) for each in allocate([demand], supplies)]


def test_full_pallet_never_goes_before_goods_that_expire_earlier() -> None:
    pallet, loose = supply(1, 40, LATER, unit="P"), supply(2, 5)

    assert given_out(want(44), pallet, loose) == [(2, 5), (1, 39)]
    assert given_out(want(45), pallet, loose) == [(2, 5), (1, 40)]


def test_largest_whole_unit_that_fits_goes_first_then_cases_then_pieces() -> None:
    stock = [supply(1, 48, unit="BIG"), supply(2, 24, unit="MID"), supply(3, 24, unit="LOW", rank=-1), supply(4, 20, age_days=3), supply(5, 7, age_days=9)]

    assert given_out(want(24 + 12 + 3, sizes=(12, 6)), *stock) == [(3, 24), (4, 12), (5, 3)]
    assert given_out(want(48 + 24, sizes=(12, 6)), *stock) == [(1, 48), (3, 24)]


def test_pieces_come_from_the_oldest_then_the_nearest() -> None:
    assert given_out(want(6), supply(1, 2, rank=1), supply(2, 2, rank=9, age_days=1), supply(3, 2, rank=0)) == [(2, 2), (3, 2), (1, 2)]


def test_storage_gives_whole_units_only() -> None:
    stock = [supply(1, 40, unit="P", pickable=False), supply(2, 5, LATER)]

    assert given_out(want(39), *stock) == [(2, 5)]
    assert given_out(want(41), *stock) == [(1, 40), (2, 1)]


def test_unit_leaves_storage_with_all_of_its_parts_or_not_at_all() -> None:
    whole = [supply(1, 6, unit="P", parts=2, pickable=False), supply(2, 6, unit="P", parts=2, pickable=False)]
    mixed = [supply(3, 6, unit="Q", parts=2, pickable=False), supply(4, 6, LATER, unit="Q", parts=2, pickable=False)]

    assert given_out(want(20), *whole, *mixed) == [(1, 6), (2, 6)]


def test_unit_that_an_earlier_line_broke_is_no_whole_unit_any_more() -> None:
    unit = supply(1, 10, unit="P")

    made = allocate([want(3, line="1"), want(10, line="2")], [unit])

    assert [(each.line_id, each.quantity) for each in made] == [("1", 3), ("2", 7)]


def test_fewest_places_means_the_largest_first() -> None:
    assert given_out(want(12, "least_packages"), supply(1, 3), supply(2, 9, LATER), supply(3, 8, LATER)) == [(2, 9), (3, 3)]


def test_goods_without_expiry_leave_last_and_by_age() -> None:
    stock = [supply(1, 1, NO_EXPIRY, age_days=1), supply(2, 1, NO_EXPIRY, age_days=5), supply(3, 1, LATER)]

    assert given_out(want(3), *stock) == [(3, 1), (2, 1), (1, 1)]


def test_owner_and_remaining_life_decide_what_may_leave_at_all() -> None:
    stock = [supply(1, 5, owner="acme"), supply(2, 5), supply(3, 5, LATER)]

    assert given_out(want(9, owner="acme"), *stock) == [(1, 5)]
    assert given_out(want(9, keep_until=LATER), *stock) == [(3, 5)]


_rules = st.sampled_from(RULES)
_supplies = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.sampled_from(("", "", "P", "Q")), st.sampled_from(("", "acme"))),
    max_size=12,
)
_demands = st.lists(
    st.tuples(
        st.integers(1, 60),
        _rules,
        st.sampled_from(((), (6,), (12, 4))),
        st.sampled_from(("", "acme")),
        st.sampled_from((None, SOON + timedelta(days=1), LATER)),
    ),
    min_size=1,
    max_size=6,
)


def _built(rows: list[tuple[int, int, int, int, str, str]]) -> list[Supply]:
    parts = Counter(unit for *_, unit, _ in rows)
    return [
        supply(n, free, SOON + timedelta(days=days), age_days=age, rank=rank, unit=unit, parts=parts[unit] if unit else 1, owner=owner, pickable=unit != "Q")
        for n, (free, days, age, rank, unit, owner) in enumerate(rows)
    ]


@given(_supplies, _demands)
def test_no_allocation_breaks_the_order_of_its_rule_or_takes_too_much(
    rows: list[tuple[int, int, int, int, str, str]], wanted: list[tuple[int, Rule, tuple[int, ...], str, date | None]]
) -> None:
    supplies = _built(rows)
    demands = [want(quantity, rule, sizes=sizes, owner=owner, keep_until=until, line=str(n)) for n, (quantity, rule, sizes, owner, until) in enumerate(wanted)]

    made = allocate(demands, supplies)

    left = {each.balance_id: each.free for each in supplies}
    by_line: dict[str, list[Allocation]] = defaultdict(list)
    for each in made:
        by_line[each.line_id].append(each)
    for demand in demands:
        mine = by_line[demand.line_id]
        _check_line(demand, mine, supplies, left)
        for each in mine:
            left[each.supply.balance_id] -= each.quantity
    assert min(left.values(), default=0) >= 0


def _check_line(demand: Demand, mine: list[Allocation], supplies: list[Supply], left: dict[int, int]) -> None:
    total = sum(each.quantity for each in mine)
    assert total <= demand.quantity
    assert len({each.supply.balance_id for each in mine}) == len(mine)
    assert all(may_serve(demand, each.supply) for each in mine)
    for each in mine:
        assert each.supply.pickable or each.quantity == each.supply.free
    pieces = [each for each in supplies if may_serve(demand, each) and each.pickable and left[each.balance_id]]
    taken = {each.supply.balance_id: each.quantity for each in mine}
    rest = [each for each in pieces if taken.get(each.balance_id, 0) < left[each.balance_id]]
    # No false shortage: a short line leaves no piece behind that it could have had.
    assert total == demand.quantity or not rest
    if mine:
        last = max(leading_key(demand.rule, each.supply) for each in mine)
        assert all(leading_key(demand.rule, each) >= last for each in rest)
