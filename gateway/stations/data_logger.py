# SPDX-License-Identifier: Apache-2.0
"""Data logger: what devices measure goes up as it is; an interval and a deadband say how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.events import SensorArrayMeasured, SensorFailed, SensorMeasured
from contracts.readings import AnyReading, Measured, MeasuredArray, ReadingFailed
from gateway.clock import Instant
from gateway.config import DataLogger
from gateway.stations.station import Output, Station

Values = Sequence[int | float | None]
_EARLY = 0.05  # of the interval: polls come a few ms early or late, and a sample that is due shall not wait for the next one


@dataclass
class _Sent:
    """The last sample that went up; `fault`: what was said of the sensor since."""

    at_s: float
    values: Values
    fault: str = ""


class DataLoggerStation(Station):
    """Any number of devices. A fault is told once, and again when another reason is given or a value came between."""

    def __init__(self, config: DataLogger) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._sent: dict[tuple[str, str], _Sent] = {}

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case MeasuredArray():
                return self._sample(reading, reading.values, now)
            case Measured():
                return self._sample(reading, (reading.value,), now)
            case ReadingFailed():
                return self._failure(reading, now)
            case _:
                return ()

    def _sample(self, reading: Measured | MeasuredArray, values: Values, now: Instant) -> Sequence[Output]:
        key = (reading.device, reading.quantity)
        sent = self._sent.get(key)
        if sent is not None and not sent.fault and not self._is_due(sent, values, reading.at_s):
            return ()
        self._sent[key] = _Sent(reading.at_s, values)
        stamp = now.at(reading.at_s).stamp()
        if isinstance(reading, Measured):
            return [SensorMeasured(**stamp, station=self.id, device=reading.device, quantity=reading.quantity, value=reading.value)]
        return [SensorArrayMeasured(**stamp, station=self.id, device=reading.device, quantity=reading.quantity, first=reading.first, values=reading.values)]

    def _is_due(self, sent: _Sent, values: Values, at_s: float) -> bool:
        since_s = at_s - sent.at_s
        if since_s < self._config.sample_interval_s * (1 - _EARLY):
            return False
        deadband = self._config.deadband
        if not deadband or since_s >= self._config.silence_s_max or len(values) != len(sent.values):  # another map was loaded
            return True
        return any(_differ(*pair, deadband) for pair in zip(sent.values, values, strict=True))

    def _failure(self, reading: ReadingFailed, now: Instant) -> Sequence[Output]:
        sent = self._sent.setdefault((reading.device, reading.quantity), _Sent(reading.at_s, ()))
        if sent.fault == reading.reason:
            return ()
        sent.fault = reading.reason
        stamp = now.at(reading.at_s).stamp()
        return [SensorFailed(**stamp, station=self.id, device=reading.device, quantity=reading.quantity, reason=reading.reason)]


def _differ(before: int | float | None, after: int | float | None, deadband: float) -> bool:
    return before is not after if before is None or after is None else abs(after - before) > deadband
