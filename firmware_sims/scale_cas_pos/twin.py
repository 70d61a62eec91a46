# SPDX-License-Identifier: Apache-2.0
"""A CAS counter scale at a cash register, as the PD-II manual p. 23 (type 6) and the SW-II manual p. 15 describe it.

ENQ is answered with ACK, and DC1 after that with a block of 15 bytes; DC1 out of turn is not answered. The scale's keys are pressed by hand only.
"""

from __future__ import annotations

from decimal import Decimal

from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_ENQ, _DC1 = 0x05, 0x11
_OVER = "FFFFFFF"


class CasCounterScaleTwin(ScaleTwin):
    """The scale. `check` says which bytes its check character covers: `data` (STA to UN2) or `head` (SOH and STX too)."""

    def __init__(self, *, capacity: float = 15.0, division: float = 0.005, unit: str = "kg", check: str = "data") -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit)))
        self._check_from = {"data": 2, "head": 0}[check]
        self._is_asked = False

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._is_asked = False

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`."""
        said = b""
        for byte in data:
            if byte == _ENQ:
                said += b"\x06"
            elif byte == _DC1 and self._is_asked:
                said += self._block()
            self._is_asked = byte == _ENQ
        return said

    def _block(self) -> bytes:
        body = self.body
        signed = ("-" if body.net < 0 else " ") + f"{abs(body.net)}".rjust(6, "0")
        block = b"\x01\x02" + ("S" if body.is_stable else "U").encode() + (_OVER if body.limit == "over" else signed).encode("ascii")
        block += body.unit.ljust(2).encode("ascii")
        check = 0
        for byte in block[self._check_from :]:
            check ^= byte
        return block + bytes((check,)) + b"\x03\x04"
