# SPDX-License-Identifier: Apache-2.0
"""Orders from promise to shipment, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from central.coldchain.tables import hold
from central.errors import ConflictError, NotFoundError
from central.exceptions.tables import work_order
from central.ledger.rules import Account
from central.ledger.tables import entry
from central.outbound import service
from central.outbound.documents import Order, Promise
from central.outbound.queries import figures
from central.outbound.tables import customer_order, order_line, pick_task, weight_record
from central.stock.moves import move_stock
from contracts.commands import CancelTasks, LightTasks
from contracts.events import AlarmChanged, CommandAnswered, PickConfirmed, UnexpectedPress, WeightRecorded
from contracts.quantities import Quantity
from contracts.readings import Identifiers
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R44", "R46", "R51")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk of an early lot in A-01, ten of a later one in A-02, five peas in B-01."""
    house = Warehouse(engine)
    house.fill()
    yield house
    house.assert_sound()


def take(house: Warehouse, *lines: tuple[str, int], number: str = "1001", **changes: Any) -> tuple[str, tuple[Promise, ...]]:
    document = {"number": number, "site": SITE, "partner": "shop", "lines": [{"item": item, "quantity": quantity} for item, quantity in lines]}
    order = Order.model_validate(document | changes)
    fact = house.fact("OrderTaken", order, f"{order.channel}/{order.number}")
    return fact.id, house.do(lambda c: service.take_order(c, fact, order, house.now))


def release(house: Warehouse, *lines: tuple[str, int], number: str = "1001", **changes: Any) -> str:
    order_id, _ = take(house, *lines, number=number, **changes)
    house.do(lambda c: service.release_order(c, house.fact(), order_id, house.now))
    return order_id


def confirm(house: Warehouse, task_id: str, quantity: int) -> None:
    task = next(row for row in house.rows(pick_task) if row.id == task_id)
    requested = Quantity(task.requested)
    house.happen(
        PickConfirmed(event_time=NOW, station="zone-a", task_id=task_id, quantity=Quantity(quantity), requested=requested, short=quantity < task.requested)
    )


def tasks(house: Warehouse) -> dict[str, str]:
    """Task id by bin, of tasks that wait."""
    return {row.bin: row.id for row in house.rows(pick_task) if row.state in ("lit", "listed")}


def states(house: Warehouse) -> list[str]:
    return [row.state for row in house.rows(customer_order)]


@pytest.mark.requirement("R43")
def test_order_is_promised_line_by_line_when_it_comes_in(house: Warehouse) -> None:
    _, first = take(house, ("milk", 15), ("peas", 9), number="1")
    _, second = take(house, ("milk", 15), ("peas", 1), number="2")

    assert [(each.promised, each.short, each.state) for each in first] == [(15, 0, "promised"), (5, 4, "short")]
    assert [(each.promised, each.short, each.state) for each in second] == [(5, 10, "short"), (0, 1, "unpromised")]


@pytest.mark.requirement("R31")
def test_order_is_one_order_however_often_it_comes(house: Warehouse) -> None:
    first = take(house, ("milk", 15))

    assert take(house, ("milk", 15)) == first
    with pytest.raises(ConflictError, match="stored with other content"):
        take(house, ("milk", 16))
    assert len(house.rows(customer_order)) == 1


def test_unknown_item_is_refused_with_its_name(house: Warehouse) -> None:
    with pytest.raises(NotFoundError, match="item ghosts is not in the catalog"):
        take(house, ("ghosts", 1))


def test_picked_goods_are_not_promised_twice(house: Warehouse) -> None:
    release(house, ("peas", 4), ship_when="asked")
    confirm(house, tasks(house)["B-01"], 4)

    _, promise = take(house, ("peas", 5), number="2")

    assert [each.promised for each in promise] == [1]


@pytest.mark.requirement("R21", "E8")
def test_released_order_is_reserved_by_first_expiry_and_lit(house: Warehouse) -> None:
    release(house, ("milk", 12), ("peas", 2))

    assert house.stock() == {"A-01 milk L1": (10, 10), "A-02 milk L2": (10, 2), "B-01 peas": (5, 2)}
    (command,) = house.commands("LightTasks")
    assert isinstance(command, LightTasks)
    assert command.station == "zone-a"
    assert [(task.bin, task.item, task.quantity.value, task.lot, task.order, task.colour) for task in command.tasks] == [
        ("A-01", "milk", 10, "L1", "1001", "green"),
        ("A-02", "milk", 2, "L2", "1001", "green"),
    ]
    assert house.asked() == ["lights_not_reached"]
    assert {row.bin: row.state for row in house.rows(pick_task)} == {"A-01": "lit", "A-02": "lit", "B-01": "listed"}


def test_orders_at_work_have_different_colours(house: Warehouse) -> None:
    for number in ("1", "2", "3"):
        release(house, ("milk", 1), number=number)

    assert sorted(row.colour for row in house.rows(customer_order)) == ["blue", "green", "orange"]


