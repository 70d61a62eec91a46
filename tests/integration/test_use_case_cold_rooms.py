# SPDX-License-Identifier: Apache-2.0
"""Cold rooms: alarms, holds, acknowledgement and measurements, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.coldchain import service
from central.coldchain.queries import alarms, chart, figures, holds, sensor_values
from central.coldchain.tables import alarm, hold
from central.errors import ConflictError, NotFoundError
from central.ledger.tables import serial
from central.stock import moves
from contracts.commands import AcknowledgeAlarm
from contracts.events import AlarmChanged, SensorFailed, SensorMeasured
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R93", "R94", "E10")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Twenty milk in room cold-1, five peas outside."""
    house = Warehouse(engine)
    house.put("cool-1", "milk", 20, "L1", date(2026, 12, 1))
    house.put("rack-1", "peas", 5)
    yield house
    house.assert_sound()


def alarm_goes(house: Warehouse, state: Any, seconds: float = 60, **changes: Any) -> str:
    fields = {"station": "cold-1", "alarm_id": "cold-1.high", "condition": "high", "quantity": "temperature_c", "value": 9.5, "limit": 8.0, "priority": 1}
    return house.happen(AlarmChanged(**({"event_time": house.later(seconds), "state": state} | fields | changes)))


HELD = {"cool-1 milk L1 hold": (20, 0), "rack-1 peas": (5, 0)}
FREE = {"cool-1 milk L1": (20, 0), "rack-1 peas": (5, 0)}


@pytest.mark.requirement("R9")
def test_alarm_holds_the_goods_of_its_room_once_an_occurrence(house: Warehouse) -> None:
    occurrence = alarm_goes(house, "unacknowledged")
    alarm_goes(house, "rtn_unacknowledged", value=7.0)
    house.put("cool-1", "milk", 3, "L2", date(2026, 12, 9))
    alarm_goes(house, "unacknowledged", value=8.5)

    assert house.stock() == HELD | {"cool-1 milk L2": (3, 0)}
    assert [(row.alarm, row.place, row.lot, row.quantity) for row in house.rows(hold)] == [(occurrence, "s1/cool-1", "L1", 20)]
    (row,) = house.do(alarms).items
    assert (row["state"], row["value"], row["limit"], row["lots_held"], row["cleared_at"]) == ("unacknowledged", 8.5, 8.0, 1, None)


@pytest.mark.parametrize(("state", "condition"), [("unacknowledged", "stale"), ("acknowledged", "high"), ("rtn_unacknowledged", "low")])
def test_alarm_that_says_nothing_of_the_goods_holds_nothing(house: Warehouse, state: str, condition: str) -> None:
    alarm_goes(house, state, condition=condition)

    assert house.stock() == FREE
    assert len(house.do(alarms).items) == 1


def test_hold_that_is_named_twice_is_released_once(house: Warehouse) -> None:
    alarm_goes(house, "unacknowledged")
    alarm_goes(house, "rtn_unacknowledged", value=7.0)
    (held,) = house.rows(hold)

    assert house.do(lambda c: service.release_holds(c, house.fact(), [held.id, held.id], "li", house.now)) == 1
    assert house.stock() == FREE


@pytest.mark.requirement("R19")
def test_numbered_pieces_are_held_and_released_under_their_numbers(house: Warehouse) -> None:
    house.keep(catalog.Item(code="probe", name="Probe", tracking="serial"))
    correction = moves.Correction(f"{SITE}/cool-1", "probe", 2, serials=("P1", "P2"))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [correction], house.now))

    alarm_goes(house, "unacknowledged")
    assert [row.status for row in house.rows(serial)] == ["hold", "hold"]
    house.assert_sound()
    alarm_goes(house, "rtn_unacknowledged", value=7.0)
    house.do(lambda c: service.release_holds(c, house.fact(), [row.id for row in house.rows(hold)], "li", house.now))

    assert [row.status for row in house.rows(serial)] == ["available", "available"]


