# SPDX-License-Identifier: Apache-2.0
"""What the cold chain makes of events."""

from __future__ import annotations

from central.coldchain import service
from central.ingest.registry import Handler
from contracts.events import AlarmChanged, Event, SensorFailed, SensorMeasured

HANDLERS: dict[type[Event], Handler] = {
    AlarmChanged: service.alarm_changed,
    SensorMeasured: service.sensor_measured,
    SensorFailed: service.sensor_failed,
}
