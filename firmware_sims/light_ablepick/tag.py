# SPDX-License-Identifier: Apache-2.0
"""A pick tag without its wire: what it shows, what its keys do, what it has in its EEPROM.

Written from ATOP's protocol manual V2.4 and V2.9, 4.3.1 to 4.3.20. After its key was pressed a tag in pick mode goes dark by itself: the manual
does not say so in a sentence, but its tags have a function to display again what was confirmed (4.5.6.5, 4.5.6.6), and tell when nothing is left
(4.5.6.7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

BLANK = b" " * 6
_ALL_DIGITS = 0x1F  # 4.3.20.2
_COLOUR, _DIGITS, _FUNCTIONS = 0x00, 0x01, 0x0A  # 4.3.20.1, 4.3.20.2, 4.3.20.7: DATA[0] of 1F
_CYCLE_EDIT = 0x01  # guessed: the manual's page on the bits of 4.3.20.7 could not be read
_COLOURS_MAX = 5
_INTERVALS_S = {0: 0.25, 1: 0.25, 2: 0.5, 3: 0.5, 4: 1.0, 5: 1.0, 6: 1.0, 7: 1.0}  # 4.3.9; above: 0.25


@dataclass
class PickTag:
    """An AT705 (six colours, keys confirm, plus, minus or shortage). `eeprom` survives a power cut; `eeprom_writes` counts what wears it out."""

    display: bytes = BLANK
    dots: int = 0
    lamp: bool = False
    lamp_blinks: bool = False
    display_blinks: bool = False
    blink_interval_s: float = 0.25
    buzzer: bool = False
    colour_code: int = 0
    digits_mask: int = _ALL_DIGITS
    functions: int = 0x02  # 4.4.12: the value that a new tag tells
    stock_mode: bool = False
    confirm_key: bool = True
    shortage_key: bool = True
    connected: bool = True
    busy_messages: int = 0
    held_messages: int = 0
    eeprom: dict[int, int] = field(default_factory=dict)
    eeprom_writes: int = 0

    def go_dark(self) -> None:
        """Nothing is shown any more."""
        self.display, self.dots = BLANK, 0
        self.lamp = self.lamp_blinks = self.display_blinks = False

    def power_up(self) -> None:
        """Everything is forgotten that is not in the EEPROM."""
        self.go_dark()
        self.buzzer = self.stock_mode = False
        self.confirm_key = self.shortage_key = True
        self.blink_interval_s = 0.25
        self.colour_code, self.digits_mask, self.functions = 0, _ALL_DIGITS, 0x02
        for item, value in self.eeprom.items():
            self._set(item, value)

    def count_to(self, quantity: int) -> None:
        """Somebody changes the display by the keys plus and minus; digits that may not be changed stay."""
        wanted = b"%6d" % quantity
        places = len(BLANK)
        self.display = bytes(wanted[n] if self.digits_mask >> (places - 1 - n) & 1 else self.display[n] for n in range(places))

    def confirmed(self) -> int:
        """The sub-command by which pressing the confirm key is told (4.4.1, 4.4.8)."""
        if self.stock_mode:
            return 0x0F
        return 0x24 if self.functions & _CYCLE_EDIT else 0x06

    def obey(self, sub: int, data: bytes) -> bool:
        """Do what a message says; False: this tag knows no such message."""
        command = _COMMANDS.get(sub)
        if command is not None:
            command(self, data)
        return command is not None

    def details(self) -> bytes:
        """Product, firmware, mode, functions, key delay, colour, reserved (4.4.12, AT7xx)."""
        return bytes([0x02, 0x10, 0x73, self.functions, 0x08, self.colour_code, 0x02])

    def show(self, data: bytes) -> None:
        """4.3.1"""
        self.display, self.dots, self.display_blinks = data[:6].ljust(6), data[6] if len(data) > 6 else 0, False

    def clear(self) -> None:
        """4.3.2"""
        self.display, self.dots, self.display_blinks = BLANK, 0, False

    def light(self, *, on: bool, blinks: bool = False) -> None:
        """4.3.3, 4.3.4 and 4.3.8"""
        self.lamp, self.lamp_blinks = on, blinks

    def configure(self, data: bytes) -> None:
        """4.3.20: item, value, and 55 to keep it for good."""
        if len(data) < 2:
            return
        self._set(data[0], data[1])
        if data[2:3] == b"\x55":
            self.eeprom[data[0]] = data[1]
            self.eeprom_writes += 1

    def allow_digits(self, data: bytes) -> None:
        """4.3.19: how many digits from the right may be counted."""
        if data and 1 <= data[0] <= 6:
            self.digits_mask = (1 << data[0]) - 1

    def set_interval(self, data: bytes) -> None:
        """4.3.9: the last byte counts."""
        if data:
            self.blink_interval_s = _INTERVALS_S.get(data[-1], 0.25)

    def _set(self, item: int, value: int) -> None:
        if item == _COLOUR and value <= _COLOURS_MAX:
            self.colour_code = value
        elif item == _DIGITS:
            self.digits_mask = value & _ALL_DIGITS
        elif item == _FUNCTIONS:
            self.functions = value


def _setting(name: str, value: bool) -> Callable[[PickTag, bytes], None]:
    return lambda tag, data: setattr(tag, name, value)


_COMMANDS: dict[int, Callable[[PickTag, bytes], None]] = {
    0x00: PickTag.show,
    0x01: lambda tag, data: tag.clear(),
    0x02: lambda tag, data: tag.light(on=True),
    0x03: lambda tag, data: tag.light(on=False),
    0x04: _setting("buzzer", True),
    0x05: _setting("buzzer", False),
    0x10: _setting("display_blinks", True),
    0x11: lambda tag, data: tag.light(on=True, blinks=True),
    0x12: PickTag.set_interval,
    0x15: _setting("shortage_key", False),
    0x16: _setting("shortage_key", True),
    0x19: _setting("stock_mode", True),
    0x1A: _setting("stock_mode", False),
    0x1B: _setting("confirm_key", False),
    0x1C: _setting("confirm_key", True),
    0x1E: PickTag.allow_digits,
    0x1F: PickTag.configure,
}
