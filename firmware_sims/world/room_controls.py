# SPDX-License-Identifier: Apache-2.0
"""A room with the handles that people turn while it runs; it is changed like a simulated device and reached by no wire."""

from __future__ import annotations

from firmware_sims.engine.body import BodyClock
from firmware_sims.engine.twin import Twin
from firmware_sims.engine.units import amount
from firmware_sims.world.rooms import ColdRoom

_WORDS = {"open": True, "closed": False, "ok": False, "broken": True, "on": True, "off": False}


def _word(text: str, *allowed: str) -> bool:
    if text not in allowed:
        raise ValueError(f"expected {' or '.join(allowed)}, got {text!r}")
    return _WORDS[text]


class RoomTwin(Twin):
    """The room. `speed`: seconds of the room in one of the clock."""

    def __init__(self, room: ColdRoom, speed: float = 1.0) -> None:
        self.room = room
        self._clock = BodyClock(room.advance, speed)

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """Nothing talks to a room."""
        return b""

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        self._clock.advance_to(now_s)
        return b""

    def set_door(self, text: str, *, now_s: float) -> bytes:
        """`open` or `closed`."""
        self.room.door_is_open = _word(text, "open", "closed")
        return b""

    def set_compressor(self, text: str, *, now_s: float) -> bytes:
        """`ok` or `broken`."""
        self.room.broken = _word(text, "ok", "broken")
        return b""

    def set_mains(self, text: str, *, now_s: float) -> bytes:
        """`on` or `off`."""
        self.room.mains_is_on = _word(text, "on", "off")
        return b""

    def set_outside(self, text: str, *, now_s: float) -> bytes:
        """The air of the hall, `22C`."""
        self.room.outside_c, _ = amount(text, "C")
        return b""

    def on_put_in(self, *, mass_kg: float, temperature_c: float, now_s: float) -> bytes:
        """Goods come in, as warm as they are; a negative mass leaves."""
        self.room.put_in(mass_kg, temperature_c)
        return b""

    def on_defrost(self, *, now_s: float) -> bytes:
        """The evaporator is defrosted now."""
        self.room.start_defrost()
        return b""
