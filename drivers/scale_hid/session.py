# SPDX-License-Identifier: Apache-2.0
"""Listens to the reports of a HID scale."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.session import SessionEvent
from drivers.base.weighing import RESTING, Weighed
from drivers.base.weighing_session import WeighingSession
from drivers.scale_hid.config import ScaleHidConfig
from drivers.scale_hid.frames import CALIBRATE, FAULT, REZERO, WeightReport, is_report, size

CONDITIONS = {
    FAULT: ("scale_fault", "the scale reports a fault; switch it off and on"),
    CALIBRATE: ("calibration_due", "the scale wants to be calibrated"),
    REZERO: ("rezero_needed", "the scale could not find its zero; take everything off and press its zero key"),
}
"""Status -> condition and what to do."""


@dataclass(frozen=True)
class ConditionSeen(SessionEvent):
    """A condition of the scale began or ended."""

    condition: str
    active: bool
    reason: str


class HidScaleSession(WeighingSession[ScaleHidConfig]):
    """See `Session`. Each read of hidraw gives one whole report; should they ever come out of step, two in a row must make sense before one is believed."""

    asks = False

    def __init__(self, config: ScaleHidConfig) -> None:
        super().__init__(config)
        self._size = size(config.report_id)
        self._in_step = True
        self._status = 0

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`."""
        while True:
            self._skip_to_number()
            if len(self.buffer) < self._size * (1 if self._in_step else 2):
                return None
            if self._is_report(0) and (self._in_step or self._is_report(self._size)):
                break
            self._in_step = False
            self.skip(1)
        self._in_step = True
        return self.take(self._size)

    def _skip_to_number(self) -> None:
        """Out of step, a report can begin only with its number."""
        if not self._in_step and self.config.report_id:
            at = self.buffer.find(self.config.report_id)
            self.skip(at if at >= 0 else len(self.buffer))

    def _is_report(self, start: int) -> bool:
        return is_report(self.buffer, start, self.config.report_id)

    def poll(self) -> bytes:
        """Nothing: a HID scale is only listened to."""
        return b""

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        report = WeightReport.decode(frame, self.config.report_id)
        self._tell_conditions(report.status)
        has_value = report.state in (*RESTING, "dynamic")
        value, unit = (report.value, report.unit) if has_value else (None, "")
        self.weighed(Weighed(report.state, value, unit, frame.hex(" "), code="" if has_value else str(report.status)), now_s)

    def _tell_conditions(self, status: int) -> None:
        before, self._status = self._status, status
        if before == status:
            return
        for number, (condition, reason) in CONDITIONS.items():
            if number in (before, status):
                self.tell(ConditionSeen(condition, number == status, reason))
