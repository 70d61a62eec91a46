# SPDX-License-Identifier: Apache-2.0
"""Weigh point: one record for each load, when the scale has come to rest."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from contracts.events import WeightRecorded
from contracts.quantities import UnknownUnitError, milligrams
from contracts.readings import AnyReading, LinkChanged, Scan, Weight
from gateway.clock import Instant
from gateway.config import WeighPoint
from gateway.stations.station import DeviceAction, Output, Station

_MG_PER_G = 1000


class WeighPointStation(Station):
    """Armed while the scale is empty; records the first N equal stable readings of at least `load_min_g`; armed again below it."""

    def __init__(self, config: WeighPoint) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._armed = True
        self._equal: tuple[Decimal, str, bool] | None = None
        self._equal_count = 0
        self._subject: Scan | None = None

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case Scan() if reading.device == self._config.scanner:
                self._subject = reading
            case Weight() if reading.device == self._config.scale:
                return self._weighed(reading, now)
            case LinkChanged():
                self._equal_count = 0
            case _:
                pass
        return ()

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The record was not accepted: the load counts as not yet weighed."""
        self._armed = True
        return ()

    def _weighed(self, weight: Weight, now: Instant) -> Sequence[Output]:
        load_mg = _load_mg(weight)
        if weight.state == "underload" or (load_mg is not None and load_mg < self._config.load_min_g * _MG_PER_G):
            self._armed, self._equal_count = True, 0
            return ()
        if weight.state != "stable" or weight.value is None or load_mg is None:
            self._equal_count = 0
            return ()
        sample = (weight.value, weight.unit, weight.net)
        self._equal_count = self._equal_count + 1 if sample == self._equal else 1
        self._equal = sample
        if not self._armed or self._equal_count < self._config.stable_readings:
            return ()
        self._armed = False
        return [self._record(weight, load_mg, now)]

    def _record(self, weight: Weight, load_mg: int, now: Instant) -> WeightRecorded:
        record = WeightRecorded(
            **now.at(weight.at_s).stamp(), station=self.id, value=str(weight.value), unit=weight.unit, weight_mg=load_mg, text=weight.text, net=weight.net
        )
        subject, self._subject = self._subject, None
        if subject is not None and weight.at_s - subject.at_s <= self._config.subject_age_s_max:
            record.subject, record.subject_text = subject.identifiers, subject.text
        return record


def _load_mg(weight: Weight) -> int | None:
    """The load in mg; None when the scale gave no number or a unit that cannot be converted (such a load is not recorded)."""
    if weight.value is None or weight.state not in ("stable", "dynamic"):
        return None
    try:
        return milligrams(weight.value, weight.unit)
    except UnknownUnitError:
        return None
