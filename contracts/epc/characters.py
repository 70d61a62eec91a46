# SPDX-License-Identifier: Apache-2.0
"""Characters of an EPC: GS1's sets, their escapes in URIs, and strings packed at 6 and 7 bits a character. Source: TDS annexes A and G."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import quote, unquote

from contracts.epc.digits import IdentifierError
from contracts.gs1.values import CSET_82

SET_82 = frozenset(CSET_82)
"""What a serial, lot or asset reference may hold (TDS table A-1; GenSpecs figure 7.11-1)."""
SET_39 = frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What a component or part reference may hold (TDS table G-1; GenSpecs figure 7.11-2)."""
CAGE = re.compile(r"[0-9A-HJ-NP-Z]{5,6}")
"""A CAGE code (5) or DoDAAC (6) (TDS 6.3.17)."""

_ESCAPES = str.maketrans({character: f"%{ord(character):02X}" for character in '"#%&/<>?'})
_ESCAPED = re.compile(r"(?:[!'()*+,\-.0-9:;=A-Z_a-z]|%(?:22|23|25|26|2[Ff]|3[CcEeFf]))*")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def escaped(text: str) -> str:
    """The text as a component of an EPC URI (TDS table A-1)."""
    return text.translate(_ESCAPES)


def unescaped(text: str, uri: str) -> str:
    """What a component of an EPC URI says. Raises: IdentifierError: a character or an escape that a URI does not allow."""
    if not _ESCAPED.fullmatch(text):
        raise IdentifierError(f"{uri!r} has {text!r}, with characters or escapes that an EPC URI does not allow")
    return _ESCAPE.sub(lambda escape: chr(int(escape[0][1:], 16)), text)


def percent_encoded(text: str) -> str:
    """The text as a segment of a web address; everything but letters, digits and `-._` is escaped (TDT 2.2, URLENCODE)."""
    return quote(text, safe="")


def percent_decoded(text: str, link: str) -> str:
    """What a segment of a web address says. Raises: IdentifierError: a percent sign that begins no escape."""
    if _BAD_PERCENT.search(text):
        raise IdentifierError(f"{link!r} has {text!r}, where a percent sign begins no escape")
    return unquote(text)


def require_text(text: str, longest: int, what: str, allowed: frozenset[str] = SET_82) -> str:
    """The text, unchanged. Raises: IdentifierError: empty, too long, or a character outside the set."""
    if not 1 <= len(text) <= longest:
        raise IdentifierError(f"{what} {text!r} has {len(text)} characters; 1 to {longest} are allowed")
    if wrong := next((character for character in text if character not in allowed), None):
        raise IdentifierError(f"{what} {text!r} has the character {wrong!r}, which is not in GS1's set {82 if allowed is SET_82 else 39}")
    return text


def require_number(text: str, bits: int, what: str) -> int:
    """The number. Raises: IdentifierError: not digits, leading zeros, or more than so many bits."""
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")) or len(text) > bits or int(text) >> bits:
        raise IdentifierError(f"{what} {text!r} does not fit: it must be a number below 2^{bits} without leading zeros")
    return int(text)


@cache
def _pairs() -> dict[int, str]:
    """Two characters, one and a zero, or two zeros, by their 14 bits; made when the first tag with text comes."""
    codes = {0: "", **{ord(character): character for character in SET_82}}
    return {first << 7 | second: codes[first] + codes[second] for first in codes for second in codes}


@cache
def _pair_shifts(bits: int) -> tuple[int, ...]:
    return tuple(range(bits - bits % 7 + bits // 7 % 2 * 7 - 14, -1, -14))


def seven_bit_text(value: int, bits: int, longest: int, what: str) -> str:
    """The characters in these bits: 7 each, from the left, then zeros (TDS 14.4.2, 14.4.5). Raises: IdentifierError."""
    pairs = _pairs()
    segments = value >> bits % 7 << bits // 7 % 2 * 7
    try:
        text = "".join([pairs[segments >> shift & 0x3FFF] for shift in _pair_shifts(bits)])
    except KeyError:
        raise IdentifierError(f"{what} has a character that is not in GS1's set 82") from None
    if value & ((1 << bits - 7 * len(text)) - 1):
        raise IdentifierError(f"{what} {text!r} goes on after a zero character; everything after its end must be zero")
    if not 1 <= len(text) <= longest:
        raise IdentifierError(f"{what} {text!r} has {len(text)} characters; 1 to {longest} are allowed")
    return text


def seven_bit_value(text: str, bits: int) -> int:
    """The bits of these characters, zeros after them (TDS 14.3.2)."""
    value = 0
    for character in text:
        value = value << 7 | ord(character)
    return value << bits - 7 * len(text)


def six_bit_code(character: str) -> int:
    """The 6 bits of a character of set 39 (TDS table G-1)."""
    return ord(character) & 0x3F


def six_bit_character(code: int) -> str:
    """The character of these 6 bits, in set 39 or not (TDS table G-1)."""
    return chr(code if code >= 0x20 else code | 0x40)
