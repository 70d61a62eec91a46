# SPDX-License-Identifier: Apache-2.0
"""The "+" and "++" schemes of TDS 2.x: the key as it is printed, with no word on where the company prefix ends.

Header, a bit that says that more data follow (+AIDC data), filter (3), for DSGTIN+ a date, the key's elements, for "++" a host name, then the data.
Source: TDS 2.3, sections 14.5, 14.6 and 15.3.
"""

from __future__ import annotations

from typing import NamedTuple

from contracts.epc.applications import FORMATS
from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.digits import IdentifierError
from contracts.epc.elements import GS1_HOST
from contracts.epc.hostnames import read_hostname, write_hostname
from contracts.epc.identities import Identity
from contracts.epc.kinds import KINDS, WITHOUT_EXTENSION, Elements, check_elements
from contracts.epc.moments import read_date, write_date
from contracts.epc.values import read_value, write_value
from contracts.gs1.applications import lengths

DATE_AIS = ("11", "13", "15", "16", "17", "7006", "7007")
"""Of the date in a DSGTIN+, by its type indicator (TDS 14.5.3)."""
_SSCC_BITS = 72


class PlusScheme(NamedTuple):
    """A scheme; `kind` is that of the identity."""

    name: str
    kind: str
    header: int
    dated: bool
    hosted: bool


class PlusContent(NamedTuple):
    """What is on a "+" tag besides scheme and filter."""

    identity: Identity
    date: Elements = ()
    """None or one element."""
    aidc: Elements = ()
    """Elements after the identity, in order."""
    aidc_raw: str = ""
    """Bits after them that stand for none that is known, as 0 and 1."""
    host: str = GS1_HOST


def _schemes(first: int, kinds: str, plus: str) -> tuple[PlusScheme, ...]:
    """A word for each header from the first on; `d` before a kind: with a date; `-`: no scheme has this header."""
    return tuple(
        PlusScheme(f"{word}{plus}", word.removeprefix("d"), header, word.startswith("d"), plus == "++")
        for header, word in enumerate(kinds.split(), first)
        if word != "-"
    )


SCHEMES = (
    *_schemes(0xF0, "cpi grai sgln itip gsrn gsrnp gdti sgtin sgcn sscc giai dsgtin", "+"),
    *_schemes(0xE6, "cpi gsrn gsrnp sgln gdti grai sgcn itip giai sscc", "++"),
    *_schemes(0xFC, "dsgtin sgtin", "++"),
)
"""Headers of TDS table 14-1. (Annex E.3 of TDS 2.3 prints two "++" examples with the headers of "+"; the table is right.)"""


def read_plus(reader: BitReader, scheme: PlusScheme) -> tuple[int, PlusContent]:
    """Filter value and content of what follows the header. Raises: IdentifierError; data after the identity never make it fail."""
    has_data, filter_value = reader.read(1), reader.read(3)
    date = _read_dated(reader) if scheme.dated else ()
    kind = KINDS[scheme.kind]
    key = read_value(reader, kind.ai)
    serial = read_value(reader, kind.serial_ai) if kind.serial_ai else None
    identity = Identity(kind.name, None, check_elements(kind.name, key, serial))
    host = read_hostname(reader) if scheme.hosted else GS1_HOST
    if has_data:
        return filter_value, PlusContent(identity, date, *_read_data(reader), host)
    if reader.rest():
        raise IdentifierError(f"the {reader.left} bits after the identity are not zero, yet the bit that announces data is")
    return filter_value, PlusContent(identity, date, host=host)


def _read_dated(reader: BitReader) -> Elements:
    indicator = reader.read(4)
    if indicator >= len(DATE_AIS):
        raise IdentifierError(f"date type {indicator} is reserved")
    return ((DATE_AIS[indicator], read_date(reader)),)


def _read_data(reader: BitReader) -> tuple[Elements, str]:
    found: list[tuple[str, str]] = []
    while reader.left >= 8 and reader.rest():
        start = reader.left
        try:
            ai = _read_ai(reader)
            found.append((ai, read_value(reader, ai)))
        except IdentifierError:
            reader.back_to(start)
            break
    return tuple(found), f"{reader.rest():0{reader.left}b}" if reader.rest() else ""


def _read_ai(reader: BitReader) -> str:
    ai = f"{reader.read(8):02x}"
    if ai == "00" and reader.left < _SSCC_BITS:
        raise IdentifierError("no SSCC fits in what is left")
    if more := lengths().get(ai, 2) - 2:
        ai += f"{reader.read(4 * more):0{more}x}"
    if ai not in FORMATS:
        raise IdentifierError(f"{ai} is no application identifier that a tag carries")
    return ai


def write_plus(writer: BitWriter, scheme: PlusScheme, filter_value: int, content: PlusContent) -> None:
    """Append everything after the header. Raises: IdentifierError: a date missing or too much, values that no tag carries."""
    has_data = bool(content.aidc or content.aidc_raw)
    writer.write(has_data << 3 | filter_value, 4)
    if scheme.dated != bool(content.date):
        raise IdentifierError(f"{scheme.name} has {'a date, one of ' + ', '.join(DATE_AIS) if scheme.dated else 'no place for a date before its key'}")
    for ai, date in content.date:
        writer.write(DATE_AIS.index(ai), 4)
        write_date(writer, date)
    kind = KINDS[scheme.kind]
    values = dict(content.identity.elements)
    for ai in filter(None, (kind.ai, kind.serial_ai)):
        write_value(writer, ai, values.get(ai, WITHOUT_EXTENSION))
    if scheme.hosted:
        write_hostname(writer, content.host)
    for ai, value in content.aidc:
        writer.write(int(ai, 16), 4 * len(ai))
        write_value(writer, ai, value)
    if content.aidc_raw:
        writer.write(int(content.aidc_raw, 2), len(content.aidc_raw))
