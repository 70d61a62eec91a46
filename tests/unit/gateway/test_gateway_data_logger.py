# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from contracts.events import SensorArrayMeasured, SensorFailed, SensorMeasured
from contracts.readings import LinkChanged, Measured, MeasuredArray, ReadingFailed
from gateway.config import DataLogger
from gateway.stations.data_logger import DataLoggerStation
from tests.unit.gateway.virtual_time import EPOCH, Stage


def stage(**fields: float) -> Stage:
    return Stage(DataLoggerStation(DataLogger(id="compressors", sensors=["plc-1", "plc-2"], **fields)))


def array(at_s: float, *values: int | float | None, device: str = "plc-1") -> MeasuredArray:
    return MeasuredArray(device=device, at_s=at_s, quantity="raw", first=40, values=list(values))


def sent(logger: Stage) -> list[float]:
    return [event.monotonic_s for event in logger.events(SensorArrayMeasured) if isinstance(event, SensorArrayMeasured)]


@pytest.mark.requirement("E17")
def test_array_goes_up_as_one_event() -> None:
    logger = stage()

    (event,) = logger.read(array(1.5, 7, None, 3.25))

    assert isinstance(event, SensorArrayMeasured)
    assert (event.station, event.device, event.quantity, event.first, event.values) == ("compressors", "plc-1", "raw", 40, [7, None, 3.25])
    assert (event.event_time - EPOCH).total_seconds() == 1.5


def test_single_value_goes_up_as_a_sample_and_a_link_as_nothing() -> None:
    logger = stage()

    logger.read(Measured(device="plc-1", at_s=1.0, quantity="temperature_c", value=4.5))
    logger.read(LinkChanged(device="plc-1", at_s=2.0, state="lost"))

    assert [(type(event), getattr(event, "value", None)) for event in logger.outputs] == [(SensorMeasured, 4.5)]


def test_interval_lets_one_sample_pass_for_each_device_although_polls_are_early() -> None:
    logger = stage(sample_interval_s=1.0)

    for tick in range(30):
        for device in ("plc-1", "plc-2"):
            logger.read(array(tick * 0.1 - (0.004 if tick else 0.0), tick, device=device))

    assert len(sent(logger)) == 2 * 3


def test_deadband_keeps_what_hardly_changed_until_it_was_silent_too_long() -> None:
    logger = stage(deadband=2.0, silence_s_max=10.0)

    for at_s, values in (
        (0.0, (10, 10)),
        (1.0, (12, 8)),
        (2.0, (10, 13)),
        (3.0, (10, None)),
        (4.0, (10, None)),
        (5.0, (10, 10)),
        (14.0, (10, 10)),
        (15.0, (11, 11)),
    ):
        logger.read(array(at_s, *values))

    assert sent(logger) == [0.0, 2.0, 3.0, 5.0, 15.0]


def test_array_of_another_length_goes_up_although_what_it_had_before_hardly_changed() -> None:
    """The device's map was changed and loaded while the station went on."""
    logger = stage(deadband=2.0, silence_s_max=60.0)

    logger.read(array(0.0, 10, 10))
    logger.read(array(1.0, 10, 10, 10))
    logger.read(array(2.0, 10, 10, 10))

    assert sent(logger) == [0.0, 1.0]


def test_failure_is_told_once_and_the_next_value_at_once() -> None:
    logger = stage(deadband=5.0)
    logger.read(array(0.0, 1))

    for at_s, reason in ((1.0, "no reply"), (2.0, "no reply"), (3.0, "wrong checksum")):
        logger.read(ReadingFailed(device="plc-1", at_s=at_s, quantity="raw", reason=reason))
    logger.read(array(4.0, 1))

    assert [event.reason for event in logger.events(SensorFailed) if isinstance(event, SensorFailed)] == ["no reply", "wrong checksum"]
    assert sent(logger) == [0.0, 4.0]
