# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.outbound.grouping import Grouping, Ways, first_come_first_served
from central.outbound.tour_rules import CARTS, Cart, Job, Mode, apart, fits, jobs_by_order, plan_tours
from central.tours import Aisle, Layout, Point, Stop

AISLES, BINS = 6, 8
LAYOUT = Layout([Aisle(f"A{n}", 4000 * n, 0, 20_000) for n in range(AISLES)], [0, 20_000])
STOPS = {f"s1/{a}-{b}": Stop(f"s1/{a}-{b}", f"A{a}", 1000 + 2400 * b) for a in range(AISLES) for b in range(BINS)}
WAYS = Ways(LAYOUT, Point(0, 0), Point(0, 0), STOPS)
SHARED: tuple[Mode, ...] = ("batch", "cluster", "wall")


def job(task: str, order: str, aisle: int, bin_: int, **changes: object) -> Job:
    return Job(task, order, "", f"s1/{aisle}-{bin_}", 10 * aisle + bin_, **changes)  # type: ignore[arg-type]  # of many kinds


def grouping(iterations: int = 300) -> Grouping:
    return Grouping(WAYS, iterations=iterations)


@pytest.mark.requirement("X7", "R49")
def test_orders_of_the_same_aisles_share_a_cart_though_they_came_apart() -> None:
    jobs = [job(f"{n}", f"o{n}", n % 2 * 5, n // 2) for n in range(8)]

    plans = plan_tours(jobs, "cluster", Cart(totes=4), together=grouping())

    assert [sorted({each.place[3] for each in plan.jobs}) for plan in plans] == [["0"], ["5"]]


@pytest.mark.requirement("R48")
def test_urgent_orders_are_on_one_cart_and_not_strewn_over_those_of_others() -> None:
    jobs = [job(f"{n}", f"o{n}", n % 6, n % 8, priority=1 if n % 4 == 0 else 5) for n in range(16)]

    first, *others = plan_tours(jobs, "cluster", Cart(totes=4), together=grouping())

    assert {each.priority for each in first.jobs} == {1}
    assert {each.priority for plan in others for each in plan.jobs} == {5}


@pytest.mark.requirement("X7")
def test_room_beside_urgent_orders_is_used() -> None:
    jobs = [job("1", "a", 0, 1, priority=1), job("2", "b", 0, 2), job("3", "c", 5, 1)]

    plans = plan_tours(jobs, "cluster", Cart(totes=2), together=grouping())

    assert [[each.task_id for each in plan.jobs] for plan in plans] == [["1", "2"], ["3"]]


@pytest.mark.requirement("X7")
@pytest.mark.parametrize("mode", SHARED)
def test_cold_goods_and_owners_goods_do_not_share_what_must_be_apart(mode: Mode) -> None:
    jobs = [job(f"{n}", f"o{n}", 0, n, condition="frozen" if n % 2 else "ambient", owner="acme" if n < 4 else "") for n in range(8)]

    plans = plan_tours(jobs, mode, CARTS[mode], together=grouping())

    assert {frozenset(each.condition for each in plan.jobs) for plan in plans} == {frozenset(["frozen"]), frozenset(["ambient"])}
    assert len(plans) == (2 if mode == "cluster" else 4)


def test_places_without_coordinates_are_grouped_by_rank_beside_the_others() -> None:
    jobs = [job("1", "a", 0, 1), Job("2", "b", "", "s1/unknown", 3), Job("3", "c", "", "s1/unknown", 3), job("4", "d", 0, 2)]

    plans = plan_tours(jobs, "batch", Cart(totes=2), together=grouping())

    assert [[each.task_id for each in plan.jobs] for plan in plans] == [["1", "4"], ["2", "3"]]


def test_same_orders_give_the_same_tours_unless_the_clock_ends_the_search() -> None:
    jobs = [job(f"{n}", f"o{n // 2}", n * 7 % 6, n * 5 % 8) for n in range(60)]
    ticks = iter(range(10_000))

    once, again = (plan_tours(jobs, "cluster", CARTS["cluster"], together=grouping()) for _ in range(2))
    hurried = plan_tours(jobs, "cluster", CARTS["cluster"], together=Grouping(WAYS, iterations=10**9, clock=lambda: float(next(ticks))))

    assert once == again
    assert sorted(each.task_id for plan in hurried for each in plan.jobs) == sorted(each.task_id for each in jobs)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.integers(0, AISLES - 1),
        st.integers(0, BINS - 1),
        st.integers(0, 900),
        st.integers(0, 400),
        st.sampled_from((1, 5, 5, 9)),
        st.sampled_from(("ambient", "ambient", "frozen")),
        st.sampled_from(("", "acme")),
        st.booleans(),
    ),
    max_size=40,
)
LIMIT = st.one_of(st.none(), st.integers(500, 2500))


