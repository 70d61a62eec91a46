# SPDX-License-Identifier: Apache-2.0
"""A barcode scanner that types: HID reports of a USB keyboard, as the kernel's hid-input turns them into input events.

Written from the USB HID Usage Tables 1.5 (page 07h, keyboard), the kernel's table of usages to keys (drivers/hid/hid-input.c, hid_keyboard) and what
evtest shows of a real one: MSC_SCAN with the usage, then the key, then SYN_REPORT; modifiers before and after.
"""

from __future__ import annotations

import struct
from collections import deque

from firmware_sims.engine.twin import Twin

# Key codes by usage; usages 04h to 63h in order, and the modifiers E0h to E7h
_KEYS = (
    *(30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44),  # A to Z
    *(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 28, 1, 14, 15, 57, 12, 13, 26, 27, 43, 43, 39, 40, 41, 51, 52, 53, 58),  # 1 to 0, Enter to caps lock
    *(59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 87, 88, 99, 70, 119, 110, 102, 104, 111, 107, 109, 106, 105, 108, 103),  # F1 to arrow up
    *(69, 98, 55, 74, 78, 96, 79, 80, 81, 75, 76, 77, 71, 72, 73, 82, 83, 86),  # keypad, and the key beside left shift
)
_MODIFIERS = {0xE0: 29, 0xE1: 42, 0xE2: 56, 0xE6: 100}
_CTRL, _SHIFT, _ALT, _ALTGR = 0xE0, 0xE1, 0xE2, 0xE6
_ENTER, _TAB, _SPACE, _CAPS_LOCK, _F8, _BRACKET, _BESIDE_SHIFT = 0x28, 0x2B, 0x2C, 0x39, 0x41, 0x30, 0x64
_KEYPAD = {digit: 0x59 + (digit - 1) % 10 for digit in range(10)}

_US_KEYS = {letter: 0x04 + place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz1234567890")} | {" ": _SPACE}
_US_KEYS |= dict(zip("-=[]\\;'`,./", (0x2D, 0x2E, 0x2F, 0x30, 0x31, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38), strict=True))
_US = {character: (usage, 0) for character, usage in _US_KEYS.items()}
_US |= {character.upper(): (usage, _SHIFT) for character, usage in _US_KEYS.items() if character.isalpha()}
_US |= {shifted: (_US_KEYS[key], _SHIFT) for shifted, key in zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True)}


def _moved(differences: str) -> dict[str, tuple[int, int]]:
    """Words of a character, the US key under it and its level: nothing, s (shift) or g (AltGr); `lsgt` is the key beside left shift."""
    levels = {"": 0, "s": _SHIFT, "g": _ALTGR}
    moved = {}
    for word in differences.split():
        character, key, level = word[0], word[1], word[2:]
        moved[character] = (_BESIDE_SHIFT if key == "<" else _US_KEYS[key], levels[level])
    return _US | moved


_LAYOUTS = {
    "us": _US,
    "de": _moved(
        "zy yz Zys Yzs -/ _/s /7s ?-s =0s &6s (8s )9s :.s ;,s \"2s +] *]s #\\ '\\s << ><s @qg [8g ]9g {7g }0g \\-g |<g ~]g ^` `=s ß- ü[ Ü[s ö; Ö;s ä' Ä's"
    ),
    "fr": _moved(
        "1"
        "1s 22s 33s 44s 55s 66s 77s 88s 99s 00s aq qa zw wz Aqs Qas Zws Wzs m; M;s ,m ;, :. !/ ?ms .,s /.s -6 _8 (5 )- == +=s \"3 '4 &1 *\\ %'s << ><s"
        " @0g #3g [5g ]-g {4g }=g |6g \\8g ~2g ^9g `7g $] é2 è7 à0 ç9"
    ),
}
_DEAD = {"de": "^`"}
_WAITING_MAX = 16  # guessed: scanners keep a few codes
_GS_HABITS = ("ctrl", "f8", "alt")


