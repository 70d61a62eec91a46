# SPDX-License-Identifier: Apache-2.0
"""GS1 identifiers: GTIN, SSCC and GLN with their check digits, and the 96-bit EPCs of RFID tags that carry them.

An EPC is known here in three shapes: the tag's hex (24 digits), the pure identity URI (`urn:epc:id:sgtin:0614141.812345.6789`), and the
GS1 element values (GTIN 80614141123458 with serial 6789). Source: GS1 EPC Tag Data Standard 2.1 (TDS), sections 6.3, 7 and 14.6;
GS1 General Specifications 24, section 7.9 (check digits).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_EPC_HEX_DIGITS = 24
_CACHED_EPCS = 4096
_COMPANY_PREFIX_BITS = (40, 37, 34, 30, 27, 24, 20)
"""Bits of the company prefix by partition 0-6; its digits are 12 - partition (TDS tables 14-2, 14-5, 14-7)."""
_FILTER_MAX = 7
_SERIAL_LENGTH_MAX = 20
_GTIN_LENGTHS = (8, 12, 13, 14)
_PREFIX_LENGTHS = range(6, 13)

_ESCAPES = {'"': "%22", "%": "%25", "&": "%26", "/": "%2F", "<": "%3C", ">": "%3E", "?": "%3F"}
"""Characters of an AI (21) or (254) value that a URI writes as an escape (TDS table A-1)."""
_SERIAL = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")
_ESCAPED_SERIAL = re.compile(r"(?:[!'()*+,\-.0-9:;=A-Z_a-z]|%(?:22|25|26|2[Ff]|3[CcEeFf]))+")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_URI = re.compile(r"urn:epc:id:(sgtin|sscc|sgln):([0-9]{6,12})\.([0-9]*)(?:\.(.+))?")


class IdentifierError(ValueError):
    """Digits, hex or a URI that are no such identifier; the message says what is wrong with what."""


class _Layout(NamedTuple):
    """A 96-bit scheme: header, filter (3), partition (3), company prefix, reference, and `tail_bits` of serial or padding."""

    scheme: str
    header: int
    tail_bits: int
    reference_digits: int
    """Digits of the reference at partition 0; each partition adds one."""

    def reference_bits(self, partition: int) -> int:
        return 96 - 8 - 3 - 3 - _COMPANY_PREFIX_BITS[partition] - self.tail_bits


_SGTIN_96 = _Layout("sgtin-96", 0x30, 38, 1)  # TDS 14.6.1, table 14-2
_SSCC_96 = _Layout("sscc-96", 0x31, 24, 5)  # TDS 14.6.2, table 14-5
_SGLN_96 = _Layout("sgln-96", 0x32, 41, 0)  # TDS 14.6.3, table 14-7
_LAYOUTS = {layout.header: layout for layout in (_SGTIN_96, _SSCC_96, _SGLN_96)}


def _digits(text: str, lengths: tuple[int, ...], what: str) -> str:
    if not (text.isascii() and text.isdigit()) or len(text) not in lengths:
        raise IdentifierError(f"{what} {text!r} is not {' or '.join(map(str, lengths))} digits")
    return text


def check_digit(payload: str) -> str:
    """The check digit that follows these digits: weights 3, 1, 3, ... from the right (GenSpecs 7.9.1). Raises: IdentifierError: not digits."""
    if not (payload.isascii() and payload.isdigit()):
        raise IdentifierError(f"{payload!r} is not all digits")
    total = 3 * sum(map(int, payload[::-2])) + sum(map(int, payload[-2::-2]))
    return str(-total % 10)


def _checked(text: str, lengths: tuple[int, ...], what: str) -> str:
    _digits(text, lengths, what)
    if check_digit(text[:-1]) != text[-1]:
        raise IdentifierError(f"{what} {text} has check digit {text[-1]}, expected {check_digit(text[:-1])}")
    return text


def normalise_gtin(text: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits. Raises: IdentifierError: other length, not digits, or wrong check digit."""
    return _checked(text, _GTIN_LENGTHS, "GTIN").zfill(14)


