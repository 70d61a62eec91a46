# SPDX-License-Identifier: Apache-2.0
"""A postal scale of the USB HID class, as the HID Point of Sale Usage Tables 1.02, section 5, describe its data report.

It sends a report about 16 times a second while it is awake (a Dymo M25 was seen to do so; guessed for others). The weight carries no sign, so a negative
one is told as under zero. What Linux hands over is what this twin says: reports one after the other, to be served over a named pipe.
"""

from __future__ import annotations

import struct
from decimal import Decimal

from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_REPORT_S = 0.0625
_UNITS = {"mg": 1, "g": 2, "kg": 3, "t": 8, "oz": 11, "lb": 12}
_FAULTS = {"none": 0, "fault": 1, "calibrate": 7, "rezero": 8}
_ZERO, _MOVING, _STABLE, _UNDER, _OVER = 2, 3, 4, 5, 6


class HidScaleTwin(ScaleTwin):
    """The scale. `report_id` 0: reports without a number."""

    is_only_heard = True

    def __init__(self, *, capacity: float = 11000.0, division: float = 2.0, unit: str = "g", report_id: int = 3) -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(f"{capacity:g}"), division=Decimal(f"{division:g}"), unit=unit)))
        self._head = bytes((report_id,)) if report_id else b""
        self._fault = 0
        self._next_at_s: float | None = None

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._next_at_s = now_s + _REPORT_S
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._next_at_s = None

    def on_fault(self, *, kind: str, now_s: float) -> bytes:
        """See `set_fault`."""
        return self.set_fault(kind, now_s=now_s)

    def on_sleep(self, *, now_s: float) -> bytes:
        """Its battery saver: it says nothing until something is put on it. (A server that is stopped is a scale that vanished from the bus.)"""
        self._next_at_s = None
        return b""

    def on_place(self, *, weight_g: float, now_s: float) -> bytes:
        """A load is put on, which wakes it."""
        said = super().on_place(weight_g=weight_g, now_s=now_s)
        self._next_at_s = self._next_at_s or now_s + _REPORT_S
        return said

    def set_fault(self, text: str, *, now_s: float) -> bytes:
        """What the scale says is wrong with it: `fault`, `calibrate`, `rezero`, or `none`."""
        if text not in _FAULTS:
            raise ValueError(f"expected one of {', '.join(_FAULTS)}, got {text!r}")
        self._fault = _FAULTS[text]
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._next_at_s

    def hear(self, data: bytes, now_s: float) -> bytes:
        """Nothing: output reports are not of this twin."""
        return b""

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        if self._next_at_s is None or now_s < self._next_at_s:
            return b""
        self._next_at_s = max(self._next_at_s + _REPORT_S, now_s)
        return self._report()

    def _status(self) -> int:
        body = self.body
        if self._fault or not body.is_zeroed:
            return self._fault or _FAULTS["rezero"]
        if body.limit == "over":
            return _OVER
        if body.net < 0:
            return _UNDER
        if not body.is_stable:
            return _MOVING
        return _ZERO if body.net == 0 else _STABLE

    def _report(self) -> bytes:
        exponent = int(str(self.body.division.as_tuple().exponent))
        weight = min(int(abs(self.body.net).scaleb(-exponent)), 0xFFFF)
        return self._head + struct.pack("<BBbH", self._status(), _UNITS[self.body.unit], exponent, weight)
