# SPDX-License-Identifier: Apache-2.0
"""The generic transmitter, the TH-332 and a door contact: floats in any word order, BCD, a serial number as text."""

from __future__ import annotations

import struct
from typing import Literal

from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.engine.units import amount
from firmware_sims.sensor_modbus.device import ModbusTwin
from firmware_sims.sensor_modbus.framing import FramingName

_FAHRENHEIT_AT, _SERIAL_AT, _RELAY_AT = 0x0007, 0x0100, 0x0010
_QUANTITIES = ("temperature_c", "humidity_pct", "pressure_hpa", "energy_kwh", "dew_point_c")


class ModbusTransmitterTwin(ModbusTwin):
    """`kind` generic: as the example map says (temperature float32 CDAB at 0, humidity at 2, pressure uint32 at 3, energy BCD at 5, unit at 7).

    `kind` th332: temperature, humidity and dew point as float32 at 0, 2 and 4. Stimuli: set (quantity, value), raw (address, word), door (closed).
    """

    def __init__(
        self,
        kind: Literal["generic", "th332"] = "generic",
        framing: FramingName = "tcp",
        unit_id: int = 1,
        reply_delay_s: float = 0.0,
        serial: str = "DL-00042",
    ) -> None:
        super().__init__(framing, unit_id, reply_delay_s)
        self._kind = kind
        self.holding.update(dict.fromkeys(range(9), 0))
        if kind == "generic":
            text = serial.encode("ascii")[:8].ljust(8, b"\x00")
            self.holding.update({_SERIAL_AT + n: word for n, word in enumerate(struct.unpack(">4H", text))})
            self.inputs[0] = 1
            self.coils[_RELAY_AT] = 0
        for quantity, value in zip(_QUANTITIES, (5.0, 60.0, 1013.25, 12345678.0, -2.2), strict=True):
            self._store(quantity, value)

    def on_set(self, quantity: str, value: float, now_s: float = 0.0) -> bytes:
        """The air changes; `value` in the unit that `quantity` ends in."""
        if quantity not in _QUANTITIES:
            raise UnknownStimulusError(f"this transmitter measures {', '.join(_QUANTITIES)}, not {quantity!r}")
        self._store(quantity, value)
        return b""

    def on_raw(self, address: int, word: int, now_s: float = 0.0) -> bytes:
        """A register holds exactly this."""
        if address not in self.holding:
            raise UnknownStimulusError(f"this transmitter has no register {address}")
        self.holding[address] = word & 0xFFFF
        return b""

    def on_door(self, closed: bool, now_s: float = 0.0) -> bytes:
        """The door contact closes or opens."""
        self.inputs[0] = int(closed)
        return b""

    def set_temperature(self, text: str, now_s: float) -> bytes:
        """`5.5C`, or `41F`: then it tells degrees Fahrenheit from now on. Raises: ValueError."""
        value, unit = amount(text, "C", "F")
        self.holding[_FAHRENHEIT_AT] = int(unit == "F")
        self._store("temperature_c", value)
        return b""

    def _store(self, quantity: str, value: float) -> None:
        if self._kind == "th332":
            at = {"temperature_c": 0, "humidity_pct": 2, "dew_point_c": 4}.get(quantity)
            if at is not None:
                self.holding[at], self.holding[at + 1] = struct.unpack(">2H", struct.pack(">f", value))
            return
        match quantity:
            case "temperature_c":
                self.holding[1], self.holding[0] = struct.unpack(">2H", struct.pack(">f", value))
            case "humidity_pct":
                self.holding[2] = round(value * 100)
            case "pressure_hpa":
                self.holding[3], self.holding[4] = divmod(round(value * 100), 0x10000)
            case "energy_kwh":
                digits = f"{round(value):08d}"
                self.holding[5], self.holding[6] = int(digits[:4], 16), int(digits[4:], 16)