def check_sscc(text: str) -> str:
    """An SSCC, unchanged. Raises: IdentifierError: not 18 digits, or wrong check digit."""
    return _checked(text, (18,), "SSCC")


def check_gln(text: str) -> str:
    """A GLN, unchanged. Raises: IdentifierError: not 13 digits, or wrong check digit."""
    return _checked(text, (13,), "GLN")


class Sgtin(NamedTuple):
    """A serialised trade item. `item` is the indicator digit and the item reference; both numbers together have 13 digits."""

    company_prefix: str
    item: str
    serial: str

    @property
    def gtin(self) -> str:
        """The GTIN, 14 digits."""
        payload = self.item[0] + self.company_prefix + self.item[1:]
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sgtin:<company prefix>.<item>.<serial>`."""
        return f"urn:epc:id:sgtin:{self.company_prefix}.{self.item}.{_escaped(self.serial)}"

    @property
    def element_string(self) -> str:
        """`(01)<gtin>(21)<serial>`, for people."""
        return f"(01){self.gtin}(21){self.serial}"

    def hex(self, filter_value: int = 0) -> str:
        """The SGTIN-96 of a tag, upper-case. Raises: IdentifierError: serial is no number below 2^38 or has leading zeros; filter not 0-7."""
        return _packed(_SGTIN_96, self.company_prefix, self.item, _number(self.serial, _SGTIN_96.tail_bits), filter_value)


class Sscc(NamedTuple):
    """A logistic unit. `unit` is the extension digit and the serial reference; both numbers together have 17 digits."""

    company_prefix: str
    unit: str

    @property
    def sscc(self) -> str:
        """The SSCC, 18 digits."""
        payload = self.unit[0] + self.company_prefix + self.unit[1:]
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sscc:<company prefix>.<unit>`."""
        return f"urn:epc:id:sscc:{self.company_prefix}.{self.unit}"

    @property
    def element_string(self) -> str:
        """`(00)<sscc>`, for people."""
        return f"(00){self.sscc}"

    def hex(self, filter_value: int = 0) -> str:
        """The SSCC-96 of a tag, upper-case. Raises: IdentifierError: filter not 0-7."""
        return _packed(_SSCC_96, self.company_prefix, self.unit, 0, filter_value)


class Sgln(NamedTuple):
    """A place. `location` completes the company prefix to 12 digits; `extension` is "0" for the place as a whole."""

    company_prefix: str
    location: str
    extension: str = "0"

    @property
    def gln(self) -> str:
        """The GLN, 13 digits."""
        payload = self.company_prefix + self.location
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sgln:<company prefix>.<location>.<extension>`."""
        return f"urn:epc:id:sgln:{self.company_prefix}.{self.location}.{_escaped(self.extension)}"

    @property
    def element_string(self) -> str:
        """`(414)<gln>(254)<extension>`, for people."""
        return f"(414){self.gln}" + (f"(254){self.extension}" if self.extension != "0" else "")

    def hex(self, filter_value: int = 0) -> str:
        """The SGLN-96 of a tag, upper-case. Raises: IdentifierError: extension is no number below 2^41 or has leading zeros; filter not 0-7."""
        return _packed(_SGLN_96, self.company_prefix, self.location, _number(self.extension, _SGLN_96.tail_bits), filter_value)


Identity = Sgtin | Sscc | Sgln


class TagEpc(NamedTuple):
    """What a tag's 96 bits say: the identity, and the filter value (packaging level, TDS 10) that does not belong to it."""

    scheme: str
    filter_value: int
    identity: Identity

    @property
    def tag_uri(self) -> str:
        """`urn:epc:tag:sgtin-96:3.0614141.812345.6789`."""
        return f"urn:epc:tag:{self.scheme}:{self.filter_value}.{self.identity.uri.split(':', 4)[4]}"


