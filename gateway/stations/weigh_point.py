# SPDX-License-Identifier: Apache-2.0
"""Weigh point: one record for each load, when the scale has come to rest. What is scanned for it is answered by lamps when there is a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from contracts.commands import AnyCommand, ScanWork
from contracts.events import WeightRecorded
from contracts.quantities import UnknownUnitError, milligrams
from contracts.readings import AnyReading, LinkChanged, Scan, Weight
from gateway.clock import Instant
from gateway.config import WeighPoint
from gateway.stations.lamps import Lamps
from gateway.stations.scan_checks import ScanChecks, Verdict
from gateway.stations.station import DeviceAction, Output, Remember, Station

_MG_PER_G = 1000
_EMPTY_SHARE = 0.5
"""Of the least load: a scale that shows more than that is not empty, so a load at the limit that trembles is recorded once. Chosen: as 10 e to 20 e."""


class WeighPointStation(Station):
    """Armed while the scale is empty; records the first N equal stable readings of at least `load_min_g`; armed again below half of it.

    What was recorded and still lies there is remembered durably: a gateway that comes back finds the same load and does not record it again.
    """

    def __init__(self, config: WeighPoint) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._armed = True
        self._equal: tuple[Decimal, str, bool] | None = None
        self._equal_count = 0
        self._subject: Scan | None = None
        self._taken_subject: Scan | None = None
        self._records = 0
        self._lying = ""
        """The recorded load that has not been taken off, as value, unit and net; empty: none."""
        self._may_be_another = False
        self._is_undone = False
        self._verdict = Verdict()
        self._checks = ScanChecks()
        self._lamps = Lamps(config.ok_light, config.wrong_light, config.light_s)

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case Scan() if reading.device == self._config.scanner:
                return self._scanned(reading, now)
            case Weight() if reading.device == self._config.scale:
                return self._weighed(reading, now)
            case LinkChanged():
                self._equal_count = 0
                return self._lamps.shown_by(reading.device) if reading.state == "connected" else ()
            case _:
                pass
        return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`: a new list of what is expected; an older one than is known changes nothing."""
        if not isinstance(command, ScanWork) or not self._config.scanner:
            return super().on_command(command, now)
        self._checks.take_list(command)
        return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        return self._lamps.put_out(now)

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return self._lamps.due_s

    def parts(self) -> Mapping[str, bytes]:
        """See `Station.parts`: the list, what was taken of it, how many loads were recorded (so that it is known which was accepted), which lies there."""
        return {**self._checks.parts(), "loads": str(self._records).encode(), "lying": self._lying.encode()}

    def restore_parts(self, parts: Mapping[str, bytes]) -> None:
        """See `Station.restore_parts`."""
        self._checks.restore(parts)
        accepted = int(parts.get("loads", b"0"))
        self._is_undone = self._records > accepted
        self._records = accepted
        self._lying = parts.get("lying", b"").decode()
        self._armed, self._may_be_another = not self._lying, bool(self._lying)

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """Was it a record, the load counts as not yet weighed, and what was scanned for it is still to be weighed."""
        if self._is_undone:
            self._armed, self._is_undone = True, False
            self._subject = self._subject or self._taken_subject
        return self._lamps.answer(now, right=False)

    def _scanned(self, scan: Scan, now: Instant) -> list[Output]:
        """What is to be weighed is answered at once; it is counted when it was weighed."""
        self._subject, self._verdict = scan, self._checks.judge(scan)
        return [*self._lamps.answer(now, right=self._verdict.checked == "expected")] if self._verdict.checked else []

    def _weighed(self, weight: Weight, now: Instant) -> Sequence[Output]:
        load_mg = _load_mg(weight)
        least_mg = self._config.load_min_g * _MG_PER_G
        if weight.state in ("underload", "zero") or (load_mg is not None and load_mg < _EMPTY_SHARE * least_mg):
            return self._emptied()
        if weight.state != "stable" or weight.value is None or load_mg is None or load_mg < least_mg:
            self._equal_count = 0
            return ()
        sample = (weight.value, weight.unit, weight.net)
        self._equal_count = self._equal_count + 1 if sample == self._equal else 1
        self._equal = sample
        if self._equal_count < self._config.stable_readings:
            return ()
        lying = f"{weight.value} {weight.unit}{' net' if weight.net else ''}"
        if self._may_be_another:  # the first load after a restart: the recorded one, or one that was put there meanwhile
            self._armed, self._may_be_another = lying != self._lying, False
        if not self._armed:
            return ()
        self._armed, self._lying = False, lying
        return [self._record(weight, load_mg, now)]

    def _emptied(self) -> Sequence[Output]:
        """The load was taken off, which must be known after a restart too: the next one may weigh the same."""
        was_lying, self._lying = self._lying, ""
        self._armed, self._may_be_another, self._equal_count = True, False, 0
        return [Remember()] if was_lying else ()

    def _record(self, weight: Weight, load_mg: int, now: Instant) -> WeightRecorded:
        record = WeightRecorded(
            **now.at(weight.at_s).stamp(), station=self.id, value=str(weight.value), unit=weight.unit, weight_mg=load_mg, text=weight.text, net=weight.net
        )
        self._records += 1
        subject = self._taken_subject = self._subject
        self._subject = None
        if subject is not None and weight.at_s - subject.at_s <= self._config.subject_age_s_max:
            record.subject, record.subject_text = subject.identifiers, subject.text
            verdict = self._verdict
            record.checked, record.work_version, record.task, record.order = verdict.checked, verdict.version, verdict.task, verdict.order
            self._checks.count(verdict, subject)
        return record


def _load_mg(weight: Weight) -> int | None:
    """The load in mg; None when the scale gave no number or a unit that cannot be converted (such a load is not recorded)."""
    if weight.value is None or weight.state not in ("stable", "dynamic"):
        return None
    try:
        return milligrams(weight.value, weight.unit)
    except UnknownUnitError:
        return None