def test_order_is_shipped_when_its_last_task_is_confirmed(house: Warehouse) -> None:
    release(house, ("milk", 12))

    for task in tasks(house).values():
        confirm(house, task, next(row.requested for row in house.rows(pick_task) if row.id == task))

    assert states(house) == ["shipped"]
    assert house.stock() == {"A-02 milk L2": (8, 0), "B-01 peas": (5, 0)}
    assert sum(row.quantity for row in house.rows(entry) if row.place == "@customer") == 12
    assert house.do(figures) == {"lines_ordered": 1, "lines_picked": 1, "lines_short": 0, "weights_recorded": 0}


@pytest.mark.requirement("E12")
def test_confirmation_changes_nothing_when_it_comes_again(house: Warehouse) -> None:
    release(house, ("peas", 4))
    task = tasks(house)["B-01"]

    confirm(house, task, 4)
    confirm(house, task, 4)

    assert house.stock()["B-01 peas"] == (1, 0)
    assert "pick_answered_twice" not in house.asked()


def test_contradicting_confirmation_is_asked_about(house: Warehouse) -> None:
    release(house, ("milk", 4))
    task = tasks(house)["A-01"]
    confirm(house, task, 4)

    confirm(house, task, 3)

    assert house.stock()["A-01 milk L1"] == (6, 0)
    assert house.asked() == ["pick_answered_twice"]


@pytest.mark.requirement("R56")
def test_short_pick_is_reserved_elsewhere_once_and_the_bin_is_doubted(house: Warehouse) -> None:
    release(house, ("milk", 4), backorders="drop")

    confirm(house, tasks(house)["A-01"], 1)

    assert house.stock() == {
        "A-01 milk L1 inspect": (9, 0),
        "A-02 milk L2": (10, 3),
        "B-01 peas": (5, 0),
        "out milk L1": (1, 0),
    }
    assert list(tasks(house)) == ["A-02"]
    assert states(house) == ["released"]
    assert house.rows(work_order)[0].message == (
        "zone-a: 1 of 4 of item milk lot L1 found in bin A-01 for order 1001; count the bin, 9 pieces wait in inspection"
    )

    confirm(house, tasks(house)["A-02"], 0)

    assert tasks(house) == {}
    assert [(row.picked, row.short, row.dropped) for row in house.rows(order_line)] == [(1, 0, 3)]
    assert house.do(figures)["lines_short"] == 1
    assert house.asked() == ["pick_short", "pick_short"]
    assert states(house) == ["shipped"]


def test_order_of_which_nothing_was_found_is_unfilled(house: Warehouse) -> None:
    release(house, ("peas", 4))

    confirm(house, tasks(house)["B-01"], 0)

    assert states(house) == ["unfilled"]
    assert house.stock()["B-01 peas inspect"] == (5, 0)


def test_more_taken_than_asked_posts_what_was_asked(house: Warehouse) -> None:
    release(house, ("milk", 4))

    confirm(house, tasks(house)["A-01"], 6)

    assert house.stock()["A-01 milk L1"] == (6, 0)
    assert house.asked() == ["pick_over"]
    assert states(house) == ["shipped"]


def test_released_order_is_tried_again_when_goods_have_come(house: Warehouse) -> None:
    order_id = release(house, ("peas", 7), ship_when="asked")
    assert house.asked() == ["lights_not_reached", "order_short"]
    confirm(house, tasks(house)["B-01"], 5)
    house.put("B-01", "peas", 10)

    house.do(lambda c: service.release_order(c, house.fact(), order_id, house.now))

    assert [row.requested for row in house.rows(pick_task) if row.state == "listed"] == [2]
    assert "order_short" not in house.asked()
    confirm(house, tasks(house)["B-01"], 2)
    assert states(house) == ["picked"]


def test_cancelled_order_gives_back_and_puts_out_its_lights(house: Warehouse) -> None:
    order_id = release(house, ("milk", 12))
    lit = tasks(house)
    confirm(house, lit["A-02"], 2)

    for _ in range(2):
        house.do(lambda c: service.cancel_order(c, house.fact(), order_id, house.now))

    assert house.stock()["A-01 milk L1"] == (10, 0)
    (command,) = house.commands("CancelTasks")
    assert isinstance(command, CancelTasks)
    assert command.task_ids == [lit["A-01"]]
    assert house.asked() == ["order_cancelled_goods"]
    confirm(house, lit["A-01"], 3)
    assert house.stock()["A-01 milk L1"] == (10, 0)
    assert house.asked() == ["order_cancelled_goods", "pick_after_cancel"]


def test_picked_order_waits_until_a_person_ships_it(house: Warehouse) -> None:
    order_id = release(house, ("milk", 4), ship_when="asked")
    with pytest.raises(ConflictError, match="only a picked order can be shipped"):
        house.do(lambda c: service.ship_order(c, house.fact(), order_id, house.now))
    confirm(house, tasks(house)["A-01"], 4)
    assert states(house) == ["picked"]

    for _ in range(2):
        house.do(lambda c: service.ship_order(c, house.fact(), order_id, house.now))

    assert states(house) == ["shipped"]
    with pytest.raises(ConflictError, match="take the goods back as a return"):
        house.do(lambda c: service.cancel_order(c, house.fact(), order_id, house.now))


