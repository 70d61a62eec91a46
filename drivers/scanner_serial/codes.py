# SPDX-License-Identifier: Apache-2.0
"""What a code means, decided by its symbology first. Sources: ISO/IEC 15424; GS1 General Specifications 24, section 5.1 (symbology identifiers)."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.elements import GS, KEYS_WITH_CHECK_DIGIT, ElementError, Elements, check_key, parse_digital_link, parse_elements

ELEMENT_STRINGS = frozenset({"]C1", "]e0", "]d2", "]Q3", "]J1"})
"""GS1-128, GS1 DataBar and composites, GS1 DataMatrix, GS1 QR Code, GS1 DotCode."""
LINKS = frozenset({"]d1", "]Q1", "]J0"})
"""DataMatrix, QR Code and DotCode without FNC1: anything, also Digital Links."""
GTIN_LENGTH = {"]E0": 13, "]E4": 8, "]I1": 14}
"""EAN-13 (UPC-A and UPC-E too, as 13 digits), EAN-8, and ITF with check digit, which is a GTIN when it has 14."""


@dataclass(frozen=True)
class Code:
    """A code understood. `text` with GS as \\x1d; `elements` by application identifier, empty for opaque text and whenever `error` says what is wrong."""

    text: str
    elements: Elements = field(default_factory=dict)
    error: str | None = None


def understand(symbology: str, text: str, config: ScannerSerialConfig) -> Code:
    """Decide what a code is. What is not known stays text; nothing is dropped and nothing raised."""
    try:
        if symbology in ELEMENT_STRINGS and not text.lower().startswith(("http://", "https://")):
            text = _with_separators(text, config)
            return Code(text, parse_elements(text))
        if len(text) == GTIN_LENGTH.get(symbology):
            return Code(text, _gtin(text))
        if symbology in LINKS or symbology in ELEMENT_STRINGS:
            return Code(text, parse_digital_link(text) or {})
        return Code(text) if symbology else _understand_bare(text, config)
    except ElementError as error:
        return Code(text, error=str(error))


def _understand_bare(text: str, config: ScannerSerialConfig) -> Code:
    if config.aim_identifier == "required":
        return Code(text, error="no AIM identifier before the code; switch it on in the scanner, or set aim_identifier to auto")
    if len(text) in config.gtin_lengths and text.isascii() and text.isdigit():
        return Code(text, _gtin(text))
    if link := parse_digital_link(text):
        return Code(text, link)
    if config.without_symbology == "gs1":
        candidate = _with_separators(text, config).removeprefix(GS)
        try:
            elements = parse_elements(candidate)
        except ElementError:
            return Code(text)
        if KEYS_WITH_CHECK_DIGIT.keys() & elements.keys():
            return Code(candidate, elements)
    return Code(text)


def _with_separators(text: str, config: ScannerSerialConfig) -> str:
    for separator in config.separators:
        text = text.replace(separator, GS)
    return text


def _gtin(text: str) -> Elements:
    check_key(text, "GTIN")
    return {"01": text.zfill(14)}
