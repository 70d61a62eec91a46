# SPDX-License-Identifier: Apache-2.0
"""What the cold chain makes of events."""

from __future__ import annotations

from central.coldchain import arrays, service
from central.ingest.registry import Handler, HandlerMany
from contracts.events import AlarmChanged, ClockSet, Event, SensorArrayMeasured, SensorFailed, SensorMeasured

HANDLERS: dict[type[Event], Handler] = {
    AlarmChanged: service.alarm_changed,
    ClockSet: service.clock_set,
    SensorMeasured: service.sensor_measured,
    SensorArrayMeasured: arrays.array_measured,
    SensorFailed: service.sensor_failed,
}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {SensorMeasured: service.sensors_measured, SensorArrayMeasured: arrays.arrays_measured}
