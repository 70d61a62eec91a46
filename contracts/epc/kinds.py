# SPDX-License-Identifier: Apache-2.0
"""The kinds of object that an EPC names, and how the parts of their URI make up GS1 elements and the other way round. Source: TDS 6.3 and 7.

A part is a dot-separated component of `urn:epc:id:KIND:...`, without escapes: ("0614141", "812345", "6789"). An element is the value of a GS1
application identifier (AI): ("01", "80614141123458"). Elements do not say where the company prefix ends; parts do.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.epc.characters import CAGE, SET_39, SET_82, require_number, require_text
from contracts.epc.digits import IdentifierError, check_digit, require_checked, require_digits

Parts = tuple[str, ...]
Elements = tuple[tuple[str, str], ...]

PREFIX_DIGITS = range(6, 13)
"""A GS1 company prefix has 6 to 12 digits."""
WITHOUT_EXTENSION = "0"
"""The extension of a GLN that stands for the place as a whole; it is written in URIs and not in elements (TDS 7.5)."""


def require_prefix_length(digits: int) -> int:
    """Raises: IdentifierError: not 6 to 12."""
    if digits not in PREFIX_DIGITS:
        raise IdentifierError(f"a GS1 company prefix has 6 to 12 digits, not {digits}")
    return digits


@dataclass(frozen=True, slots=True)
class Kind:
    """A GS1 key with its serial, if it has one.

    `digits` counts company prefix and reference together, 0 where the reference is text and its length free. `moved`: the reference begins with the
    indicator or extension digit that stands before the company prefix in the key. `lead` stands before everything.
    """

    name: str
    ai: str
    digits: int
    moved: bool = False
    checked: bool = True
    lead: str = ""
    pieces: bool = False
    reference_longest: int = 0
    """Characters of company prefix and free reference together."""
    characters: frozenset[str] = SET_82
    """Of a free reference."""
    serial_ai: str = ""
    """Empty: the serial, if there is one, follows the key in the same element."""
    serial_longest: int = 0
    """0: the key has no serial."""
    serial_is_number: bool = False

    @property
    def part_count(self) -> int:
        """Parts of the URI."""
        return 2 + 2 * self.pieces + bool(self.serial_longest)

    @property
    def key_length(self) -> int:
        """Digits of the fixed part of the key element; 0 where it is free."""
        return self.digits and len(self.lead) + self.digits + self.checked + 4 * self.pieces


_KINDS = (
    Kind("sgtin", "01", 13, moved=True, serial_ai="21", serial_longest=20),
    Kind("sscc", "00", 17, moved=True),
    Kind("sgln", "414", 12, serial_ai="254", serial_longest=20),
    Kind("grai", "8003", 12, lead="0", serial_longest=16),
    Kind("giai", "8004", 0, checked=False, reference_longest=30),
    Kind("gsrn", "8018", 17),
    Kind("gsrnp", "8017", 17),
    Kind("gdti", "253", 12, serial_longest=17),
    Kind("cpi", "8010", 0, checked=False, reference_longest=30, characters=SET_39, serial_ai="8011", serial_longest=12, serial_is_number=True),
    Kind("sgcn", "255", 12, serial_longest=12, serial_is_number=True),
    Kind("itip", "8006", 13, moved=True, pieces=True, serial_ai="21", serial_longest=20),
)
KINDS = {kind.name: kind for kind in _KINDS}
BY_AI = {kind.ai: kind for kind in _KINDS}
OUTSIDE_GS1 = {"gid": 3, "usdod": 2, "adi": 3}
"""Kinds without GS1 elements, and the number of their parts (TDS 6.3.16 to 6.3.18)."""
WITHOUT_TAG = frozenset({"upui", "pgln", "ginc", "gsin", "bic", "imovn"})
"""Kinds that have a URI and no place on a tag (TDS table 6-1)."""


def check_parts(kind: str, parts: Parts) -> Parts:
    """The parts, unchanged. Raises: IdentifierError: number, lengths or characters are not the kind's."""
    if (spec := KINDS.get(kind)) is not None:
        _check_key_parts(spec, parts)
    elif kind not in OUTSIDE_GS1:
        raise IdentifierError(f"urn:epc:id:{kind} {'names what no tag carries' if kind in WITHOUT_TAG else 'is no scheme of EPCs'}")
    elif len(parts) != OUTSIDE_GS1[kind]:
        raise IdentifierError(f"urn:epc:id:{kind} has {OUTSIDE_GS1[kind]} parts, not {len(parts)}")
    elif kind == "gid":
        for text, bits, what in zip(parts, (28, 24, 36), ("manager number", "object class", "serial"), strict=True):
            require_number(text, bits, what)
    else:
        _check_defence(kind, parts)
    return parts


def _check_defence(kind: str, parts: Parts) -> None:
    if not CAGE.fullmatch(parts[0]):
        raise IdentifierError(f"{parts[0]!r} is no CAGE code (5) or DoDAAC (6 characters, digits and capitals without I and O)")
    if kind == "usdod":
        require_number(parts[1], 36, "serial")
        return
    letters = SET_39 - {"#"}
    if parts[1]:
        require_text(parts[1], 32, "part number", letters)
    require_text(parts[2].removeprefix("#") if len(parts[2]) > 1 else parts[2], 30 - parts[2].startswith("#"), "serial", letters)


