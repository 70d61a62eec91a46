# SPDX-License-Identifier: Apache-2.0
"""Several Modbus units on one RS-485 line: silent on units that are not there, on a wrong checksum, and on a broadcast."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from firmware_sims.engine.twin import Twin, UnknownStimulusError
from firmware_sims.sensor_modbus.device import ModbusTwin
from firmware_sims.sensor_modbus.framing import ServerLine
from firmware_sims.sensor_modbus.twin import ModbusInputsTwin, ModbusRelayTwin, ModbusSensorTwin

_BITS_PER_CHARACTER = 11  # Serial Line V1.02, 2.5.1


class BusTwin(Twin):
    """A line with `units` by their address. With `baud_rate` what it says takes the time that it takes on such a line, and what it hears too.

    A unit answers when its `reply_delay_s` is over; one unit does one request after the other, and two that answer at once would collide, so they queue.
    """

    def __init__(self, units: Iterable[ModbusTwin], baud_rate: int = 0) -> None:
        self.units = {unit.unit_id: unit for unit in units}
        self.silent: set[int] = set()
        self.broadcasts = 0
        self.crowded = 0
        """Requests that came before the answer to another was over: a master that does this spoils both on a real line."""
        self._line = ServerLine("rtu")
        self._character_s = _BITS_PER_CHARACTER / baud_rate if baud_rate else 0.0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._free_at_s = float("-inf")

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`. Replies under way still come."""
        self._line.forget()
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        heard_s = now_s + len(data) * self._character_s
        for question in self._line.questions(data, now_s):
            self.crowded += bool(self._waiting)
            if question.unit == 0:
                self.broadcasts += 1
                for each in self.units.values():
                    each.reply_to(question.pdu)
                continue
            unit = self.units.get(question.unit)
            if unit is None or question.unit in self.silent:
                continue
            answer = self._line.answer(question, unit.reply_to(question.pdu))
            self._free_at_s = max(heard_s, self._free_at_s) + unit.reply_delay_s + len(answer) * self._character_s
            self._waiting.append((self._free_at_s, answer))
        return self.advance_to(now_s)

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = b""
        while self._waiting and self._waiting[0][0] <= now_s:
            said += self._waiting.popleft()[1]
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._waiting[0][0] if self._waiting else None

    def on_power_off(self, unit: int, now_s: float = 0.0) -> bytes:
        """A unit says nothing any more."""
        self._unit(unit)
        self.silent.add(unit)
        return b""

    def on_power_on(self, unit: int, now_s: float = 0.0) -> bytes:
        """It is back."""
        self._unit(unit)
        self.silent.discard(unit)
        return b""

    def _unit(self, number: int) -> ModbusTwin:
        if number not in self.units:
            raise UnknownStimulusError(f"there is no unit {number} on this line; there are: {', '.join(map(str, self.units))}")
        return self.units[number]


class ModbusBusTwin(BusTwin):
    """A line with XY-MD02 sensors from unit 1 on, then relay boards, then input boards. Stimuli: power_off, power_on (unit), set (unit, quantity, value)."""

    def __init__(self, sensors: int = 2, relays: int = 1, inputs: int = 1, reply_delay_s: float = 0.002, baud_rate: int = 0) -> None:
        kinds = [ModbusSensorTwin] * sensors + [ModbusRelayTwin] * relays + [ModbusInputsTwin] * inputs
        super().__init__((kind(framing="rtu", unit_id=number, reply_delay_s=reply_delay_s) for number, kind in enumerate(kinds, 1)), baud_rate)

    def on_set(self, unit: int, quantity: str, value: float, now_s: float = 0.0) -> bytes:
        """The air at one of the sensors changes."""
        return self._unit(unit).stimulate("set", {"quantity": quantity, "value": value}, now_s)

    def on_input(self, unit: int, input: int, level: bool, now_s: float = 0.0) -> bytes:  # noqa: A002 - named as in readings
        """A contact at one of the input boards closes or opens."""
        return self._unit(unit).stimulate("input", {"input": input, "level": level}, now_s)
