# SPDX-License-Identifier: Apache-2.0
"""Walks of pickers, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from central.catalog.tables import aisle
from central.database import reading
from central.errors import ConflictError, NotFoundError
from central.outbound import answers, mispicks, pickers, service, totes, tour_queries, walking
from central.outbound.picking_tables import mispick, picker_session, tour_tote
from central.outbound.tables import customer_order, order_line, pick_task, tour, wave
from central.outbound.tour_rules import Cart
from contracts.commands import CancelTasks, LightTasks
from contracts.events import LightFailed, UnexpectedPress, ZoneCompleted
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.warehouse import NOW, SITE

pytestmark = pytest.mark.slow


@pytest.fixture
def floor(engine: Engine) -> Iterator[PickingFloor]:
    floor = floor_on(engine)
    yield floor
    floor.assert_sound()


def lit(floor: PickingFloor) -> list[tuple[str, str, int, str]]:
    """(bin, colour, sequence, station) of every task in every command to light, in turn."""
    commands: list[LightTasks] = floor.commands("LightTasks")
    return [(task.bin, task.colour, task.sequence, command.station) for command in commands for task in command.tasks]


@pytest.mark.requirement("R47", "R49")
def test_walk_of_an_order_is_the_shortest_over_the_sites_own_coordinates(floor: PickingFloor) -> None:
    wave_id = floor.wave("order")
    floor.order("1", ("g14", 1), ("g31", 1), ("g21", 1), ("g33", 1), wave_id=wave_id)

    (tour_id,) = floor.plan(wave_id)

    row = floor.row(tour_id)
    # 12 m up, 8 m across, 12 m down, and 12 m for a side trip into aisle 2, at the beginning or at the end.
    assert (row.length_mm, row.exact, row.start_place, row.end_place) == (44_000, True, "s1/start", "s1/pack")
    codes = [code for code, _ in floor.walk(tour_id)]
    assert [code for code in codes if code != "P-2-1"] == ["P-1-4", "P-3-3", "P-3-1"]
    assert codes.index("P-2-1") in (0, 3)
    assert row.walk[0] == [0, 0]
    assert row.walk[-1] == [8000, 0]


@pytest.mark.requirement("R49")
def test_walk_follows_one_way_aisles(floor: PickingFloor) -> None:
    floor.do(lambda c: c.execute(update(aisle).where(aisle.c.code == "P1").values(direction="up")))
    floor.do(lambda c: c.execute(update(aisle).where(aisle.c.code == "P3").values(direction="down")))
    wave_id = floor.wave("order")
    floor.order("1", ("g11", 1), ("g14", 1), ("g31", 1), ("g34", 1), wave_id=wave_id)

    (tour_id,) = floor.plan(wave_id)

    assert [code for code, _ in floor.walk(tour_id)] == ["P-1-1", "P-1-4", "P-3-4", "P-3-1"]


@pytest.mark.requirement("R49")
def test_places_without_coordinates_are_walked_by_rank_and_the_length_is_not_known(floor: PickingFloor) -> None:
    floor.put("A-01", "milk", 5)
    wave_id = floor.wave("order")
    floor.order("1", ("g31", 1), ("g11", 1), ("milk", 1), wave_id=wave_id)

    (tour_id,) = floor.plan(wave_id)

    assert [code for code, _ in floor.walk(tour_id)] == ["A-01", "P-1-1", "P-3-1"]
    assert (floor.row(tour_id).length_mm, floor.row(tour_id).exact, floor.row(tour_id).walk) == (None, False, None)


@pytest.mark.requirement("R51", "E8")
def test_walk_is_dark_until_it_is_taken_and_lights_in_its_pickers_colour(floor: PickingFloor) -> None:
    wave_id = floor.wave("order")
    floor.order("1", ("g11", 2), ("g21", 3), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    assert floor.commands("LightTasks") == []
    li, wang = floor.join("li"), floor.join("wang")

    assert (floor.next("wang"), floor.next("wang"), floor.next("li")) == (tour_id, tour_id, None)

    assert li.colour != wang.colour
    assert sorted(lit(floor)) == [("P-1-1", wang.colour, 0, "zone-p1"), ("P-2-1", wang.colour, 0, "zone-p2")]
    assert {row.state for row in floor.tasks()} == {"lit"}
    assert (floor.row(tour_id).picker, floor.row(tour_id).state) == ("wang", "picking")


@pytest.mark.requirement("X7", "E8")
def test_cart_of_totes_is_lit_one_after_the_other_so_that_each_light_means_one_slot(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    floor.order("1", ("g11", 2), ("g21", 1), wave_id=wave_id)
    floor.order("2", ("g11", 3), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")

    stop = floor.stop(tour_id)

    assert stop is not None
    assert (stop["bin"], stop["quantity"], stop["slot"], stop["tote"], stop["lamp"]) == ("P-1-1", 2, "A", "T-1", "lit")
    assert [(each["bin"], each["quantity"], each["slot"]) for each in stop["next"]] == [("P-1-1", 3, "B"), ("P-2-1", 1, "A")]
    assert [(code, sequence) for code, _, sequence, _ in lit(floor)] == [("P-1-1", 1), ("P-1-1", 2), ("P-2-1", 3)]
    assert floor.answer(tour_id) == "full"
    assert floor.answer(tour_id) == "full"
    assert [(row.slot, row.tote, row.state) for row in floor.rows(tour_tote)] == [("A", "T-1", "open"), ("B", "T-2", "done")]
    assert floor.answer(tour_id) == "full"
    assert (floor.stop(tour_id), floor.row(tour_id).state) == (None, "done")
    assert {row.state for row in floor.rows(customer_order)} == {"picked"}
    assert [row.state for row in floor.rows(wave)] == ["done"]
    assert [row.answered_by for row in floor.tasks()] == ["li"] * 3


@pytest.mark.requirement("X7")
def test_batch_is_one_walk_into_one_tote(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), wave_id=(wave_id := floor.wave("batch")))
    floor.order("2", ("g11", 3), ("g12", 1), wave_id=wave_id)

    (tour_id,) = floor.plan(wave_id)

    assert floor.walk(tour_id) in ([("P-1-1", 2), ("P-1-1", 3), ("P-1-2", 1)], [("P-1-1", 3), ("P-1-1", 2), ("P-1-2", 1)])
    assert [(row.slot, row.order_id) for row in floor.rows(tour_tote)] == [("", None)]


@pytest.mark.requirement("X7")
def test_zone_passes_the_tote_on_to_the_next_one(floor: PickingFloor) -> None:
    wave_id = floor.wave("zone")
    floor.order("1", ("g11", 1), ("g21", 1), ("g22", 1), wave_id=wave_id)
    first, second = floor.plan(wave_id)
    floor.join("li", "P1")
    floor.join("wang", "P2")
    assert floor.next("wang") is None
    assert floor.next("li") == first

    floor.answer(first)

    assert floor.next("wang") == second
    assert [(floor.row(each).zone, floor.row(each).after_tour) for each in (first, second)] == [("P1", None), ("P2", first)]
    assert {row.tote for row in floor.tasks()} == {"T-1"}
    assert floor.walk(second) == [("P-2-1", 1), ("P-2-2", 1)]


@pytest.mark.requirement("R51", "X7")
def test_picker_at_lights_gets_the_next_walk_without_a_screen(floor: PickingFloor) -> None:
    wave_id = floor.wave("order")
    floor.order("1", ("g11", 1), wave_id=wave_id)
    floor.order("2", ("g12", 1), wave_id=wave_id)
    li = floor.join("li", "P1", auto=True)

    floor.plan(wave_id)
    assert [(code, colour) for code, colour, _, _ in lit(floor)] == [("P-1-1", li.colour)]
    (task,) = floor.tasks(state="lit")
    floor.press(task)

    assert sorted(code for code, _, _, _ in lit(floor)) == ["P-1-1", "P-1-2"]
    assert {row.answered_by for row in floor.tasks(state="done")} == {"li"}


@pytest.mark.requirement("R47")
def test_picks_without_a_walk_are_planned_when_somebody_asks_for_the_next_one(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1), ("g34", 1))
    floor.join("li")

    tour_id = floor.next("li")

    assert tour_id is not None
    assert floor.walk(tour_id) == [("P-1-1", 1), ("P-3-4", 1)]


@pytest.mark.requirement("R48", "R49")
def test_most_urgent_walk_is_taken_first(floor: PickingFloor) -> None:
    late, early = floor.order("1", ("g11", 1)), floor.order("2", ("g21", 1))
    floor.do(lambda c: c.execute(update(customer_order).where(customer_order.c.id == early).values(priority=1)))
    floor.pool("order")
    floor.join("li")

    tour_id = floor.next("li")

    assert [row.order_id for row in floor.tasks(tour_id=tour_id)] == [early]
    assert late != early


@pytest.mark.requirement("X7")
def test_two_pickers_never_get_the_same_walk(floor: PickingFloor) -> None:
    for number in range(8):
        floor.order(str(number), (f"g1{1 + number % 4}", 1))
    names = [f"p{n}" for n in range(8)]
    for name in names:
        floor.join(name)

    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(floor.next, names))

    taken = [each for each in got if each is not None]
    assert len(set(taken)) == len(taken)
    # Whoever asked while another was planning may have seen nothing; asking again gives the rest.
    again = {name: floor.next(name) for name in names}
    assert None not in again.values()
    assert len(set(again.values())) == 8


@pytest.mark.requirement("R48", "X7")
def test_picker_goes_home_and_the_rest_of_the_walk_is_planned_for_another(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    floor.order("1", ("g11", 1), ("g34", 1), wave_id=wave_id)
    floor.order("2", ("g14", 1), ("g21", 1), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")
    floor.answer(tour_id)

    made = floor.do(lambda c: pickers.leave(c, floor.fact(), "li", floor.now))

    (rest,) = made
    cancelled = [task for command in floor.commands("CancelTasks") if isinstance(command, CancelTasks) for task in command.task_ids]
    assert len(cancelled) == 1 + 3  # the light that the screen answered, and those of the rest
    assert {row.state for row in floor.tasks(tour_id=rest)} == {"listed"}
    assert (floor.row(tour_id).state, floor.row(rest).state, floor.row(rest).picker) == ("done", "ready", "")
    assert [row.until is not None for row in floor.rows(picker_session)] == [True]
    wang = floor.join("wang")
    assert floor.next("wang") == rest
    assert [colour for _, colour, _, _ in lit(floor)].count(wang.colour) >= 3
    slots = {row.order_id: row.slot for row in floor.tasks()}
    assert {row.slot for row in floor.tasks(tour_id=rest)} == set(slots.values())
    while floor.stop(rest) is not None:
        floor.answer(rest)
    assert {row.state for row in floor.rows(customer_order)} == {"picked"}
    assert [row.state for row in floor.rows(wave)] == ["done"]


@pytest.mark.requirement("X7")
def test_walk_given_back_before_its_first_pick_is_ready_as_it_was(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")

    assert floor.do(lambda c: walking.give_back(c, floor.fact().id, tour_id, floor.now)) == tour_id
    assert floor.do(lambda c: walking.give_back(c, floor.fact().id, tour_id, floor.now)) == tour_id
    assert (floor.row(tour_id).state, floor.row(tour_id).picker) == ("ready", "")


@pytest.mark.requirement("R51", "X7")
def test_next_zone_waits_for_the_rest_of_a_walk_that_was_given_back(floor: PickingFloor) -> None:
    wave_id = floor.wave("zone")
    floor.order("1", ("g11", 1), ("g12", 1), ("g21", 1), wave_id=wave_id)
    first, second = floor.plan(wave_id)
    floor.join("li", "P1")
    floor.join("wang", "P2")
    floor.next("li")
    floor.answer(first)

    rest = floor.do(lambda c: walking.give_back(c, floor.fact().id, first, floor.now))

    assert floor.row(second).after_tour == rest
    assert floor.next("wang") is None
    assert floor.next("li") == rest


@pytest.mark.requirement("R51", "R48")
def test_short_bin_is_replaced_by_another_on_the_walk_at_the_best_position(floor: PickingFloor) -> None:
    floor.put("P-2-3", "g11", 10)
    wave_id = floor.wave("order")
    floor.order("1", ("g11", 8), ("g34", 1), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    assert floor.walk(tour_id) == [("P-1-1", 8), ("P-3-4", 1)]
    floor.join("li")
    floor.next("li")

    assert floor.answer(tour_id, 5) == "short"

    assert floor.walk(tour_id) == [("P-2-3", 3), ("P-3-4", 1)]
    assert [row.sequence for row in floor.tasks(tour_id=tour_id)] == [1, 2, 3]
    assert {row.bin: row.state for row in floor.tasks(tour_id=tour_id)} == {"P-1-1": "short", "P-2-3": "lit", "P-3-4": "lit"}
    assert "P-2-3" in [code for code, _, _, _ in lit(floor)]
    assert floor.row(tour_id).walk[0] == [0, 2000]
    while floor.stop(tour_id) is not None:
        floor.answer(tour_id)
    assert [(row.state, row.picked_at) for row in floor.rows(customer_order)] == [("picked", NOW)]
    assert floor.asked() == ["pick_short"]


@pytest.mark.requirement("R51")
def test_answer_is_taken_once_however_often_it_comes(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g12", 2))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    task = floor.tasks(tour_id=tour_id)[0]
    fact = floor.fact()

    verdicts = [floor.do(lambda c: answers.confirm_on_tour(c, fact, tour_id, task.id, 2, floor.now)) for _ in range(2)]
    floor.press(task)

    assert verdicts == ["full", "repeated"]
    assert sum(row.picked for row in floor.rows(order_line)) == 2
    assert floor.asked() == []


@pytest.mark.requirement("R51")
def test_two_lights_answered_at_once_complete_the_walk_once(floor: PickingFloor) -> None:
    order_id = floor.order("1", *((f"g{a}{n}", 1) for a in (1, 2, 3) for n in (1, 2, 3, 4)))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(floor.press, floor.tasks(tour_id=tour_id)))

    assert floor.row(tour_id).state == "done"
    assert [row.state for row in floor.rows(customer_order) if row.id == order_id] == ["picked"]


@pytest.mark.requirement("R31", "R51")
def test_wrong_scan_is_named_and_counted_once(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    (task,) = floor.tasks(tour_id=tour_id)

    def scan(text: str, fact: Any = None) -> mispicks.Check:
        return floor.do(lambda c: answers.scan(c, fact or floor.fact(), task.id, text))

    once = floor.fact()
    assert [scan("P-1-1").matches, scan("g11").matches, scan("T-1").matches] == ["bin", "item", "tote"]
    assert [scan("P-1-2", once).wrong, scan("P-1-2", once).wrong, scan("g12").wrong, scan("rubbish").wrong] == ["bin", "bin", "item", "item"]
    with reading(floor.engine) as connection:
        assert tour_queries.accuracy(connection, SITE) == [{"picker": "li", "lines": 0, "mispicks": 3, "right_share": None}]
    floor.answer(tour_id)
    floor.happen(UnexpectedPress(event_time=NOW, station="zone-p1", device="lights", node=9))
    assert [(row.kind, row.picker) for row in floor.rows(mispick)].count(("press", "")) == 1


@pytest.mark.requirement("R31")
def test_wrong_lot_is_not_taken_for_the_right_one(floor: PickingFloor) -> None:
    floor.put("A-01", "milk", 5, "L1")
    floor.order("1", ("milk", 2))
    (task,) = floor.tasks()

    def scan(text: str) -> mispicks.Check:
        return floor.do(lambda c: answers.scan(c, floor.fact(), task.id, text))

    assert scan("]C1010061414100001210L1").matches == "item"
    assert (scan("]C1010061414100001210L2").wrong, scan("]C1010061414100001210L2").expected) == ("lot", "L1")


@pytest.mark.requirement("X7")
def test_full_tote_is_followed_by_another_on_a_slot_of_its_own(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    floor.order("1", ("g11", 1), ("g12", 1), wave_id=wave_id)
    floor.order("2", ("g11", 1), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")
    floor.answer(tour_id)

    fresh = [floor.do(lambda c: totes.tote_full(c, tour_id, "A", "T-9", floor.now)) for _ in range(2)]

    assert fresh == ["A-2", "A-2"]
    assert {(row.slot, row.tote) for row in floor.tasks(tour_id=tour_id)} == {("A", "T-1"), ("B", "T-2"), ("A-2", "T-9")}
    with pytest.raises(ConflictError, match="T-9 is in use"):
        floor.do(lambda c: totes.set_tote(c, tour_id, "B", "T-9"))
    with pytest.raises(NotFoundError, match="no slot Z"):
        floor.do(lambda c: totes.set_tote(c, tour_id, "Z", "T-8"))


def test_walk_of_a_cancelled_order_is_over(floor: PickingFloor) -> None:
    wave_id = floor.wave("order")
    order_id = floor.order("1", ("g11", 1), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)

    floor.do(lambda c: service.cancel_order(c, floor.fact(), order_id, floor.now))

    assert floor.row(tour_id).state == "cancelled"
    assert [row.state for row in floor.rows(wave)] == ["done"]


@pytest.mark.requirement("R48")
def test_planning_a_wave_again_plans_only_what_came_since(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster", Cart(totes=2))
    floor.order("1", ("g11", 1), wave_id=wave_id)
    first = floor.plan(wave_id)
    assert floor.plan(wave_id) == []
    floor.order("2", ("g12", 1), wave_id=wave_id)

    second = floor.plan(wave_id)

    assert len(first) == len(second) == 1
    assert len(floor.rows(tour)) == 2
    with pytest.raises(NotFoundError, match="wave 99"):
        floor.plan(99)


def test_picker_who_joins_elsewhere_gives_the_walk_back(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")

    floor.join("li", "P2")

    assert floor.row(tour_id).state == "ready"
    assert [(row.zone, row.until is None) for row in sorted(floor.rows(picker_session), key=lambda row: row.zone)] == [("", False), ("P2", True)]


@pytest.mark.requirement("R46")
def test_pick_list_of_an_order_is_in_the_order_of_the_walk(floor: PickingFloor) -> None:
    order_id = floor.order("1", ("g34", 1), ("g11", 2), ("g21", 1))

    with reading(floor.engine) as connection:
        document = tour_queries.pick_list_of_order(connection, order_id)

    assert document is not None
    assert document["order"]["number"] == "1"
    assert document["exact"] is True
    first = document["lines"][0]
    assert (first["n"], first["bin"], first["requested"], first["name"]) == (1, "P-1-1", 2, "Goods 11")
    assert [line["bin"] for line in document["lines"]][-1] in ("P-2-1", "P-3-4")


@pytest.mark.requirement("R50")
def test_map_of_a_walk_has_the_aisles_the_way_and_the_stops(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1), ("g34", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    floor.answer(tour_id)

    with reading(floor.engine) as connection:
        drawn = tour_queries.map_of(connection, tour_id)

    assert drawn is not None
    assert [each["code"] for each in drawn["aisles"]] == ["P1", "P2", "P3"]
    assert [(each["bin"], each["state"]) for each in drawn["stops"]] == [("P-1-1", "done"), ("P-3-4", "open")]
    assert drawn["walk"][0] == [0.0, 0.0]
    assert drawn["walk"][-1] == [8.0, 0.0]
    stop = floor.stop(tour_id)
    assert stop is not None
    assert stop["way"] == {"from": "P-1-1", "same_bin": False, "same_aisle": False, "along_mm": None}


def test_taking_a_task_does_not_forget_who_waits(floor: PickingFloor) -> None:
    with reading(floor.engine) as connection:
        assert connection.execute(select(pick_task.c.id)).all() == []
    floor.join("li")
    assert floor.next("li") is None


def zone_done(floor: PickingFloor, tour_id: str, station: str) -> None:
    """The last light of a walk at a station was answered, said twice."""
    for _ in range(2):
        floor.happen(ZoneCompleted(event_time=NOW, station=station, tour=tour_id, colour="green"))


def zones(floor: PickingFloor, tour_id: str) -> list[tuple[str, int, int, bool]]:
    with reading(floor.engine) as connection:
        found = tour_queries.tour_of(connection, tour_id)
    assert found is not None
    return [(each["zone"], each["left"], each["of"], each["done_at"] == NOW) for each in found["zones"]]


@pytest.mark.requirement("X7", "R51")
def test_part_of_a_walk_in_a_zone_is_done_when_its_lights_say_so(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1), ("g12", 1), ("g21", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    assert zones(floor, tour_id) == [("P1", 2, 2, False), ("P2", 1, 1, False)]

    for task in floor.tasks(tour_id=tour_id, zone="P1"):
        floor.press(task)
    zone_done(floor, tour_id, "zone-p1")

    assert zones(floor, tour_id) == [("P1", 0, 2, True), ("P2", 1, 1, False)]
    assert floor.row(tour_id).state == "picking"


@pytest.mark.requirement("X7", "R51")
def test_zone_said_to_be_done_is_not_while_a_screen_still_asks_there(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1), ("g12", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    first, second = floor.tasks(tour_id=tour_id)
    floor.happen(LightFailed(event_time=NOW, station="zone-p1", device="l", node=2, bin=second.bin, task_ids=[second.id], reason="code 0A"))
    floor.press(first)

    zone_done(floor, tour_id, "zone-p1")

    assert zones(floor, tour_id) == [("P1", 1, 2, False)]
    assert floor.row(tour_id).state == "picking"


@pytest.mark.requirement("X7", "R51")
def test_zone_that_is_done_makes_the_next_zones_walk_ready_and_its_tote_complete(floor: PickingFloor) -> None:
    wave_id = floor.wave("zone")
    floor.order("1", ("g11", 1), ("g21", 1), wave_id=wave_id)
    first, second = floor.plan(wave_id)
    floor.join("li", "P1")
    wang = floor.join("wang", "P2", auto=True)
    floor.next("li")
    (task,) = floor.tasks(tour_id=first)
    floor.press(task)

    zone_done(floor, first, "zone-p1")

    assert (floor.row(first).state, floor.row(second).state, floor.row(second).picker) == ("done", "picking", "wang")
    assert ("P-2-1", wang.colour) in [(code, colour) for code, colour, _, _ in lit(floor)]
    assert [row.state for row in floor.rows(tour_tote) if row.tour_id == first] == ["done"]
    assert len([command for command in floor.commands("LightTasks") if command.station == "zone-p2"]) == 1


def test_zone_of_an_unknown_walk_is_an_error_and_one_without_a_walk_is_not(floor: PickingFloor) -> None:
    floor.happen(ZoneCompleted(event_time=NOW, station="zone-p1", order="1"))
    with pytest.raises(NotFoundError, match="is not known"):
        floor.happen(ZoneCompleted(event_time=NOW, station="zone-p1", tour="00000000-0000-0000-0000-000000000009"))


def aside(floor: PickingFloor, name: str) -> list[tuple[str, str, str, int]]:
    with reading(floor.engine) as connection:
        return [(each["order"], each["slot"], each["item"], each["taken"]) for each in tour_queries.to_lay_aside(connection, name)]


@pytest.mark.requirement("R51", "X7")
def test_goods_of_an_order_cancelled_on_the_walk_are_to_be_taken_out_of_the_cart(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    first = floor.order("1", ("g11", 2), ("g34", 1), wave_id=wave_id)
    second = floor.order("2", ("g12", 3), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")
    assert floor.answer(tour_id) == "full"

    for order_id in (first, second):
        floor.do(lambda c, order_id=order_id: service.cancel_order(c, floor.fact(), order_id, floor.now))

    assert aside(floor, "li") == [("1", "A", "g11", 2)]
    assert floor.stop(tour_id) is None
    with reading(floor.engine) as connection:
        found = tour_queries.tour_of(connection, tour_id)
    assert found is not None
    assert [(each["order"], each["taken"]) for each in found["lay_aside"]] == [("1", 2)]
    assert floor.asked() == ["order_cancelled_goods"]
    assert [floor.do(lambda c: walking.laid_aside(c, tour_id, first)) for _ in range(2)] == [1, 0]
    assert aside(floor, "li") == []


@pytest.mark.requirement("R51", "X7")
def test_wholly_picked_order_cancelled_before_the_walk_ends_is_to_be_taken_out_too(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    floor.order("1", ("g34", 1), wave_id=wave_id)
    second = floor.order("2", ("g11", 3), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")
    assert floor.answer(tour_id) == "full"

    floor.do(lambda c: service.cancel_order(c, floor.fact(), second, floor.now))

    assert [(order, item, taken) for order, _, item, taken in aside(floor, "li")] == [("2", "g11", 3)]
    assert floor.walk(tour_id) == [("P-3-4", 1)]


@pytest.mark.requirement("R51", "X7")
def test_goods_of_a_cancelled_order_are_with_the_picker_to_whom_the_tote_went_on(floor: PickingFloor) -> None:
    wave_id = floor.wave("zone")
    order_id = floor.order("1", ("g11", 2), ("g21", 1), wave_id=wave_id)
    first, second = floor.plan(wave_id)
    floor.join("li", "P1")
    floor.join("wang", "P2")
    floor.next("li")
    floor.answer(first)
    assert floor.next("wang") == second

    floor.do(lambda c: service.cancel_order(c, floor.fact(), order_id, floor.now))

    assert (aside(floor, "li"), aside(floor, "wang")) == ([], [("1", "", "g11", 2)])
    assert floor.row(second).state == "cancelled"


def test_order_cancelled_after_its_walk_is_not_the_pickers_any_more(floor: PickingFloor) -> None:
    order_id = floor.order("1", ("g11", 3))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    floor.answer(tour_id)

    floor.do(lambda c: service.cancel_order(c, floor.fact(), order_id, floor.now))

    assert aside(floor, "li") == []
    assert floor.asked() == ["order_cancelled_goods"]
