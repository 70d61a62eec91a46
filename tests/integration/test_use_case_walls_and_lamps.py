# SPDX-License-Identifier: Apache-2.0
"""Put-to-light walls, dead lamps and lamp tests, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from central.database import reading
from central.errors import ConflictError, NotFoundError
from central.exceptions.tables import work_order
from central.outbound import answers, lights, service, tour_queries, walls
from central.outbound.picking_tables import lamp_test, put_task
from central.outbound.tables import customer_order
from contracts.commands import LampTest, LightTasks
from contracts.events import CommandAnswered, LampsTested, LightFailed, PickConfirmed
from contracts.quantities import Quantity
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.warehouse import NOW, SITE


@pytest.fixture
def floor(engine: Engine) -> Iterator[PickingFloor]:
    floor = floor_on(engine)
    yield floor
    floor.assert_sound()


def picked_batch(floor: PickingFloor, slots: int = 3) -> list[str]:
    """Three orders of the same goods, picked in one walk and brought to the wall w1; returns their ids."""
    floor.do(lambda c: walls.keep(c, SITE, "w1", "gate-1", "wall-1", [f"S{n}" for n in range(1, slots + 1)]))
    wave_id = floor.wave("wall")
    orders = [floor.order(str(number), ("g11", number), ("g12", 1), wave_id=wave_id) for number in (1, 2, 3)]
    (tour_id,) = floor.plan(wave_id)
    floor.join("li")
    floor.next("li")
    while floor.stop(tour_id) is not None:
        floor.answer(tour_id)
    return orders


def scan(floor: PickingFloor, item: str) -> list[walls.Put]:
    return floor.do(lambda c: walls.scanned(c, floor.fact().id, SITE, "w1", item, floor.now, colour="blue"))


def put(floor: PickingFloor, each: walls.Put, quantity: int | None = None) -> None:
    said = Quantity(each.quantity if quantity is None else quantity)
    floor.happen(PickConfirmed(event_time=NOW, station="wall-1", task_id=each.id, quantity=said, requested=Quantity(each.quantity)))


def states(floor: PickingFloor) -> dict[str, str]:
    return {row.number: row.state for row in floor.rows(customer_order)}


@pytest.mark.requirement("X7")
def test_scanned_goods_light_every_slot_that_wants_them(floor: PickingFloor) -> None:
    picked_batch(floor)
    assert states(floor) == {"1": "released", "2": "released", "3": "released"}

    puts = scan(floor, "g11")

    assert [(each.order, each.slot, each.quantity) for each in puts] == [("1", "S1", 1), ("2", "S2", 2), ("3", "S3", 3)]
    command = next(each for each in floor.commands("LightTasks") if each.station == "wall-1")
    assert isinstance(command, LightTasks)
    assert [(task.bin, task.quantity.value, task.colour) for task in command.tasks] == [("S1", 1, "blue"), ("S2", 2, "blue"), ("S3", 3, "blue")]
    assert [each.slot for each in scan(floor, "g11")] == ["S1", "S2", "S3"]
    assert len([each for each in floor.commands("LightTasks") if each.station == "wall-1"]) == 1


@pytest.mark.requirement("X7")
def test_order_is_picked_when_its_last_goods_are_in_its_slot(floor: PickingFloor) -> None:
    orders = picked_batch(floor)
    for item in ("g11", "g12"):
        for each in scan(floor, item):
            put(floor, each)
            put(floor, each)

    assert states(floor) == {"1": "picked", "2": "picked", "3": "picked"}
    with reading(floor.engine) as connection:
        seen = tour_queries.wall_of(connection, SITE, "w1")
    assert seen is not None
    assert [(each["slot"], each["order"], each["state"]) for each in seen["slots"]] == [(f"S{n}", str(n), "complete") for n in (1, 2, 3)]
    closed = [floor.do(lambda c: walls.close(c, SITE, "w1", "S1", "TOTE-7")) for _ in range(2)]
    assert closed == [orders[0], ""]
    assert {row.number: row.tote for row in floor.rows(customer_order)}["1"] == "TOTE-7"


@pytest.mark.requirement("X7")
def test_full_wall_serves_the_orders_it_has_and_says_so_for_the_others(floor: PickingFloor) -> None:
    picked_batch(floor, slots=1)

    assert [each.order for each in scan(floor, "g11")] == ["1"]
    with pytest.raises(ConflictError, match="still to come"):
        floor.do(lambda c: walls.close(c, SITE, "w1", "S1", ""))
    for each in [*scan(floor, "g11"), *scan(floor, "g12")]:
        put(floor, each)
    with pytest.raises(ConflictError, match="every slot is in use"):
        scan(floor, "g12")
    floor.do(lambda c: walls.close(c, SITE, "w1", "S1", ""))
    assert [(each.order, each.slot) for each in scan(floor, "g12")] == [("2", "S1")]


@pytest.mark.requirement("X7")
def test_goods_missing_at_the_wall_are_a_work_order_and_the_order_goes_on(floor: PickingFloor) -> None:
    picked_batch(floor)

    for each in scan(floor, "g11"):
        put(floor, each, 0 if each.order == "2" else None)
    for each in scan(floor, "g12"):
        put(floor, each)

    assert floor.asked() == ["put_short"]
    assert states(floor)["2"] == "picked"


def test_goods_that_nobody_wants_are_refused_at_the_wall(floor: PickingFloor) -> None:
    picked_batch(floor)

    with pytest.raises(NotFoundError, match="no order waits for item g34"):
        scan(floor, "g34")
    with pytest.raises(NotFoundError, match="no wall w9"):
        floor.do(lambda c: walls.scanned(c, floor.fact().id, SITE, "w9", "g11", floor.now))


@pytest.mark.requirement("X7")
def test_put_answered_at_the_screen_puts_its_light_out(floor: PickingFloor) -> None:
    picked_batch(floor)
    first, *_ = scan(floor, "g11")

    fact = floor.fact()
    floor.do(lambda c: answers.put_from_screen(c, fact, first.id, 1, floor.now))
    floor.do(lambda c: answers.put_from_screen(c, fact, first.id, 1, floor.now))

    assert [command.task_ids for command in floor.commands("CancelTasks") if command.station == "wall-1"] == [[first.id]]
    assert next(row.state for row in floor.rows(put_task) if row.id == first.id) == "done"


def test_cancelled_order_leaves_the_wall(floor: PickingFloor) -> None:
    orders = picked_batch(floor)
    scan(floor, "g11")

    floor.do(lambda c: service.cancel_order(c, floor.fact(), orders[0], floor.now))

    with reading(floor.engine) as connection:
        seen = tour_queries.wall_of(connection, SITE, "w1")
    assert seen is not None
    assert [each["state"] for each in seen["slots"]] == ["free", "open", "open"]


@pytest.mark.requirement("R51", "E8")
def test_task_of_a_dead_lamp_is_on_the_screen_at_once_and_can_be_answered_there(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g12", 1))
    (tour_id,) = floor.pool("order")
    floor.join("li")
    floor.next("li")
    first, second = floor.tasks(tour_id=tour_id)

    for _ in range(2):
        floor.happen(LightFailed(event_time=NOW, station="zone-p1", device="lights", node=1, bin="P-1-1", task_ids=[first.id], reason="code 0A"))

    stop = floor.stop(tour_id)
    assert stop is not None
    assert (stop["task"], stop["lamp"]) == (first.id, "dead")
    assert [(row.state, row.lamp_dead) for row in floor.tasks(tour_id=tour_id)] == [("listed", True), ("lit", False)]
    assert [(row.kind, row.priority) for row in floor.rows(work_order)] == [("lamp_dead", 4)]
    assert floor.answer(tour_id) == "full"
    assert [command.task_ids for command in floor.commands("CancelTasks")] == [[first.id]]
    assert second.id


@pytest.mark.requirement("E8")
def test_tasks_that_a_gateway_did_not_light_are_on_the_screen(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2))
    (command,) = floor.commands("LightTasks")

    floor.happen(CommandAnswered(event_time=NOW, station="zone-p1", command_id=command.command_id, outcome="refused", reason="no light for bin P-1-1"))

    assert [(row.state, row.lamp_dead) for row in floor.tasks()] == [("listed", True)]
    assert floor.asked() == ["command_failed"]


@pytest.mark.requirement("E8")
def test_lamp_test_names_the_dead_lamps_until_one_finds_none(floor: PickingFloor) -> None:
    def ask() -> str:
        return floor.do(lambda c: lights.ask_lamp_test(c, floor.fact(), SITE, "P1", floor.now))

    first = ask()
    assert [(each.command_id, each.station) for each in floor.commands("LampTest") if isinstance(each, LampTest)] == [(first, "zone-p1")]
    floor.happen(LampsTested(event_time=NOW, station="zone-p1", command_id=first, device="l", tested=4, dead_bins=["P-1-3"], dead_nodes=[3]))

    with reading(floor.engine) as connection:
        found = tour_queries.lamp_test_of(connection, first)
    assert found is not None
    assert (found["state"], found["tested"], found["dead"]) == ("done", 4, ["P-1-3"])
    assert floor.asked() == ["lamps_dead"]
    floor.happen(LampsTested(event_time=NOW, station="zone-p1", command_id=ask(), device="l", tested=4))
    assert floor.asked() == []
    third = ask()
    floor.happen(CommandAnswered(event_time=NOW, station="zone-p1", command_id=third, outcome="refused", reason="the controller is away"))
    assert {row.command_id: row.reason for row in floor.rows(lamp_test)}[third] == "the controller is away"


def test_zone_without_lights_has_no_lamps_to_test(floor: PickingFloor) -> None:
    with pytest.raises(ConflictError, match="no lamps to test"):
        floor.do(lambda c: lights.ask_lamp_test(c, floor.fact(), SITE, "B", floor.now))
    with pytest.raises(NotFoundError, match="zone Z"):
        floor.do(lambda c: lights.ask_lamp_test(c, floor.fact(), SITE, "Z", floor.now))