def _check_key_parts(kind: Kind, parts: Parts) -> None:
    if len(parts) != kind.part_count:
        raise IdentifierError(f"urn:epc:id:{kind.name} has {kind.part_count} parts, not {len(parts)}")
    prefix, reference = parts[:2]
    require_digits(prefix, tuple(PREFIX_DIGITS), "company prefix")
    if kind.digits:
        length = kind.digits - len(prefix)
        if len(reference) != length or (length and not (reference.isascii() and reference.isdigit())):
            raise IdentifierError(f"{reference!r} after company prefix {prefix} is not {length} digits; an {kind.name.upper()} has {kind.digits} with it")
    else:
        require_text(reference, kind.reference_longest - len(prefix), "reference", kind.characters)
    if kind.pieces:
        _check_pieces(*parts[2:4])
    if kind.serial_longest:
        _check_serial(kind, parts[-1])


def _check_pieces(piece: str, total: str) -> None:
    require_digits(piece, (2,), "piece")
    require_digits(total, (2,), "total of pieces")


def _check_serial(kind: Kind, serial: str) -> str:
    require_text(serial, kind.serial_longest, "serial")
    if kind.serial_is_number and not (serial.isascii() and serial.isdigit()):
        raise IdentifierError(f"serial {serial!r} is not 1 to {kind.serial_longest} digits")
    if kind.name == "cpi" and serial != "0" and serial.startswith("0"):
        raise IdentifierError(f"serial {serial!r} has leading zeros; a number is expected")
    return serial


def elements_of(kind: str, parts: Parts) -> Elements:
    """The GS1 elements of checked parts; empty for kinds outside GS1."""
    spec = KINDS.get(kind)
    if spec is None:
        return ()
    prefix, reference = parts[:2]
    key = reference[0] + prefix + reference[1:] if spec.moved else prefix + reference
    if spec.checked:
        key = spec.lead + key
        key += check_digit(key)
    if spec.pieces:
        key += parts[2] + parts[3]
    if not spec.serial_longest:
        return ((spec.ai, key),)
    if not spec.serial_ai:
        return ((spec.ai, key + parts[-1]),)
    if spec.name == "sgln" and parts[-1] == WITHOUT_EXTENSION:
        return ((spec.ai, key),)
    return ((spec.ai, key), (spec.serial_ai, parts[-1]))


def check_elements(kind: str, key: str, serial: str | None) -> Elements:
    """The elements of a key and the value of its serial's AI. Raises: IdentifierError: length, check digit, characters; serial missing or too much."""
    spec = KINDS[kind]
    _check_key(spec, key)
    if not spec.serial_ai:
        return ((spec.ai, key),)
    if serial is None and spec.name != "sgln":
        raise IdentifierError(f"({spec.ai}) {key} comes without ({spec.serial_ai}): an EPC names one single object")
    if serial is None or (spec.name == "sgln" and serial == WITHOUT_EXTENSION):
        return ((spec.ai, key),)
    return ((spec.ai, key), (spec.serial_ai, _check_serial(spec, serial)))


def _check_key(kind: Kind, key: str) -> None:
    what = f"({kind.ai})"
    if not kind.digits:
        require_text(key, kind.reference_longest, what, kind.characters)
        require_digits(key[:6], (6,), f"{what} beginning with")
        if len(key) < 7:
            raise IdentifierError(f"{what} {key} is a company prefix without a reference")
        return
    length = kind.key_length
    fixed, serial = key[:length], key[length:]
    require_checked(fixed[: length - 4 * kind.pieces], (length - 4 * kind.pieces,), what)
    if not fixed.startswith(kind.lead):
        raise IdentifierError(f"{what} {fixed} does not begin with {kind.lead}")
    if kind.pieces:
        require_digits(fixed[-4:], (4,), f"{what} piece and total")
    if kind.serial_longest and not kind.serial_ai:
        if not serial:
            raise IdentifierError(f"{what} {key} has no serial after its check digit: an EPC names one single object")
        _check_serial(kind, serial)
    elif serial:
        raise IdentifierError(f"{what} {key} has {len(key)} characters instead of {length}")


def parts_of(kind: str, elements: Elements, prefix_digits: int) -> Parts:
    """The parts of checked elements whose company prefix has so many digits. Raises: IdentifierError: it cannot have so many."""
    spec = KINDS[kind]
    cut = require_prefix_length(prefix_digits)
    key = elements[0][1].removeprefix(spec.lead) if spec.lead else elements[0][1]
    if not spec.digits:
        parts: Parts = (key[:cut], key[cut:])
    else:
        payload = key[: spec.digits]
        moved, payload = (payload[0], payload[1:]) if spec.moved else ("", payload)
        parts = (payload[:cut], moved + payload[cut:])
    after = key[spec.digits + spec.checked :]
    if spec.pieces:
        parts += (after[:2], after[2:4])
    if spec.serial_longest:
        serial = after if not spec.serial_ai else elements[1][1] if len(elements) > 1 else WITHOUT_EXTENSION
        parts += (serial,)
    return check_parts(kind, parts)
