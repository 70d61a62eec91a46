# SPDX-License-Identifier: Apache-2.0
"""From keys to text: shift, caps lock, AltGr, Ctrl, Alt with the keypad, dead keys. No key is repeated by holding it down."""

from __future__ import annotations

import unicodedata

from drivers.scanner_evdev import layouts
from drivers.scanner_evdev.frames import EV_KEY, EV_LED, LED_CAPSL, PRESSED, REPEATED, InputEvent

GS = "\x1d"


class Typing:
    """The state of one keyboard. What a key gives is returned by `take`; `unknown` is the last key that means nothing here, else 0."""

    def __init__(self, layout: str, *, caps_lock: bool, gs_key: str) -> None:
        self._layout = layouts.layout(layout)
        self._caps_lock = caps_lock
        self._gs_key = layouts.FUNCTION_KEYS.get(gs_key, -1)
        self._held: set[int] = set()
        self._numpad = ""
        self._dead = ""
        self.unknown = 0

    def take(self, event: InputEvent) -> str:
        """The characters that an event adds, mostly none or one."""
        self.unknown = 0
        if event.type == EV_LED and event.code == LED_CAPSL:
            self._caps_lock = bool(event.value)
        if event.type != EV_KEY or event.value == REPEATED:
            return ""
        if event.value == PRESSED:
            return self._pressed(event.code)
        return self._released(event.code)

    def let_go(self) -> None:
        """Some events were lost: no key counts as held any more."""
        self._held.clear()
        self._numpad = self._dead = ""

    def _pressed(self, code: int) -> str:
        self._held.add(code)
        if code == layouts.CAPS_LOCK:
            self._caps_lock = not self._caps_lock
        if code in _MODIFIERS or code in layouts.SILENT:
            return ""
        if self._held & _ALT and code in layouts.KEYPAD:
            self._numpad += layouts.KEYPAD[code]
            return ""
        given = self._given(code)
        if not given:
            self.unknown = code
        return self._accented(given)

    def _released(self, code: int) -> str:
        self._held.discard(code)
        if code in _ALT and self._numpad:
            number, self._numpad = self._numpad, ""
            return _by_number(number)
        return ""

    def _given(self, code: int) -> str:
        if code == self._gs_key:
            return GS
        if code in layouts.ENDS:
            return layouts.ENDS[code]
        if code == layouts.SPACE:
            return " "
        if code in layouts.KEYPAD or code in layouts.KEYPAD_SIGNS:
            return layouts.KEYPAD.get(code) or layouts.KEYPAD_SIGNS[code]
        third_level = layouts.RIGHT_ALT in self._held or (layouts.LEFT_ALT in self._held and bool(self._held & _CTRL))
        if third_level and code in self._layout.altgr:
            return self._layout.altgr[code]
        if self._held & _CTRL:
            return self._control(code)
        return self._letter(code)

    def _letter(self, code: int) -> str:
        plain, above = self._layout.plain.get(code, ""), self._layout.shift.get(code, "")
        shifted = bool(self._held & _SHIFT)
        if self._caps_lock and above == plain.upper() != plain:
            shifted = not shifted  # caps lock turns letters only; on a French keyboard the digits stand above some
        return above if shifted else plain

    def _control(self, code: int) -> str:
        if code in layouts.CONTROL:
            return layouts.CONTROL[code]
        letter = self._layout.plain.get(code, "").upper()
        return chr(ord(letter) - 64) if len(letter) == 1 and "A" <= letter <= "Z" else ""

    def _accented(self, given: str) -> str:
        dead, self._dead = self._dead, ""
        if not dead:
            if given in self._layout.dead:
                self._dead = given
                return ""
            return given
        if given == " ":
            return dead
        composed = unicodedata.normalize("NFC", given + layouts.COMBINING[dead]) if given.isalpha() else ""
        return composed if len(composed) == 1 else dead + given


def _by_number(digits: str) -> str:
    """Alt with digits of the keypad, as Windows reads it: with a 0 before it a character of code page 1252, without one of 437."""
    number = int(digits[-4:]) % 256
    if number < 128:
        return chr(number)
    return bytes([number]).decode("cp1252" if digits[0] == "0" else "cp437", errors="replace")


_SHIFT = frozenset((layouts.LEFT_SHIFT, layouts.RIGHT_SHIFT))
_CTRL = frozenset((layouts.LEFT_CTRL, layouts.RIGHT_CTRL))
_ALT = frozenset((layouts.LEFT_ALT, layouts.RIGHT_ALT))
_MODIFIERS = _SHIFT | _CTRL | _ALT | {layouts.CAPS_LOCK}
