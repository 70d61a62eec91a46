# SPDX-License-Identifier: Apache-2.0
"""Keyboard layouts as data: which character each key gives, plain, with shift and with AltGr. Codes: Linux, input-event-codes.h.

The rows of a layout are written as they lie on the keyboard. A space stands for a key that gives nothing there.
"""

from __future__ import annotations

from typing import NamedTuple

_ROWS = (
    (41, *range(2, 14)),  # left of 1, then 1 to =
    tuple(range(16, 28)),  # Q to ]
    (*range(30, 41), 43),  # A to ', then the key left of Enter (or above it)
    (86, *range(44, 54)),  # between left shift and Z (not on US keyboards), then Z to /
)


class _Rows(NamedTuple):
    plain: tuple[str, str, str, str]
    shift: tuple[str, str, str, str]
    altgr: tuple[str, str, str, str] = ("", "", "", "")
    dead: str = ""
    """Characters that wait for the next key: the space bar gives them alone, a letter takes them as its accent."""


class Layout(NamedTuple):
    """Characters by key code."""

    plain: dict[int, str]
    shift: dict[int, str]
    altgr: dict[int, str]
    dead: frozenset[str]


_TABLES = {
    "us": _Rows(
        ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "<zxcvbnm,./"),
        ("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', ">ZXCVBNM<>?"),
    ),
    "uk": _Rows(
        ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"),
        ('¬!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"),
        ("¦   €        ", "", "", ""),
    ),
    "de": _Rows(
        ("^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"),
        ('°!"§$%&/()=?`', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"),
        ("  ²³   {[]}\\ ", "@ €        ~", "", "|      µ   "),
        dead="^´`",
    ),
    "fr": _Rows(
        ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "<wxcvbn,;:!"),
        (" 1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%µ", ">WXCVBN?./§"),
        ("  ~#{[|`\\^@]}", "  €        ¤", "", ""),
        dead="^¨",
    ),
    "es": _Rows(
        ("º1234567890'¡", "qwertyuiop`+", "asdfghjklñ´ç", "<zxcvbnm,.-"),
        ('ª!"·$%&/()=?¿', "QWERTYUIOP^*", "ASDFGHJKLÑ¨Ç", ">ZXCVBNM;:_"),
        ("\\|@#~€¬      ", "  €       []", "          {}", ""),
        dead="`´^¨",
    ),
    "it": _Rows(
        ("\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-"),
        ('|!"£$%&/()=?^', "QWERTYUIOPé*", "ASDFGHJKLç°§", ">ZXCVBNM;:_"),
        ("", "  €       []", "         @# ", ""),
    ),
}
COMBINING = {"^": "\u0302", "´": "\u0301", "`": "\u0300", "¨": "\u0308"}
"""What a dead key puts on the next letter."""

KEYPAD = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}
KEYPAD_SIGNS = {55: "*", 74: "-", 78: "+", 83: ".", 98: "/", 117: "=", 121: ","}
ENDS = {28: "\r", 96: "\r", 15: "\t"}  # Enter, Enter of the keypad, Tab
SPACE = 57
LEFT_CTRL, RIGHT_CTRL, LEFT_SHIFT, RIGHT_SHIFT, LEFT_ALT, RIGHT_ALT, CAPS_LOCK = 29, 97, 42, 54, 56, 100, 58
SILENT = frozenset((69, 70, 125, 126))
"""Locks and the keys of the desktop: they give nothing and change nothing here."""
FUNCTION_KEYS = {f"F{number}": 58 + number for number in range(1, 11)} | {"F11": 87, "F12": 88}
CONTROL = {26: "\x1b", 27: "\x1d", 43: "\x1c", 7: "\x1e", 12: "\x1f"}
"""With Ctrl: the keys of [ ] \\ 6 and - on a US keyboard, by which scanners type control characters whatever layout is set."""


def _characters(rows: tuple[str, str, str, str]) -> dict[int, str]:
    return {code: character for codes, row in zip(_ROWS, rows, strict=True) for code, character in zip(codes, row, strict=False) if character != " "}


def layout(name: str) -> Layout:
    """Raises: KeyError: no such layout."""
    rows = _TABLES[name]
    return Layout(_characters(rows.plain), _characters(rows.shift), _characters(rows.altgr), frozenset(rows.dead))


def names() -> list[str]:
    """All layouts."""
    return list(_TABLES)
