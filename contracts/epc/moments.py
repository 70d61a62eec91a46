# SPDX-License-Identifier: Apache-2.0
"""Dates and times of day of GS1 elements, to bits and back. Source: TDS 2.3, sections 14.5.8 to 14.5.11."""

from __future__ import annotations

from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.digits import IdentifierError

_LAST_DAY = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Of each month; the year has two digits, so that 29 February is always possible."""
_CLOCK_BITS = (5, 6, 6)
_PRECISE = {8: 0, 10: 1, 12: 2, 6: 3}
"""Indicator of a date with hh, hhmm, hhmmss or nothing (14.5.11), by its digits."""


def read_date(reader: BitReader) -> str:
    """YYMMDD from 16 bits; day 00 means none. Raises: IdentifierError: no date."""
    return _checked_date(f"{reader.read(7):02}{reader.read(4):02}{reader.read(5):02}")


def write_date(writer: BitWriter, text: str) -> None:
    """YYMMDD in 16 bits. Raises: IdentifierError: no date."""
    _checked_date(text)
    for start, bits in ((0, 7), (2, 4), (4, 5)):
        writer.write(int(text[start : start + 2]), bits)


def _checked_date(text: str) -> str:
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise IdentifierError(f"{text!r} is no date YYMMDD")
    month, day = int(text[2:4]), int(text[4:])
    if not 1 <= month <= 12 or day > _LAST_DAY[month - 1]:
        raise IdentifierError(f"{text} is no date YYMMDD")
    return text


def _read_clock(reader: BitReader, fields: int) -> str:
    return _checked_clock("".join(f"{reader.read(bits):02}" for bits in _CLOCK_BITS[:fields]))


def _write_clock(writer: BitWriter, text: str) -> None:
    _checked_clock(text)
    for field, bits in zip(range(0, len(text), 2), _CLOCK_BITS, strict=False):
        writer.write(int(text[field : field + 2]), bits)


def _checked_clock(text: str) -> str:
    """24 hours is the end of the day, and then nothing may follow but zeros."""
    if not (text.isascii() and text.isdigit()) or int(text.ljust(6, "0")) > 240_000 or any(int(text[at : at + 2]) > 59 for at in range(2, len(text), 2)):
        raise IdentifierError(f"{text!r} is no time of day")
    return text


def read_moment(reader: BitReader, letter: str) -> str:
    """A value of the formats d, t, r or p. Raises: IdentifierError."""
    if letter == "d":
        return read_date(reader)
    if letter == "t":
        return read_date(reader) + _read_clock(reader, 2)
    if letter == "r":
        two = reader.read(1)
        return read_date(reader) + (read_date(reader) if two else "")
    precision = reader.read(2)
    date = read_date(reader)
    return date if precision == 3 else date + _read_clock(reader, precision + 1)


def write_moment(writer: BitWriter, text: str, letter: str) -> None:
    """A value of the formats d, t, r or p. Raises: IdentifierError: not of that format."""
    lengths = {"d": (6,), "t": (10,), "r": (6, 12), "p": tuple(_PRECISE)}[letter]
    if len(text) not in lengths:
        raise IdentifierError(f"{text!r} is not {' or '.join(map(str, sorted(lengths)))} digits")
    if letter == "r":
        writer.write(int(len(text) == 12), 1)
    elif letter == "p":
        writer.write(_PRECISE[len(text)], 2)
    write_date(writer, text[:6])
    if letter == "r" and text[6:]:
        write_date(writer, text[6:])
    elif text[6:]:
        _write_clock(writer, text[6:])
