# SPDX-License-Identifier: Apache-2.0
"""Simulated sensors (XY-MD02, Comet Tx5xx) and a Waveshare relay board; tables written from the makers' documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.engine.units import amount
from firmware_sims.sensor_modbus.device import ModbusTwin
from firmware_sims.sensor_modbus.framing import FramingName
from firmware_sims.sensor_modbus.generic import ModbusTransmitterTwin

__all__ = ["ModbusInputsTwin", "ModbusRelayTwin", "ModbusSensorTwin", "ModbusTransmitterTwin", "SensorMap"]  # captures name twins of this file

SensorMap = Literal["xy_md02", "xy_md02_hundredths", "comet_tx5xx"]
_COMET_SERIAL = 0x1034  # numbers 0x1035 and 0x1036, eight digits in BCD


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
_MAPS = {"xy_md02": _XY_MD02, "xy_md02_hundredths": _XY_MD02, "comet_tx5xx": _COMET}
_XY_SETTINGS = {0x0101: 1, 0x0102: 9600, 0x0103: 0, 0x0104: 0}  # unit, baud rate as a number, corrections of both in tenths


class ModbusSensorTwin(ModbusTwin):
    """A temperature and humidity sensor. Stimuli: set (quantity, value), fail (quantity), slow (reply_delay_s)."""

    def __init__(
        self,
        map: SensorMap = "xy_md02",  # noqa: A002 - named as in the configuration
        framing: FramingName = "tcp",
        unit_id: int = 1,
        reply_delay_s: float = 0.0,
        serial: str = "20960127",
    ) -> None:
        super().__init__(framing, unit_id, reply_delay_s)
        self._places = _MAPS[map]
        self._steps_per_unit = 100 if map == "xy_md02_hundredths" else 10
        if map != "comet_tx5xx":
            self.holding.update(_XY_SETTINGS)
            self.holding[0x0101] = unit_id
        else:
            self.holding.update(dict.fromkeys(range(0x0030, 0x0035), 0))
            self.holding[0x0032] = self.holding[0x0033] = -11000 & 0xFFFF  # no computed value and no pressure probe in this model
            digits = f"{serial:0>8}"
            self.holding.update({_COMET_SERIAL: int(digits[:4], 16), _COMET_SERIAL + 1: int(digits[4:], 16)})
        for quantity, place in self._places.items():
            self.on_set(quantity, place.start)

    def on_set(self, quantity: str, value: float, now_s: float = 0.0) -> bytes:
        """The air changes; `value` in the unit that `quantity` ends in."""
        self._store(quantity, round(value * self._steps_per_unit))
        return b""

    def set_temperature(self, text: str, now_s: float) -> bytes:
        """The air's temperature: `5.5C`. Raises: ValueError."""
        return self.on_set("temperature_c", amount(text, "C")[0])

    def set_humidity(self, text: str, now_s: float) -> bytes:
        """The air's relative humidity: `60%`. Raises: ValueError."""
        return self.on_set("humidity_pct", amount(text, "%")[0])

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


_INPUTS = 8


class ModbusInputsTwin(ModbusRelayTwin):
    """A Waveshare Modbus IO 8CH: eight inputs beside the eight outputs. Stimulus: input (input, level); conditions: door, mains (inputs 1 and 2)."""

    def __init__(self, framing: FramingName = "tcp", unit_id: int = 1, reply_delay_s: float = 0.0) -> None:
        super().__init__(framing, unit_id, reply_delay_s)
        self.inputs.update(dict.fromkeys(range(_INPUTS), 0))
        self.inputs[1] = 1  # the mains are there

    def on_input(self, input: int, level: bool, now_s: float = 0.0) -> bytes:  # noqa: A002 - named as in readings
        """A contact closes (`level` true) or opens."""
        if not 1 <= input <= _INPUTS:
            raise UnknownStimulusError(f"this board has inputs 1 to {_INPUTS}, not {input}")
        self.inputs[input - 1] = int(level)
        return b""

    def set_door(self, text: str, now_s: float) -> bytes:
        """The door contact at input 1: `open` (its contact is open) or `closed`. Raises: ValueError."""
        return self.on_input(1, {"open": False, "closed": True}[_one_of(text, "open", "closed")])

    def set_mains(self, text: str, now_s: float) -> bytes:
        """The relay of a mains monitor at input 2: `on` or `failed`. Raises: ValueError."""
        return self.on_input(2, {"on": True, "failed": False}[_one_of(text, "on", "failed")])


def _one_of(text: str, *words: str) -> str:
    if text not in words:
        raise ValueError(f"{text!r} is not understood; write {' or '.join(words)}")
    return text