@lru_cache(maxsize=_CACHED_EPCS)
def decode_epc(epc_hex: str) -> TagEpc:
    """Read the EPC of a tag: SGTIN-96, SSCC-96 or SGLN-96.

    Raises: IdentifierError: not 24 hex digits, another scheme, partition 7, a number with more digits than its partition allows, padding not zero.
    """
    if len(epc_hex) != _EPC_HEX_DIGITS or not (epc_hex.isascii() and epc_hex.isalnum()):
        raise IdentifierError(f"EPC {epc_hex!r} is not {_EPC_HEX_DIGITS} hex digits")
    try:
        bits = int(epc_hex, 16)
    except ValueError as error:
        raise IdentifierError(f"EPC {epc_hex!r} is not {_EPC_HEX_DIGITS} hex digits") from error
    layout = _LAYOUTS.get(bits >> 88)
    if layout is None:
        raise IdentifierError(f"EPC {epc_hex} has header {epc_hex[:2]}; known are 30 (SGTIN-96), 31 (SSCC-96) and 32 (SGLN-96)")
    return _unpacked(epc_hex, bits, layout)


def _unpacked(epc_hex: str, bits: int, layout: _Layout) -> TagEpc:
    partition = bits >> 82 & 7
    if partition >= len(_COMPANY_PREFIX_BITS):
        raise IdentifierError(f"EPC {epc_hex} has partition {partition}; 0 to 6 are allowed")
    reference_bits = layout.reference_bits(partition)
    prefix = bits >> layout.tail_bits + reference_bits & (1 << _COMPANY_PREFIX_BITS[partition]) - 1
    reference = bits >> layout.tail_bits & (1 << reference_bits) - 1
    tail = bits & (1 << layout.tail_bits) - 1
    prefix_digits, reference_digits = 12 - partition, layout.reference_digits + partition
    if prefix >= 10**prefix_digits or reference >= 10**reference_digits:
        raise IdentifierError(
            f"EPC {epc_hex} has company prefix {prefix} and reference {reference}; partition {partition} allows {prefix_digits} and {reference_digits} digits"
        )
    company_prefix = str(prefix).zfill(prefix_digits)
    identity = _identity(layout, company_prefix, str(reference).zfill(reference_digits) if reference_digits else "", tail, epc_hex)
    return TagEpc(layout.scheme, bits >> 85 & _FILTER_MAX, identity)


def _identity(layout: _Layout, company_prefix: str, reference: str, tail: int, epc_hex: str) -> Identity:
    if layout is _SGTIN_96:
        return Sgtin(company_prefix, reference, str(tail))
    if layout is _SGLN_96:
        return Sgln(company_prefix, reference, str(tail))
    if tail:
        raise IdentifierError(f"EPC {epc_hex} is an SSCC-96 whose last 24 bits are {tail:06X}; they must be zero")
    return Sscc(company_prefix, reference)


def epc_uri(epc_hex: str) -> str | None:
    """The pure identity URI of a tag's EPC; None for whatever is no SGTIN-96, SSCC-96 or SGLN-96. Never raises."""
    try:
        return decode_epc(epc_hex).identity.uri
    except IdentifierError:
        return None


