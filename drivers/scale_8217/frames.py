# SPDX-License-Identifier: Apache-2.0
"""Answers of 8213/8217 scales.

Sources: Transcell PC-150 manual B.1.4; Rice Lake BenchPro manual p. 26; Brecknell 67U service manual p. 71; PSC Magellan 8500 service manual p. 39 and 45.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name, without_parity

STX, CR = 0x02, 0x0D
_WEIGHT = re.compile(r"\s*(-?)\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(N?)([A-Za-z]{0,5})\s*(N?)\s*")
_MOTION, _OVER, _UNDER, _NOT_ZEROED, _AT_ZERO = 0x01, 0x02, 0x04, 0x08, 0x10
STATUS_BITS = 0x1F
"""Bits 5 and 6 are always 1 in the manuals of Transcell, Rice Lake and Brecknell; with Magellan bit 5 means net, elsewhere bit 6 a bad command."""


@dataclass(frozen=True)
class Answer:
    """What stands between STX and CR.

    | STX <weight> [N] [<unit>] CR    `01.250`, net `02.500N`, Brecknell with the unit behind it `01.250KG`
    | STX ? <status> CR               no weight may be shown, and the answer to Z, T and C
    | STX ? CR, STX CR                the test was begun (A)
    | STX <character> CR              the outcome of the test (B; `@` is good), and `E`, `F` for echo on and off

    `status` has its lower five bits; None: none was sent. `letter` is the character of the other answers.
    """

    value: Decimal | None = None
    unit: str = ""
    is_net: bool = False
    status: int | None = None
    letter: str = ""

    @property
    def code(self) -> str:
        """As the manuals' tables are read: `?` and the five bits in hex."""
        return "?" if self.status is None else f"? {self.status:02x}"

    @property
    def state(self) -> WeightState:
        """What a status says of the load. A weight is sent only when it may be used: it rests and is within the limits."""
        if self.value is not None:
            return "stable"
        status = self.status or 0
        if status & _OVER:
            return "overload"
        if status & _UNDER:
            return "underload"
        if status & _NOT_ZEROED:
            return "error"
        if status & _MOTION:
            return "dynamic"
        return "zero" if status & _AT_ZERO else "error"

    def encode(self) -> bytes:
        """As the manuals write it, with bits 5 and 6 of the status set."""
        if self.value is not None:
            body = f"{self.value}{'N' if self.is_net else ''}{self.unit.upper()}".encode("ascii")
        else:
            body = self.letter.encode("ascii") if self.status is None else b"?" + bytes([self.status | 0x60])
        return bytes([STX]) + body + bytes([CR])

    @classmethod
    def decode(cls, frame: bytes) -> Answer:
        """Raises: RemoteProtocolError: not the shape of any answer."""
        body = without_parity(frame)[1:-1]
        if len(body) == 2 and body[:1] == b"?":
            return cls(status=body[1] & STATUS_BITS)
        text = body.decode("ascii")
        if len(text) <= 1 and not text.isdigit():
            return cls(letter=text)
        found = _WEIGHT.fullmatch(text)
        value = None if found is None else number(found[1] + found[2])
        if found is None or value is None:
            raise RemoteProtocolError("expected a weight or a status between STX and CR", frame)
        return cls(value, unit_name(found[4]), bool(found[3] or found[5]))