def test_next_occurrence_is_another_alarm(house: Warehouse) -> None:
    first = alarm_goes(house, "unacknowledged")
    alarm_goes(house, "acknowledged", actor="li")
    alarm_goes(house, "normal")
    second = alarm_goes(house, "unacknowledged")

    by_id = {row.id: row for row in house.rows(alarm)}
    assert (by_id[first].state, by_id[first].acknowledged_by, by_id[second].state) == ("normal", "li", "unacknowledged")
    assert house.do(figures) == {"alarms_raised": 2, "alarms_cleared": 1, "lots_held": 1}


def test_normal_without_an_alarm_changes_nothing(house: Warehouse) -> None:
    alarm_goes(house, "normal")

    assert house.rows(alarm) == []


def test_acknowledgement_goes_to_the_gateway_and_counts_when_it_comes_back(house: Warehouse) -> None:
    occurrence = alarm_goes(house, "unacknowledged")

    assert house.do(lambda c: service.acknowledge(c, occurrence, "li", house.now)) is True

    (command,) = house.commands("AcknowledgeAlarm")
    assert isinstance(command, AcknowledgeAlarm)
    assert (command.station, command.alarm_id, command.actor) == ("cold-1", "cold-1.high", "li")
    assert [row["state"] for row in house.do(alarms).items] == ["unacknowledged"]
    alarm_goes(house, "acknowledged", actor="li")
    assert [(row["state"], row["acknowledged_by"]) for row in house.do(alarms).items] == [("acknowledged", "li")]
    assert house.do(lambda c: service.acknowledge(c, occurrence, "li", house.now)) is False
    with pytest.raises(NotFoundError):
        house.do(lambda c: service.acknowledge(c, "00000000-0000-0000-0000-000000000000", "li", house.now))


def test_hold_is_released_by_a_person_when_the_room_is_back(house: Warehouse) -> None:
    alarm_goes(house, "unacknowledged")
    numbers = [row["id"] for row in house.do(holds).items]
    with pytest.raises(ConflictError, match="cold-1 is still out of limits"):
        house.do(lambda c: service.release_holds(c, house.fact(), numbers, "li", house.now))
    alarm_goes(house, "rtn_unacknowledged")

    released = [house.do(lambda c: service.release_holds(c, house.fact(), numbers, "li", house.now)) for _ in range(2)]

    assert released == [1, 0]
    assert house.stock() == FREE
    assert [(row.state, row.released_by) for row in house.rows(hold)] == [("released", "li")]


def measure(house: Warehouse, value: float, seconds: float = 60, **changes: Any) -> None:
    fields = {"station": "cold-1", "device": "sensor-1", "quantity": "temperature_c"}
    house.happen(SensorMeasured(**({"event_time": house.later(seconds), "value": value} | fields | changes)))


def test_live_value_is_the_last_live_measurement(house: Warehouse) -> None:
    measure(house, 4.0)
    measure(house, 5.0)
    measure(house, 9.9, historical=True)

    (row,) = house.do(sensor_values).items
    assert (row["value"], row["failed_at"]) == (5.0, None)


def test_failed_sensor_keeps_its_last_value_and_says_since_when(house: Warehouse) -> None:
    measure(house, 4.0)
    at = house.later(10)
    failed = SensorFailed(event_time=at, station="cold-1", device="sensor-1", quantity="temperature_c", reason="sentinel 0x8000")

    house.happen(failed)
    assert [(row["value"], row["failed_at"], row["failure"]) for row in house.do(sensor_values).items] == [(4.0, at, "sentinel 0x8000")]
    measure(house, 4.5)
    assert [(row["value"], row["failed_at"], row["failure"]) for row in house.do(sensor_values).items] == [(4.5, None, "")]


def test_chart_shows_backfilled_samples_in_their_place(house: Warehouse) -> None:
    start = house.now
    for value in (4.0, 5.0, 12.0, 5.0):
        measure(house, value)
    measure(house, 3.0, event_time=start, historical=True)

    points = house.do(lambda c: chart(c, SITE, "cold-1", "temperature_c", start, house.now, points_max=2))

    assert [(point.low, point.high) for point in points] == [(3.0, 4.0), (5.0, 12.0)]
