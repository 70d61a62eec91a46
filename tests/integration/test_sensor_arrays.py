# SPDX-License-Identifier: Apache-2.0
"""What devices say by the hundred values, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from central.coldchain.arrays import sensor_arrays
from central.coldchain.queries import sensor_values
from contracts.events import SensorArrayMeasured, SensorFailed
from tests.integration.warehouse import Warehouse

pytestmark = pytest.mark.requirement("E17")


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


def said(house: Warehouse, *values: int | float | None, device: str = "plc-1", seconds: float = 60, **changes: Any) -> None:
    fields = {"station": "compressors", "device": device, "quantity": "pressure_bar", "first": 40, "values": list(values)}
    house.happen(SensorArrayMeasured(**({"event_time": house.later(seconds)} | fields | changes)))


def last(house: Warehouse) -> list[tuple[str, list[float | None]]]:
    return [(row["device"], row["values"]) for row in house.do(sensor_arrays).items]


def test_last_live_array_of_each_device_stands(house: Warehouse) -> None:
    said(house, 7, None, 6.5)
    said(house, 1, 2, 3, device="plc-2")
    said(house, 8, 9, 10)
    said(house, 0, 0, 0, seconds=-3600, historical=True)

    assert last(house) == [("plc-1", [8, 9, 10]), ("plc-2", [1, 2, 3])]


def test_failure_of_an_array_stands_among_the_sensors_until_it_speaks_again(house: Warehouse) -> None:
    fields = {"station": "compressors", "device": "plc-1", "quantity": "pressure_bar", "reason": "no reply"}
    house.happen(SensorFailed(event_time=house.later(60), **fields))
    assert [row["failure"] for row in house.do(sensor_values).items] == ["no reply"]

    said(house, 1, 2)

    assert house.do(sensor_values).items == []


def test_arrays_come_page_by_page(house: Warehouse) -> None:
    for number in range(5):
        said(house, number, device=f"plc-{number}")

    first = house.do(lambda connection: sensor_arrays(connection, limit=3))
    rest = house.do(lambda connection: sensor_arrays(connection, after=first.next, limit=3))

    assert [row["values"] for row in [*first.items, *rest.items]] == [[number] for number in range(5)]