class KeyboardScannerTwin(Twin):
    """The scanner. `scans` counts what was read. As long as nobody has opened it, the kernel does not poll it, and what it read waits in it.

    `gs` is how it types the separator: Ctrl-], F8, or Alt with 0 2 9. `ends_with` is enter, tab or none. `alt_mode`: every character by Alt and its number.
    One report every `report_s`; a key that is held longer than `repeat_after_s` is repeated by the kernel.
    """

    is_only_heard = True

    def __init__(
        self,
        *,
        layout: str = "us",
        gs: str = "ctrl",
        ends_with: str = "enter",
        alt_mode: bool = False,
        caps_lock: bool = False,
        sends_aim: bool = True,
        record_bytes: int = struct.calcsize("l") * 2 + 8,
        report_s: float = 0.001,
    ) -> None:
        if layout not in _LAYOUTS or gs not in _GS_HABITS:
            raise ValueError(f"layouts are {', '.join(_LAYOUTS)}; habits of the separator are {', '.join(_GS_HABITS)}")
        self.scans = 0
        self._layout, self._dead = _LAYOUTS[layout], _DEAD.get(layout, "")
        self._gs, self._ends_with, self._alt_mode, self._sends_aim = gs, ends_with, alt_mode, sends_aim
        self._caps_lock = caps_lock
        self._record = struct.Struct("=qqHHi" if record_bytes == 24 else "=IIHHi")
        self._report_s = report_s
        self._due: deque[tuple[float, bytes]] = deque()
        self._waiting: deque[str] = deque(maxlen=_WAITING_MAX)
        self._free_at_s = 0.0
        self._is_connected = False

    # What happens to it

    def on_scan(self, *, text: str | int, symbology: str = "", now_s: float) -> bytes:
        """A code comes before the window. `symbology` is its AIM identifier (`]C1`), empty if the scanner is to send none; GS in `text` is \\x1d."""
        self.scans += 1
        self._waiting.append((symbology if self._sends_aim else "") + str(text))
        return self._type_waiting(now_s)

    def on_hold(self, *, text: str, now_s: float, repeats: int = 3) -> bytes:
        """One key sticks: the kernel repeats it (value 2)."""
        usage, modifier = self._layout[text]
        self._modify(modifier, 1, now_s)
        self._report(usage, 1, now_s)
        for _ in range(repeats):
            self._free_at_s += 0.03
            self._put(self._event(1, _key(usage), 2) + self._event(0, 0, 1))
        self._report(usage, 0, now_s)
        self._modify(modifier, 0, now_s)
        return self.advance_to(now_s)

    def on_caps(self, *, now_s: float) -> bytes:
        """The caps lock key is pressed."""
        self._caps_lock = not self._caps_lock
        self._stroke(_CAPS_LOCK, 0, now_s)
        return self.advance_to(now_s)

    def on_overrun(self, *, now_s: float) -> bytes:
        """Nobody read for so long that the kernel's buffer ran over: SYN_DROPPED, and the rest of a code begun."""
        self._free_at_s = max(self._free_at_s, now_s)
        self._put(self._event(0, 3, 0))
        return self.advance_to(now_s)

    # Typing

    def _type_waiting(self, now_s: float) -> bytes:
        while self._is_connected and self._waiting:
            for character in self._waiting.popleft():
                self._type(character, now_s)
            if self._ends_with != "none":
                self._stroke(_ENTER if self._ends_with == "enter" else _TAB, 0, now_s)
        return self.advance_to(now_s)

    def _type(self, character: str, now_s: float) -> None:
        if character == "\x1d" and self._gs == "ctrl":
            self._stroke(_BRACKET, _CTRL, now_s)
        elif character == "\x1d" and self._gs == "f8":
            self._stroke(_F8, 0, now_s)
        elif self._alt_mode or character not in self._layout:
            self._by_number(character, now_s)
        else:
            usage, modifier = self._layout[character]
            if self._caps_lock and character.isalpha():
                modifier = _SHIFT if not modifier else 0
            self._stroke(usage, modifier, now_s)
            if character in self._dead:
                self._stroke(_SPACE, 0, now_s)

    def _by_number(self, character: str, now_s: float) -> None:
        number = character.encode("cp1252", errors="replace")[0]
        self._modify(_ALT, 1, now_s)
        for digit in f"{number:03}" if number < 128 else f"0{number:03}":
            self._report(_KEYPAD[int(digit)], 1, now_s)
            self._report(_KEYPAD[int(digit)], 0, now_s)
        self._modify(_ALT, 0, now_s)

    def _stroke(self, usage: int, modifier: int, now_s: float) -> None:
        self._modify(modifier, 1, now_s)
        self._report(usage, 1, now_s)
        self._report(usage, 0, now_s)
        self._modify(modifier, 0, now_s)

    def _modify(self, modifier: int, value: int, now_s: float) -> None:
        if modifier:
            self._report(modifier, value, now_s)

    def _report(self, usage: int, value: int, now_s: float) -> None:
        self._free_at_s = max(self._free_at_s + self._report_s, now_s)
        self._put(self._event(4, 4, 0x70000 | usage) + self._event(1, _key(usage), value) + self._event(0, 0, 0))  # MSC_SCAN, EV_KEY, SYN_REPORT

    def _put(self, records: bytes) -> None:
        self._due.append((self._free_at_s, records))

    def _event(self, kind: int, code: int, value: int) -> bytes:
        at_us = round(self._free_at_s * 1_000_000)
        return self._record.pack(at_us // 1_000_000, at_us % 1_000_000, kind, code, value)

    # The line

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._is_connected = True
        return self._type_waiting(now_s)

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`. What was not typed is gone."""
        self._is_connected = False
        self._due.clear()
        self._waiting.clear()

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        return b""

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = b""
        while self._due and self._due[0][0] <= now_s:
            said += self._due.popleft()[1]
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._due[0][0] if self._due else None


def _key(usage: int) -> int:
    return _MODIFIERS[usage] if usage >= 0xE0 else _KEYS[usage - 4]