@pytest.mark.requirement("X7", "R49")
@given(ROWS, st.sampled_from(SHARED), st.integers(1, 6), LIMIT, LIMIT, st.one_of(st.none(), st.integers(1, 9)))
def test_every_task_is_in_exactly_one_tour_capacities_hold_and_nothing_is_mixed_that_must_not_be(
    rows: list[tuple[int, int, int, int, int, int, str, str, bool]], mode: Mode, totes: int, weight_g: int | None, volume_cm3: int | None, picks: int | None
) -> None:
    jobs = []
    for n, (order, aisle, bin_, weight, volume, priority, condition, owner, known) in enumerate(rows):
        made = job(str(n), f"o{order}", aisle, bin_, weight_g=weight, volume_cm3=volume, priority=priority, condition=condition, owner=owner)
        jobs.append(made if known or n % 5 else Job(str(n), f"o{order}", "", "s1/unknown", 3, weight, volume, priority, condition=condition, owner=owner))
    cart = Cart(totes, weight_g, volume_cm3, picks)

    plans = plan_tours(jobs, mode, cart, together=grouping(50))

    assert sorted(each.task_id for plan in plans for each in plan.jobs) == sorted(each.task_id for each in jobs)
    assert all(fits(plan.jobs, cart) or len(plan.jobs) == 1 for plan in plans)
    assert all(len({apart(each, mode) for each in plan.jobs}) == 1 for plan in plans)


@pytest.mark.requirement("X7", "R49")
@given(ROWS, st.integers(2, 6), LIMIT)
def test_groups_are_never_longer_than_carts_filled_first_come_first_served(
    rows: list[tuple[int, int, int, int, int, int, str, str, bool]], totes: int, weight_g: int | None
) -> None:
    cart = Cart(totes, weight_g)
    jobs = [job(str(n), f"o{order}", aisle, bin_, weight_g=weight, priority=priority) for n, (order, aisle, bin_, weight, _, priority, *_) in enumerate(rows)]
    fitting = [order for order in jobs_by_order(jobs) if fits(order, cart)]
    group = grouping(50)

    made = group([each for order in fitting for each in order], cart)

    assert all(fits(each, cart) for each in made)
    assert group.walk_mm(made) <= group.walk_mm(first_come_first_served(fitting, cart))


@pytest.mark.slow
@pytest.mark.requirement("X7")
def test_wave_of_500_orders_is_grouped_into_full_carts_and_a_quarter_shorter_than_first_come() -> None:
    jobs = [job(f"{order}.{line}", f"o{order:03d}", (order * 37 + line) % AISLES, (order * 11 + line * 3) % BINS) for order in range(500) for line in range(2)]
    group = grouping(0)

    plans = plan_tours(jobs, "cluster", CARTS["cluster"], together=group)

    assert sorted(each.task_id for plan in plans for each in plan.jobs) == sorted(each.task_id for each in jobs)
    assert 63 <= len(plans) <= 66
    first_come = first_come_first_served(jobs_by_order(jobs), CARTS["cluster"])
    assert group.walk_mm([list(plan.jobs) for plan in plans]) < 0.75 * group.walk_mm(first_come)
