# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.outbound.scanned_text import Scanned, read_scan
from central.outbound.tour_rules import CARTS, MODES, Cart, Job, Mode, Pack, fits, packs, plan_tours, slot_name

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(task: str, order: str, rank: int = 0, zone: str = "A", **changes: object) -> Job:
    return Job(task, order, zone, f"s1/{zone}-{rank:02d}", rank, **changes)  # type: ignore[arg-type]  # of many kinds


def walked(plans: list, *, zones: bool = False) -> list:  # type: ignore[type-arg]
    return [((plan.zone,) if zones else ()) + tuple(each.task_id for each in plan.jobs) for plan in plans]


@pytest.mark.requirement("R47")
def test_by_order_every_order_is_a_walk_of_its_own_and_the_most_urgent_comes_first() -> None:
    jobs = [job("1", "x", 5), job("2", "y", 1), job("3", "x", 2), job("4", "z", 9, priority=1), job("5", "y", 3, due_at=NOON)]

    assert walked(plan_tours(jobs, "order", CARTS["order"])) == [("4",), ("2", "5"), ("3", "1")]


@pytest.mark.requirement("X7")
def test_cluster_gives_every_order_of_a_cart_its_slot() -> None:
    jobs = [job(f"{order}{rank}", order, rank) for order in "xyz" for rank in (1, 2)]

    (first, second) = plan_tours(jobs, "cluster", Cart(totes=2))

    assert (first.slots, [each.task_id for each in first.jobs]) == ({"x": "A", "y": "B"}, ["x1", "y1", "x2", "y2"])
    assert second.slots == {"z": ""}


@pytest.mark.requirement("X7")
def test_batch_takes_the_orders_that_add_the_fewest_places() -> None:
    jobs = [job("1", "a", 1), job("2", "b", 50), job("3", "c", 1), job("4", "d", 2)]

    plans = plan_tours(jobs, "batch", Cart(totes=2))

    assert walked(plans) == [("1", "3"), ("4", "2")]
    assert all(set(plan.slots.values()) == {""} for plan in plans)


@pytest.mark.requirement("X7")
def test_zones_are_walked_in_turn_with_the_same_totes() -> None:
    jobs = [job("1", "x", 30, "C"), job("2", "x", 10, "A"), job("3", "y", 20, "B"), job("4", "y", 11, "A")]

    plans = plan_tours(jobs, "zone", Cart(totes=2))

    assert walked(plans, zones=True) == [("A", "2", "4"), ("B", "3"), ("C", "1")]
    assert [plan.after for plan in plans] == [None, 0, 1]
    assert [plan.slots for plan in plans] == [{"x": "A", "y": "B"}, {"y": "B"}, {"x": "A"}]


def test_order_too_heavy_for_one_cart_becomes_several_walks() -> None:
    jobs = [job(str(rank), "x", rank, weight_g=600) for rank in range(1, 5)]

    assert walked(plan_tours(jobs, "order", Cart(1, weight_g=1200))) == [("1", "2"), ("3", "4")]


def test_pick_too_big_for_any_cart_goes_alone() -> None:
    jobs = [job("big", "x", 1, volume_cm3=9000), job("small", "x", 2, volume_cm3=10)]

    assert walked(plan_tours(jobs, "order", Cart(1, volume_cm3=100))) == [("big",), ("small",)]


JOBS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 30), st.sampled_from("ABC"), st.integers(0, 900), st.integers(1, 9)),
    max_size=40,
)


@given(JOBS, st.sampled_from(MODES), st.integers(1, 6), st.one_of(st.none(), st.integers(500, 2000)), st.one_of(st.none(), st.integers(1, 9)))
def test_every_pick_is_on_exactly_one_walk_and_no_cart_is_too_full(
    rows: list[tuple[int, int, str, int, int]], mode: Mode, totes: int, weight_g: int | None, picks: int | None
) -> None:
    jobs = [job(str(n), f"o{order}", rank, zone, weight_g=weight, priority=priority) for n, (order, rank, zone, weight, priority) in enumerate(rows)]
    cart = Cart(totes, weight_g, None, picks)

    plans = plan_tours(jobs, mode, cart)

    assert sorted(each.task_id for plan in plans for each in plan.jobs) == sorted(each.task_id for each in jobs)
    assert all(fits(plan.jobs, cart) or len(plan.jobs) == 1 for plan in plans)
    assert all(plan.after is None or plan.after < n for n, plan in enumerate(plans))
    if mode == "cluster":
        assert all(len(set(plan.slots.values())) == len(plan.slots) for plan in plans)


def test_a_wave_of_500_orders_is_parted_within_two_seconds() -> None:
    jobs = [job(f"{order}.{line}", f"o{order:03d}", (order * 37 + line * 101) % 900) for order in range(500) for line in range(4)]
    started_s = time.process_time()

    plans = plan_tours(jobs, "cluster", CARTS["cluster"])

    assert len(plans) == 63
    assert time.process_time() - started_s < 2


def test_slots_are_letters_and_then_letters_with_a_number() -> None:
    assert [slot_name(n) for n in (0, 25, 26, 52)] == ["A", "Z", "A2", "A3"]


def test_quantity_is_taken_in_whole_packagings_the_largest_first() -> None:
    assert packs(29, [("each", 1), ("case", 12), ("inner", 4)]) == [Pack("case", 2, 12), Pack("inner", 1, 4), Pack("each", 1, 1)]
    assert packs(3, []) == [Pack("each", 3, 1)]


@pytest.mark.requirement("R31")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A-01-2", Scanned("A-01-2")),
        ("00614141000012", Scanned("00614141000012")),
        ("]C10100614141000012" + "17261201" + "10L1\x1d21S7", Scanned("010061414100001217261201" + "10L1\x1d21S7", "00614141000012", "L1")),
        ("(01)00614141000012(10)L1", Scanned("(01)00614141000012(10)L1", "00614141000012", "L1")),
        ("0100614141", Scanned("0100614141")),
        ("(01) 00614141000012 (10) L(1)", Scanned("(01) 00614141000012 (10) L(1)", "00614141000012", "L(1)")),
        ("(10)L1(01)", Scanned("(10)L1(01)")),
        ("]C1010061414100001217000000" + "10L1", Scanned("010061414100001217000000" + "10L1", "00614141000012", "L1")),  # no date at all, yet whose it is
        ("]C1010061414100001231030001953922599" + "\x1d" + "10L1", Scanned("010061414100001231030001953922599\x1d10L1", "00614141000012", "L1")),
        ("]Q1https://id.gs1.org/01/00614141000012/10/L1?17=261201", Scanned("https://id.gs1.org/01/00614141000012/10/L1?17=261201", "00614141000012", "L1")),
        ("]d2\x1d0100614141000012" + "10L1\x1d\r\n", Scanned("\x1d0100614141000012" + "10L1\x1d", "00614141000012", "L1")),
        ("https://example.com/item/7", Scanned("https://example.com/item/7")),
        ("]A-01", Scanned("]A-01")),
        ("]E04006381333931", Scanned("4006381333931")),
    ],
)
def test_scan_is_read_as_the_scanner_types_it(text: str, said: Scanned) -> None:
    assert read_scan(text) == said
