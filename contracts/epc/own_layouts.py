# SPDX-License-Identifier: Apache-2.0
"""Schemes with a layout of their own: GID-96, USDOD-96, and ADI-var and CPI-var, whose length varies. Source: TDS 14.6.9 and 14.6.12 to 14.6.14."""

from __future__ import annotations

from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.characters import CAGE, SET_39, require_number, six_bit_character, six_bit_code
from contracts.epc.digits import IdentifierError
from contracts.epc.kinds import Parts, check_parts
from contracts.epc.partitioned import PREFIX_BITS

_WITHOUT_FIRST = 0b100000
"""Stands in front of a CAGE code of 5 characters, where 6 are expected (TDS 14.3.7)."""


class GeneralIdentifier:
    """GID-96: manager (28), object class (24), serial (36); no filter."""

    name, kind, header, bits, filter_bits = "gid-96", "gid", 0x35, 96, 0

    def read_from(self, reader: BitReader) -> Parts:
        """The parts after the filter. Every layout has it and `write_to`; both raise IdentifierError."""
        return (str(reader.read(28)), str(reader.read(24)), str(reader.read(36)))

    def write_to(self, writer: BitWriter, parts: Parts) -> None:
        """Append checked parts."""
        for text, bits in zip(parts, (28, 24, 36), strict=True):
            writer.write(int(text), bits)


class Defence:
    """USDOD-96: filter (4), CAGE code or DoDAAC in 6 ASCII characters, a space before 5 (48), serial (36)."""

    name, kind, header, bits, filter_bits = "usdod-96", "usdod", 0x2F, 96, 4

    def read_from(self, reader: BitReader) -> Parts:
        """The parts after the filter."""
        code = "".join(chr(reader.read(8)) for _ in range(6))
        return check_parts("usdod", (code.removeprefix(" "), str(reader.read(36))))

    def write_to(self, writer: BitWriter, parts: Parts) -> None:
        """Append checked parts."""
        for character in parts[0].rjust(6):
            writer.write(ord(character), 8)
        writer.write(int(parts[1]), 36)


class Aerospace:
    """ADI-var: filter (6), CAGE code or DoDAAC (36), part number and serial, each of 6-bit characters with a zero after them."""

    name, kind, header, bits, filter_bits = "adi-var", "adi", 0x3B, 0, 6

    def read_from(self, reader: BitReader) -> Parts:
        """The parts after the filter."""
        first = reader.read(6)
        code = "" if first == _WITHOUT_FIRST else six_bit_character(first)
        code += "".join(six_bit_character(reader.read(6)) for _ in range(5))
        if not CAGE.fullmatch(code):
            raise IdentifierError(f"{code!r} is no CAGE code or DoDAAC")
        return check_parts("adi", (code, _read_characters(reader, 32), _read_characters(reader, 30)))

    def write_to(self, writer: BitWriter, parts: Parts) -> None:
        """Append checked parts."""
        if len(parts[0]) == 5:
            writer.write(_WITHOUT_FIRST, 6)
        for character in parts[0]:
            writer.write(six_bit_code(character), 6)
        _write_characters(writer, parts[1])
        _write_characters(writer, parts[2])


class Component:
    """CPI-var: filter (3), partition (3), company prefix, 6-bit characters with a zero after them, serial (40)."""

    name, kind, header, bits, filter_bits = "cpi-var", "cpi", 0x3D, 0, 3

    def read_from(self, reader: BitReader) -> Parts:
        """The parts after the filter."""
        partition = reader.read(3)
        if partition == 7:
            raise IdentifierError("partition 7 is reserved; 0 to 6 are allowed")
        digits = 12 - partition
        prefix = str(reader.read(PREFIX_BITS[partition])).zfill(digits)
        if len(prefix) > digits:
            raise IdentifierError(f"company prefix {prefix} has more than the {digits} digits of partition {partition}")
        return check_parts("cpi", (prefix, _read_characters(reader, 30 - digits), str(reader.read(40))))

    def write_to(self, writer: BitWriter, parts: Parts) -> None:
        """Append checked parts."""
        partition = 12 - len(parts[0])
        writer.write(partition, 3)
        writer.write(int(parts[0]), PREFIX_BITS[partition])
        _write_characters(writer, parts[1])
        writer.write(require_number(parts[2], 40, "serial"), 40)


def _read_characters(reader: BitReader, longest: int) -> str:
    text = ""
    while code := reader.read(6):
        character = six_bit_character(code)
        if character not in SET_39 or len(text) == longest:
            raise IdentifierError(f"{character!r} after {text!r} is not in GS1's set 39, or one more than {longest} characters")
        text += character
    return text


def _write_characters(writer: BitWriter, text: str) -> None:
    for character in text:
        writer.write(six_bit_code(character), 6)
    writer.write(0, 6)


OwnLayout = GeneralIdentifier | Defence | Aerospace | Component
SCHEMES: tuple[OwnLayout, ...] = (GeneralIdentifier(), Defence(), Aerospace(), Component())
