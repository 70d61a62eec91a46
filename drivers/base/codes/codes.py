# SPDX-License-Identifier: Apache-2.0
"""What a code means, decided by its symbology first. Sources: ISO/IEC 15424; GS1 General Specifications 24, section 5.1 (symbology identifiers)."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.gs1.elements import (
    GS,
    KEYS_WITH_CHECK_DIGIT,
    ElementError,
    Elements,
    check_key,
    combination_error,
    parse_digital_link,
    parse_elements,
)
from drivers.base.codes.config import CodeSettings

ELEMENT_STRINGS = frozenset({"]C1", "]e0", "]d2", "]Q3", "]J1"})
"""GS1-128, GS1 DataBar and composites, GS1 DataMatrix, GS1 QR Code, GS1 DotCode."""
LINKS = frozenset({"]d1", "]Q1", "]J0"})
"""DataMatrix, QR Code and DotCode without FNC1: anything, also Digital Links."""
GTIN_LENGTHS = {"]E0": (13, 12), "]E3": (13,), "]E4": (8,), "]I1": (14,)}
"""EAN-13 (UPC-A and UPC-E too, as 13 digits; some scanners leave the first 0 of a UPC-A away), EAN-13 with an add-on, EAN-8, and ITF with check digit,
which is a GTIN when it has 14."""
_UPC_E_LENGTH = 8
"""Behind ]E0 from scanners that do not make thirteen digits of it."""
_ADD_ON = "]E3"
_ADD_ON_LENGTHS = (15, 18)
"""EAN-13 and an add-on of two or five digits in one message."""


@dataclass(frozen=True)
class Code:
    """A code understood. `text` with GS as \\x1d; `elements` by application identifier, empty for opaque text and where `error` says what is wrong with them.

    They are kept where only their combination is wrong: each of them was read.
    """

    text: str
    elements: Elements = field(default_factory=dict)
    error: str | None = None


def understand(symbology: str, text: str, settings: CodeSettings) -> Code:
    """Decide what a code is; `text` has GS where the scanner meant one. What is not known stays text; nothing is dropped and nothing raised."""
    try:
        code = _understood(symbology, text, settings)
    except ElementError as error:
        return Code(text, error=str(error))
    if code.elements and code.error is None and settings.pairing != "off":
        wrong = combination_error(code.elements, needs_companions=settings.pairing == "code")
        return Code(code.text, code.elements, wrong) if wrong else code
    return code


def _understood(symbology: str, text: str, settings: CodeSettings) -> Code:
    if symbology in ELEMENT_STRINGS and not text.lower().startswith(("http://", "https://")):
        return Code(text, parse_elements(text.removeprefix(GS)))  # some send the FNC1 of the first place too
    if lengths := GTIN_LENGTHS.get(symbology):
        return _retail(symbology, text, lengths)
    if symbology in LINKS or symbology in ELEMENT_STRINGS:
        return Code(text, parse_digital_link(text) or {})
    return Code(text) if symbology else _bare(text, settings)


def _retail(symbology: str, text: str, lengths: tuple[int, ...]) -> Code:
    digits = text[:13] if symbology == _ADD_ON and len(text) in _ADD_ON_LENGTHS else text
    if symbology == "]E0" and len(text) == _UPC_E_LENGTH:
        digits = _upc_a(text)
    if len(digits) not in lengths:
        return Code(text)
    if len(digits) == lengths[0]:
        return Code(text, _gtin(digits))
    try:
        return Code(text, _gtin(digits))
    except ElementError:
        return Code(text)  # not the usual length and no check digit: it is something else


def _upc_a(upc_e: str) -> str:
    """The twelve digits for which these eight stand: number system (0 or 1), six digits, check digit; empty: no UPC-E (GenSpecs 5.2.2.4)."""
    if upc_e[0] not in "01" or not (upc_e.isascii() and upc_e.isdigit()):
        return ""
    six, last = upc_e[1:7], upc_e[6]
    if last in "012":
        body = f"{six[:2]}{last}0000{six[2:5]}"
    elif last == "3":
        body = f"{six[:3]}00000{six[3:5]}"
    elif last == "4":
        body = f"{six[:4]}00000{six[4]}"
    else:
        body = f"{six[:5]}0000{last}"
    return upc_e[0] + body + upc_e[7]


def _bare(text: str, settings: CodeSettings) -> Code:
    if settings.aim_identifier == "required":
        return Code(text, error="no AIM identifier before the code; switch it on in the scanner, or set aim_identifier to auto")
    if len(text) in settings.gtin_lengths and text.isascii() and text.isdigit():
        return Code(text, _gtin(text))
    if link := parse_digital_link(text):
        return Code(text, link)
    if settings.without_symbology == "gs1":
        candidate = text.removeprefix(GS)
        try:
            elements = parse_elements(candidate)
        except ElementError:
            return Code(text)
        if KEYS_WITH_CHECK_DIGIT & elements.keys():
            return Code(candidate, elements)
    return Code(text)


def _gtin(text: str) -> Elements:
    check_key(text, "GTIN")
    return {"01": text.zfill(14)}
