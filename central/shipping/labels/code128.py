# SPDX-License-Identifier: Apache-2.0
"""GS1-128: the code words of a symbol, its bars, and the same words for a printer that draws bars itself.

Source: ISO/IEC 15417 (widths of the characters, check character), GS1 General Specifications 24, section 5.4 (FNC1 after the start character).
"""

from __future__ import annotations

from collections.abc import Sequence

from contracts.gs1.elements import GS

_WIDTH_TABLE = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 223211 221132 221231
213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311
112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111
111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214
211232 2331112
"""
_WIDTHS = _WIDTH_TABLE.split()
"""Widths of bars and spaces in modules by value 0 to 106, bar first."""

CODE_C, CODE_B, FNC1_VALUE, START_B, START_C, STOP = 99, 100, 102, 104, 105, 106
QUIET_MODULES = 10
_CHECK_MODULUS = 103
_FIRST_B = 32
"""Value 0 of set B is the blank."""
_WORTH_A_SWITCH = 4
"""Digits in a row, from which set C is shorter (annex E)."""


def words_of(data: str, *, is_gs1: bool = True) -> list[int]:
    """Values of a symbol from start to stop: digits in pairs (set C) where that is shorter, else set B.

    A GS1-128 symbol begins with FNC1 and has GS in its data as FNC1; a plain Code 128 has neither.
    """
    pairs = _digits_at(data, 0) >= 2
    words = [START_C if pairs else START_B, *([FNC1_VALUE] if is_gs1 else [])]
    at, in_c = 0, pairs
    while at < len(data):
        run = _digits_at(data, at)
        if data[at] == GS:
            words.append(FNC1_VALUE)
            at += 1
        elif in_c and run >= 2:
            words.append(int(data[at : at + 2]))
            at += 2
        elif in_c:
            words.append(CODE_B)
            in_c = False
        elif run >= _WORTH_A_SWITCH and run % 2 == 0:
            words.append(CODE_C)
            in_c = True
        else:
            words.append(ord(data[at]) - _FIRST_B)
            at += 1
    check = words[0] + sum(place * word for place, word in enumerate(words[1:], start=1))
    return [*words, check % _CHECK_MODULUS, STOP]


def _digits_at(data: str, start: int) -> int:
    end = start
    while end < len(data) and data[end].isdigit():
        end += 1
    return end - start


def modules_of(words: Sequence[int]) -> int:
    """Width of a symbol without its quiet zones."""
    return sum(int(width) for word in words for width in _WIDTHS[word])


def bars_of(words: Sequence[int]) -> list[tuple[int, int]]:
    """Black bars as (start, width) in modules, from the left edge of the symbol."""
    bars, at = [], 0
    for word in words:
        for n, width in enumerate(map(int, _WIDTHS[word])):
            if n % 2 == 0:
                bars.append((at, width))
            at += width
    return bars


def svg_of(words: Sequence[int], height_modules: int = 50) -> str:
    """A symbol with its quiet zones as SVG, one unit for a module."""
    width = modules_of(words) + 2 * QUIET_MODULES
    bars = "".join(f"M{QUIET_MODULES + start} 0h{bar}v{height_modules}h-{bar}z" for start, bar in bars_of(words))
    size = f'width="{width}" height="{height_modules}" viewBox="0 0 {width} {height_modules}" preserveAspectRatio="none" shape-rendering="crispEdges"'
    paper = f'<rect width="{width}" height="{height_modules}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}<path d="{bars}" fill="#000"/></svg>'


_ZPL = {CODE_C: ">5", CODE_B: ">6", FNC1_VALUE: ">8", START_B: ">:", START_C: ">;"}
_ZPL_CHARACTERS = {">": ">0", "^": "><", "~": ">="}


def zpl_data(words: Sequence[int]) -> str:
    """Field data of ^BC in mode N that makes exactly this symbol: start and set characters are said, the printer adds check and stop.

    Mode D would choose the sets and FNC1 by itself, and on its own account "determines if a check digit is required" (ZPL II guide); what is said here
    comes out the same on every printer.
    """
    out, in_c = [], False
    for word in words[:-2]:
        if word in _ZPL:
            in_c = word in (START_C, CODE_C) or (in_c and word == FNC1_VALUE)
            out.append(_ZPL[word])
        else:
            character = chr(word + _FIRST_B)
            out.append(f"{word:02}" if in_c else _ZPL_CHARACTERS.get(character, character))
    return "".join(out)