@lru_cache(maxsize=_CACHED_EPCS)
def parse_uri(uri: str) -> Identity:
    """Read a pure identity URI of an SGTIN, SSCC or SGLN. Raises: IdentifierError: another scheme, wrong lengths, bad characters or escapes."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise IdentifierError(f"{uri!r} is not urn:epc:id:sgtin:..., urn:epc:id:sscc:... or urn:epc:id:sgln:...")
    scheme, prefix, reference, tail = match.groups()
    expected = {"sgtin": 13, "sscc": 17, "sgln": 12}[scheme]
    if len(prefix) + len(reference) != expected:
        raise IdentifierError(f"{uri!r} has {len(prefix)} + {len(reference)} digits; an {scheme.upper()} has {expected} without its check digit")
    if (tail is None) != (scheme == "sscc"):
        raise IdentifierError(f"{uri!r} has {'no' if tail is None else 'a'} part after the second dot; an {scheme.upper()} has {'none' if tail else 'one'}")
    if scheme == "sscc":
        return Sscc(prefix, reference)
    serial = _unescaped(tail, uri)
    return Sgtin(prefix, reference, serial) if scheme == "sgtin" else Sgln(prefix, reference, serial)


def sscc_uri(sscc: str, company_prefix_digits: int) -> str:
    """The URI of an SSCC of which the first so many digits after the extension digit are the company prefix. Raises: IdentifierError."""
    check_sscc(sscc)
    cut = 1 + _prefix_length(company_prefix_digits)
    return Sscc(sscc[1:cut], sscc[0] + sscc[cut:17]).uri


def sgtin_uri(gtin: str, serial: str, company_prefix_digits: int) -> str:
    """The URI of a GTIN (any length) with a serial (1-20 characters of AI 21). Raises: IdentifierError."""
    digits = normalise_gtin(gtin)
    cut = 1 + _prefix_length(company_prefix_digits)
    return Sgtin(digits[1:cut], digits[0] + digits[cut:13], _checked_serial(serial)).uri


def sgln_uri(gln: str, company_prefix_digits: int, extension: str = "0") -> str:
    """The URI of a GLN, with an extension (AI 254) or "0" for none. Raises: IdentifierError."""
    check_gln(gln)
    cut = _prefix_length(company_prefix_digits)
    return Sgln(gln[:cut], gln[cut:12], _checked_serial(extension)).uri


def sscc_from_uri(uri: str) -> str:
    """The 18 digits of an SSCC's URI. Raises: IdentifierError: not the URI of an SSCC."""
    identity = parse_uri(uri)
    if not isinstance(identity, Sscc):
        raise IdentifierError(f"{uri!r} is not urn:epc:id:sscc:...")
    return identity.sscc


def sgtin_from_uri(uri: str) -> tuple[str, str]:
    """GTIN (14 digits) and serial of an SGTIN's URI. Raises: IdentifierError: not the URI of an SGTIN."""
    identity = parse_uri(uri)
    if not isinstance(identity, Sgtin):
        raise IdentifierError(f"{uri!r} is not urn:epc:id:sgtin:...")
    return identity.gtin, identity.serial


def _prefix_length(digits: int) -> int:
    if digits not in _PREFIX_LENGTHS:
        raise IdentifierError(f"a GS1 company prefix has 6 to 12 digits, not {digits}")
    return digits


def _checked_serial(serial: str) -> str:
    if not _SERIAL.fullmatch(serial):
        raise IdentifierError(f"serial {serial!r} is not 1 to {_SERIAL_LENGTH_MAX} characters of GS1's set 82")
    return serial


def _escaped(serial: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in serial)


def _unescaped(text: str, uri: str) -> str:
    if not _ESCAPED_SERIAL.fullmatch(text):
        raise IdentifierError(f"{uri!r} has a serial with characters or escapes that a URI does not allow")
    return _checked_serial(_ESCAPE.sub(lambda escape: chr(int(escape[0][1:], 16)), text))


def _number(serial: str, bits: int) -> int:
    if not (serial.isascii() and serial.isdigit()) or (serial != "0" and serial.startswith("0")) or int(serial) >> bits:
        raise IdentifierError(f"serial {serial!r} does not fit a 96-bit EPC: it must be a number below 2^{bits} without leading zeros")
    return int(serial)


def _packed(layout: _Layout, company_prefix: str, reference: str, tail: int, filter_value: int) -> str:
    if not 0 <= filter_value <= _FILTER_MAX:
        raise IdentifierError(f"filter value {filter_value} is not 0 to {_FILTER_MAX}")
    partition = 12 - _prefix_length(len(company_prefix))
    _digits(company_prefix, (12 - partition,), "company prefix")
    reference_digits = layout.reference_digits + partition
    if reference_digits or reference:
        _digits(reference, (reference_digits,), "reference")
    bits = layout.header << 6 | filter_value << 3 | partition
    bits = bits << _COMPANY_PREFIX_BITS[partition] | int(company_prefix)
    bits = bits << layout.reference_bits(partition) | int(reference or 0)
    return f"{bits << layout.tail_bits | tail:024X}"
