# SPDX-License-Identifier: Apache-2.0
import pytest

from firmware_sims.engine.body import BodyClock, Noise, exponential, linear
from firmware_sims.world.rooms import ColdRoom, RoomPlan, saturation_g_m3

HOUR_S = 3600.0


def _hours(room, hours, step_s=10.0):
    """Air temperatures of so many hours, one for each step."""
    seen = []
    for _ in range(round(hours * HOUR_S / step_s)):
        room.advance(step_s)
        seen.append(room.air_c)
    return seen


@pytest.mark.parametrize(("current", "target"), [(0.0, 10.0), (10.0, 0.0), (-3.0, -3.0)])
@pytest.mark.parametrize("dt_s", [0.0, 0.1, 5.0, 1e6])
def test_approaches_never_overshoot_whatever_the_step(current, target, dt_s):
    for reached in (linear(current, target, 2.0, dt_s), exponential(current, target, 3.0, dt_s), exponential(current, target, 0.0, dt_s)):
        assert min(current, target) <= reached <= max(current, target)


def test_exponential_approach_is_the_same_in_one_step_and_in_many():
    slow = 0.0
    for _ in range(100):
        slow = exponential(slow, 8.0, 30.0, 0.5)

    assert slow == pytest.approx(exponential(0.0, 8.0, 30.0, 50.0))


def test_noise_of_one_seed_is_always_the_same():
    assert [Noise(7, 0.05, 0.1).on(5.0) for _ in range(3)] == [Noise(7, 0.05, 0.1).on(5.0) for _ in range(3)]
    first, second = Noise(7, 0.05), Noise(8, 0.05)
    assert [first.on(5.0) for _ in range(3)] != [second.on(5.0) for _ in range(3)]


def test_time_that_runs_backwards_passes_nothing():
    passed = []
    clock = BodyClock(passed.append, speed=60.0)

    assert [clock.advance_to(now_s) for now_s in (100.0, 101.0, 90.0, 101.5)] == [0.0, 60.0, 0.0, 30.0]
    assert passed == [60.0, 30.0]


@pytest.mark.requirement("E18")
def test_compressor_keeps_the_room_within_its_hysteresis():
    room = ColdRoom(RoomPlan(defrost_every_s=0.0))

    air = _hours(room, 4)

    plan = room.plan
    assert plan.set_point_c - plan.hysteresis_k - 0.3 < min(air) < max(air) < plan.set_point_c + plan.hysteresis_k + 0.3
    assert room.goods_c == pytest.approx(plan.set_point_c, abs=0.2)


@pytest.mark.requirement("E18")
def test_defrost_warms_the_air_and_hardly_the_goods():
    room = ColdRoom(RoomPlan(goods_kg=5000.0))
    _hours(room, 1)
    room.start_defrost()

    air = _hours(room, 0.5)

    assert max(air) > room.plan.set_point_c + room.plan.hysteresis_k + 2
    assert room.goods_c < room.plan.set_point_c + 0.3
    assert max(_hours(room, 1)[-60:]) < room.plan.set_point_c + room.plan.hysteresis_k + 0.3, "it comes back"


@pytest.mark.requirement("E18")
def test_open_door_shows_on_the_air_probe_long_before_the_product_probe():
    room = ColdRoom(RoomPlan())
    _hours(room, 1)
    before = room.shown()
    room.door_is_open = True
    _hours(room, 0.25)

    shown = room.shown()

    assert shown["air_c"] > before["air_c"] + 3
    assert shown["product_c"] < before["product_c"] + 0.5
    assert shown["humidity_pct"] > before["humidity_pct"]
    assert (before["door"], shown["door"]) == (0.0, 1.0)


@pytest.mark.requirement("E18")
def test_full_room_warms_slower_than_an_empty_one_when_the_mains_fail():
    full, empty = ColdRoom(RoomPlan(goods_kg=8000.0, goods_w_per_k=600.0)), ColdRoom(RoomPlan(goods_kg=0.0))
    for room in (full, empty):
        room.mains_is_on = False
        _hours(room, 3)

    assert full.air_c < 7 < 12 < empty.air_c
    assert not full.compressor_runs
    assert empty.air_c < empty.outside_c


def test_warm_goods_are_mixed_with_what_is_there():
    room = ColdRoom(RoomPlan(goods_kg=1000.0), temperature_c=4.0)

    room.put_in(500.0, 16.0)

    assert (room.goods_kg, room.goods_c) == (1500.0, 8.0)


def test_result_does_not_depend_on_how_time_is_cut():
    coarse, fine = ColdRoom(RoomPlan()), ColdRoom(RoomPlan())
    _hours(coarse, 2, step_s=60.0)
    _hours(fine, 2, step_s=1.0)

    assert coarse.air_c == pytest.approx(fine.air_c, abs=2.0)  # both are somewhere in the same cycle
    assert coarse.goods_c == pytest.approx(fine.goods_c, abs=0.05)


def test_air_holds_as_much_water_as_tables_say():
    assert [saturation_g_m3(at_c) for at_c in (0.0, 10.0, 20.0, 30.0)] == pytest.approx([4.85, 9.41, 17.3, 30.4], rel=0.01)
