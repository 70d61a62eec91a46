# SPDX-License-Identifier: Apache-2.0
"""A simulated Acme scale, written from the manual (rev. 2, section 4) and not from the driver."""

from __future__ import annotations

from firmware_sims.engine.body import BodyClock, exponential
from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import weight_mg

_SETTLING_TAU_S = 0.1  # guessed
_OVERLOAD_KG = 150.09  # section 2: Max 150 kg, e = 10 g; overload above Max + 9 e


class Platform:
    """The body: what lies on it and what it feels of that."""

    def __init__(self) -> None:
        self.load_kg = self.felt_kg = self.zero_kg = 0.0

    @property
    def rests(self) -> bool:
        """Whether the display stands still."""
        return abs(self.load_kg - self.felt_kg) < 0.005

    def advance(self, dt_s: float) -> None:
        """Come to rest."""
        self.felt_kg = exponential(self.felt_kg, self.load_kg, _SETTLING_TAU_S, dt_s)


class AcmeScaleTwin(Twin):
    """The wire: questions and answers. `load` is what lies on it, `12.5kg`."""

    def __init__(self, *, load: str = "0") -> None:
        self.body = Platform()
        self.body.load_kg = self.body.felt_kg = weight_mg(load) / 1e6
        self._clock = BodyClock(self.body.advance)
        self._line = bytearray()

    def set_load(self, text: str, *, now_s: float) -> bytes:
        """Something else lies on the scale now."""
        self.advance_to(now_s)
        self.body.load_kg = weight_mg(text) / 1e6
        return b""

    def on_place(self, *, weight_kg: float, now_s: float) -> bytes:
        """A load is put on."""
        return self.set_load(f"{weight_kg}kg", now_s=now_s)

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._line.clear()
        return b""

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        self._clock.advance_to(now_s)
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self.advance_to(now_s)
        said = b""
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            said += self._answer(bytes(line).rstrip(b"\r")) + b"\r\n"
        del self._line[:-64]
        return said

    def _answer(self, question: bytes) -> bytes:
        body = self.body
        if question == b"W":
            if body.felt_kg > _OVERLOAD_KG:
                return b"E 07"
            shown = f"{body.felt_kg - body.zero_kg + 0.0:+08.2f}".replace("-0000.00", "+0000.00")
            return f"W {shown} kg {'S' if body.rests else 'M'}".encode()
        if question == b"Z" and body.rests:
            body.zero_kg = body.felt_kg
            return b"Z OK"
        return b"E 08" if question == b"Z" else b"E 02"
