# SPDX-License-Identifier: Apache-2.0
"""Samples that share a batch leave the same behind as samples that come one by one, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select

from central.coldchain import handlers, service
from central.coldchain.tables import measurement, sensor_value
from central.database import reading
from central.ingest.service import Door, Message, read_message
from contracts import wire
from contracts.events import SensorMeasured
from tests.integration.test_ingest_exactly_once import ADDRESS, take

pytestmark = pytest.mark.requirement("R93", "E12")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _ignored(*_: object) -> None:
    pass


def body(seq: int, device: str, value: float, *, historical: bool) -> bytes:
    return wire.encode(
        SensorMeasured(
            seq=seq,
            event_time=NOON + timedelta(seconds=seq),
            station="cold-1",
            device=device,
            quantity="temperature_c",
            value=value,
            high_limit=8.0,
            historical=historical,
        )
    )


def samples(first_seq: int, *bodies: bytes, epoch: str = "e1") -> Message:
    made = wire.Batch(gateway=ADDRESS.gateway, epoch=epoch, lane="telemetry", first_seq=first_seq, events=[msgspec.Raw(each) for each in bodies])
    return read_message(ADDRESS.topic("up/telemetry"), ADDRESS, "telemetry", wire.encode(made))


def left(engine: Engine) -> tuple[list[Any], list[Any]]:
    with reading(engine) as connection:
        kept = connection.execute(select(measurement.c.device, measurement.c.value, measurement.c.historical).order_by(measurement.c.measured_at)).all()
        now = connection.execute(select(sensor_value.c.device, sensor_value.c.value, sensor_value.c.measured_at).order_by(sensor_value.c.device)).all()
    return [tuple(row) for row in kept], [tuple(row) for row in now]


def test_batch_of_samples_leaves_the_same_as_one_after_the_other(engine: Engine) -> None:
    said = [("a", 1.0, False), ("b", 2.0, False), ("a", 3.0, False), ("a", 4.0, True), ("c", 5.0, True), ("b", 6.0, False)]
    bodies = [body(seq, device, value, historical=historical) for seq, (device, value, historical) in enumerate(said, 1)]
    alone = Door({SensorMeasured: (service.sensor_measured,)}, _ignored)
    together = Door({SensorMeasured: (service.sensor_measured,)}, _ignored, {SensorMeasured: {"coldchain": handlers.HANDLERS_MANY[SensorMeasured]}})

    taken = take(engine, samples(1, *bodies[:3]), together)
    take(engine, samples(4, *bodies[3:]), together)
    at_once = left(engine)
    for seq, each in enumerate(bodies, 1):
        take(engine, samples(seq, each, epoch="e2"), alone)
    twice = left(engine)

    assert taken.applied == 3
    assert [(device, value, historical) for device, value, historical in at_once[0]] == said
    assert [(device, value) for device, value, _ in at_once[1]] == [("a", 3.0), ("b", 6.0)]
    assert sorted(twice[0]) == sorted(at_once[0] * 2)
    assert twice[1] == at_once[1]