def test_list_task_is_confirmed_by_a_person_and_a_lit_one_goes_out(house: Warehouse) -> None:
    release(house, ("milk", 4))
    task = tasks(house)["A-01"]

    verdict = house.do(lambda c: service.confirm_from_list(c, house.fact(), task, 4, house.now))

    assert verdict == "full"
    assert [command.task_ids for command in house.commands("CancelTasks")] == [[task]]
    assert states(house) == ["shipped"]


def test_press_at_a_dark_light_is_asked_about_once(house: Warehouse) -> None:
    for _ in range(2):
        house.happen(UnexpectedPress(event_time=NOW, station="zone-a", device="lights-1", node=7))

    assert house.asked() == ["mispick"]


def test_lights_that_were_refused_are_asked_about(house: Warehouse) -> None:
    release(house, ("milk", 4))
    (command,) = house.commands("LightTasks")

    house.happen(CommandAnswered(event_time=NOW, station="zone-a", command_id=command.command_id, outcome="refused", reason="bin A-01 has no light"))
    house.happen(CommandAnswered(event_time=NOW, station="zone-a", command_id="ack:1", outcome="refused"))

    assert house.asked() == ["command_failed"]


def weighed(value: str, subject: str) -> WeightRecorded:
    milligrams = round(float(value) * 1_000_000)
    return WeightRecorded(
        event_time=NOW, station="weigh-1", value=value, unit="kg", weight_mg=milligrams, text=f"S S {value} kg", subject=Identifiers(), subject_text=subject
    )


@pytest.mark.requirement("E7")
def test_right_weight_ships_the_order_that_waits_for_it(house: Warehouse) -> None:
    release(house, ("milk", 4), tote="TOTE-7", tare_g=1200, ship_when="weighed")
    house.happen(weighed("1.700", "TOTE-7"))
    confirm(house, tasks(house)["A-01"], 4)

    house.happen(weighed("1.950", "TOTE-7"))
    assert house.asked() == ["weight_wrong"]
    assert house.rows(work_order)[0].message == "weigh-1: TOTE-7 weighs 1950 g, expected 2200 g within 22 g; open it and count"
    house.happen(weighed("2.205", "TOTE-7"))
    house.happen(weighed("3.000", "nothing known"))

    assert [(row.verdict, row.reason) for row in sorted(house.rows(weight_record), key=lambda row: row.weight_mg)] == [
        ("cannot_decide", "not_picked_yet"),
        ("wrong", ""),
        ("right", ""),
        ("", ""),
    ]
    assert states(house) == ["shipped"]
    assert house.asked() == []


def test_goods_on_hold_at_the_stage_are_not_shipped_and_the_pick_stands(house: Warehouse) -> None:
    release(house, ("milk", 12), ship_when="picked")
    confirm(house, tasks(house)["A-01"], 10)
    staged = Account(f"{SITE}/out", "milk", "L1")
    assert house.do(lambda c: move_stock(c, house.fact(), staged, replace(staged, status="hold"), 10, house.now))

    confirm(house, tasks(house)["A-02"], 2)

    assert house.stock()["out milk L2"] == (2, 0)
    assert states(house) == ["picked"]
    assert house.asked() == ["ship_refused"]


@pytest.mark.requirement("R93")
def test_alarm_holds_free_goods_of_the_room_and_leaves_reserved_ones_to_a_person(house: Warehouse) -> None:
    release(house, ("milk", 4))

    house.happen(
        AlarmChanged(event_time=NOW, station="cold-2", alarm_id="cold-2.high", state="unacknowledged", condition="high", quantity="temperature_c", value=9.5)
    )

    assert house.stock() == {"A-01 milk L1": (4, 4), "A-01 milk L1 hold": (6, 0), "A-02 milk L2 hold": (10, 0), "B-01 peas": (5, 0)}
    assert [row.quantity for row in house.rows(hold)] == [6, 10]
    assert house.asked() == ["hold_reserved"]


@pytest.mark.slow
@pytest.mark.requirement("R44", "E12")
def test_many_hands_at_once_ship_what_is_there_and_not_more(house: Warehouse) -> None:
    house.put("B-01", "peas", 15)

    def work(number: int) -> None:
        lines = [("milk", 2), ("peas", 2)]
        order_id = release(house, *(lines if number % 2 else lines[::-1]), number=str(number))
        for task in [row for row in house.rows(pick_task) if row.order_id == order_id]:
            confirm(house, task.id, task.requested)

    with ThreadPoolExecutor(6) as hands:
        list(hands.map(work, range(12)))

    shipped = sum(row.quantity for row in house.rows(entry) if row.place == "@customer")
    assert shipped == 40
    assert house.stock() == {}
    assert sorted(set(states(house))) == ["shipped", "unfilled"]
