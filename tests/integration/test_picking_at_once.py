# SPDX-License-Identifier: Apache-2.0
"""Two transactions of picking that run into each other on PostgreSQL: what one has begun the other waits for, or leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from central.database import open_engine, transaction
from central.errors import BusyError
from central.ledger import service as ledger
from central.outbound import answers, pickers, tours, walls
from central.outbound.picking_tables import put_task
from central.outbound.tables import pick_task, tour, wave
from central.outbound.tour_rules import CARTS
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.warehouse import NOW, SITE

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.requirement("R51", "E8")]


@pytest.fixture
def floor(postgres_url: str) -> Iterator[PickingFloor]:
    engine = open_engine(postgres_url)
    yield floor_on(engine)
    engine.dispose()


@contextmanager
def impatient(engine: Engine) -> Iterator[Connection]:
    """A transaction that gives up at once where it would have to wait: BusyError."""
    with transaction(engine) as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        yield connection


def walks_of(floor: PickingFloor, name: str) -> list[Any]:
    return [row for row in floor.rows(tour) if row.picker == name]


def planned(connection: Connection, floor: PickingFloor, order_id: str) -> int:
    """Plan the walk of an order, and give it to whoever is free; returns how many were given."""
    tours.plan(connection, floor.fact().id, SITE, "order", CARTS["order"], NOW, order_ids={order_id})
    return tours.dispatch(connection, floor.fact().id, SITE, NOW)


def test_picker_who_asks_for_a_walk_twice_at_once_gets_one(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1))
    floor.order("2", ("g12", 1))
    li = floor.join("li")

    with transaction(floor.engine) as first:
        given = tours.next_tour(first, floor.fact().id, li, NOW)
        with pytest.raises(BusyError), impatient(floor.engine) as second:
            tours.next_tour(second, floor.fact().id, li, NOW)

    assert floor.next("li") == given
    assert [row.id for row in walks_of(floor, "li")] == [given]


def test_walk_is_not_given_to_whom_another_transaction_gives_one(floor: PickingFloor) -> None:
    first_order, second_order = floor.order("1", ("g11", 1)), floor.order("2", ("g12", 1))
    floor.join("li", auto=True)

    with transaction(floor.engine) as first, impatient(floor.engine) as second:
        assert (planned(first, floor, first_order), planned(second, floor, second_order)) == (1, 0)

    assert len(walks_of(floor, "li")) == 1
    assert floor.do(lambda c: tours.dispatch_everywhere(c, NOW)) == 0


def test_walk_and_picker_that_came_at_the_same_moment_find_each_other_afterwards(floor: PickingFloor) -> None:
    order_id = floor.order("1", ("g11", 1))

    with transaction(floor.engine) as first, impatient(floor.engine) as second:
        pickers.join(first, floor.fact(), "li", SITE, "", NOW, auto=True)
        assert planned(second, floor, order_id) == 0

    assert walks_of(floor, "li") == []
    assert floor.do(lambda c: tours.dispatch_everywhere(c, NOW)) == 1
    assert [row.state for row in walks_of(floor, "li")] == ["picking"]


def test_wave_whose_last_two_walks_end_at_once_is_done(floor: PickingFloor) -> None:
    wave_id = floor.wave("order")
    floor.order("1", ("g11", 1), wave_id=wave_id)
    floor.order("2", ("g12", 1), wave_id=wave_id)
    walks = floor.plan(wave_id)
    stops = {tour_id: floor.stop(tour_id) for tour_id in walks}

    def answer(connection: Connection, tour_id: str) -> None:
        stop = stops[tour_id]
        assert stop is not None
        answers.confirm_on_tour(connection, floor.fact(), tour_id, stop["task"], stop["quantity"], NOW)

    with transaction(floor.engine) as first:
        answer(first, walks[0])
        with pytest.raises(BusyError), impatient(floor.engine) as second:
            answer(second, walks[1])
    floor.do(lambda c: answer(c, walks[1]))

    assert [row.state for row in floor.rows(wave)] == ["done"]


def test_slot_of_a_wall_is_not_closed_while_a_pick_for_it_is_answered(floor: PickingFloor) -> None:
    floor.do(lambda c: walls.keep(c, SITE, "w1", "gate-1", "wall-1", ["S1"]))
    wave_id = floor.wave("wall")
    floor.order("1", ("g11", 1), ("g12", 1), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.answer(tour_id)
    (brought,) = floor.rows(put_task)
    floor.do(lambda c: walls.scanned(c, floor.fact().id, SITE, "w1", brought.item, NOW))
    floor.do(lambda c: answers.put_from_screen(c, floor.fact("PutConfirmed"), brought.id, 1, NOW))
    (left,) = (row for row in floor.rows(pick_task) if row.state in ("lit", "listed"))

    with transaction(floor.engine) as first:
        ledger.lock(first, {(SITE, left.item)})
        with pytest.raises(BusyError), impatient(floor.engine) as second:
            answers.close_slot(second, floor.fact("SlotClosed"), "w1", "S1", "T-9", NOW)
