# SPDX-License-Identifier: Apache-2.0
"""Simulated sensors (XY-MD02, Comet Tx5xx) and a Waveshare relay board; tables written from the makers' documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.sensor_modbus.device import ModbusTwin
from firmware_sims.sensor_modbus.framing import FramingName

SensorMap = Literal["xy_md02", "comet_tx5xx"]


@dataclass(frozen=True)
class _Place:
    """Where a value lives: function that reads it, wire address, value at power-on, and what stands there when the probe is broken."""

    function: Literal[3, 4]
    address: int
    start: float
    broken: int


_XY_MD02 = {  # seller's table: function 04, 0x0001 temperature, 0x0002 humidity, int16 tenths
    "temperature_c": _Place(4, 0x0001, 5.0, 0x8000),  # what a broken SHT20 gives is documented nowhere: guessed
    "humidity_pct": _Place(4, 0x0002, 60.0, 0x8000),
}
_COMET = {  # Comet T3311 p. 8: numbers 0x0031, 0x0032, 0x0035, on the wire one less, int16 tenths; errors are about -11000
    "temperature_c": _Place(3, 0x0030, 5.0, -11000),
    "humidity_pct": _Place(3, 0x0031, 60.0, -11000),
    "dew_point_c": _Place(3, 0x0034, -2.2, -11000),
}
_MAPS = {"xy_md02": _XY_MD02, "comet_tx5xx": _COMET}
_XY_SETTINGS = {0x0101: 1, 0x0102: 9600, 0x0103: 0, 0x0104: 0}  # unit, baud rate as a number, corrections of both in tenths


class ModbusSensorTwin(ModbusTwin):
    """A temperature and humidity sensor. Stimuli: set (quantity, value), fail (quantity), slow (reply_delay_s)."""

    def __init__(self, map: SensorMap = "xy_md02", framing: FramingName = "tcp", unit_id: int = 1, reply_delay_s: float = 0.0) -> None:  # noqa: A002 - named as in the configuration
        super().__init__(framing, unit_id, reply_delay_s)
        self._places = _MAPS[map]
        if map == "xy_md02":
            self.holding.update(_XY_SETTINGS)
            self.holding[0x0101] = unit_id
        else:
            self.holding.update(dict.fromkeys(range(0x0030, 0x0035), 0))
            self.holding[0x0032] = self.holding[0x0033] = -11000 & 0xFFFF  # no computed value and no pressure probe in this model
        for quantity, place in self._places.items():
            self.on_set(quantity, place.start)

    def on_set(self, quantity: str, value: float, now_s: float = 0.0) -> bytes:
        """The air changes; `value` in the unit that `quantity` ends in."""
        self._store(quantity, round(value * 10))
        return b""

    def on_fail(self, quantity: str, now_s: float = 0.0) -> bytes:
        """The probe breaks; a later `set` mends it."""
        self._store(quantity, self._place(quantity).broken)
        return b""

    def write_word(self, address: int, value: int) -> None:
        """Settings take effect at once; a new unit address only in the next request."""
        super().write_word(address, value)
        if address == 0x0101:
            self.unit_id = value

    def _place(self, quantity: str) -> _Place:
        if quantity not in self._places:
            raise UnknownStimulusError(f"this sensor measures {', '.join(self._places)}, not {quantity!r}")
        return self._places[quantity]

    def _store(self, quantity: str, raw: int) -> None:
        place = self._place(quantity)
        table = self.holding if place.function == 3 else self.input_registers
        table[place.address] = raw & 0xFFFF


_ALL_COILS = 0x00FF  # Waveshare wiki: writing to it switches all relays
_RELAYS = 8


class ModbusRelayTwin(ModbusTwin):
    """A board with eight relays. `outputs` tells which of relays 1 to 8 are on."""

    def __init__(self, framing: FramingName = "tcp", unit_id: int = 1, reply_delay_s: float = 0.0) -> None:
        super().__init__(framing, unit_id, reply_delay_s)
        self.coils.update(dict.fromkeys(range(_RELAYS), 0))

    @property
    def outputs(self) -> dict[int, bool]:
        """Relays by the number printed on the board."""
        return {address + 1: bool(on) for address, on in self.coils.items()}

    def switch(self, address: int, *, on: bool) -> None:
        """See `ModbusTwin.switch`; address 00FF is all of them."""
        if address == _ALL_COILS:
            self.coils.update(dict.fromkeys(range(_RELAYS), on))
        else:
            super().switch(address, on=on)
