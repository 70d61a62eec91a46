# SPDX-License-Identifier: Apache-2.0
"""What a scanner types into a page: bare codes, and GS1 element strings with their application identifiers."""

from __future__ import annotations

from dataclasses import dataclass

_GS = "\x1d"
_FIXED = {"00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2}
"""Application identifiers of fixed length and theirs in characters: GS1 General Specifications, figure 7.8.5-2."""
_FREE = {"10": 20, "21": 20, "37": 8, "30": 8}
"""Those of free length that matter here, with the most they may have."""
_SYMBOLOGY_LENGTH = 3


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scan: its text without the symbology identifier, and GTIN (14 digits) and lot where it names them."""

    text: str
    gtin: str = ""
    lot: str = ""


def read_scan(text: str) -> Scanned:
    """What a scanned text says; a text that is no element string is taken as a bare code."""
    text = text.strip()
    if text.startswith("]") and len(text) > _SYMBOLOGY_LENGTH:
        text = text[_SYMBOLOGY_LENGTH:]
    found = _elements(text.lstrip(_GS))
    return Scanned(text, found.get("01", ""), found.get("10", "")) if "01" in found else Scanned(text)


def _elements(text: str) -> dict[str, str]:
    """Application identifier -> value; empty when the text cannot be read to its end."""
    if text.startswith("("):
        return {part[:2]: part[3:] for part in text.split("(") if part[2:3] == ")"}
    found: dict[str, str] = {}
    while text:
        ai, rest = text[:2], text[2:]
        if ai in _FIXED:
            value, text = rest[: _FIXED[ai]], rest[_FIXED[ai] :].removeprefix(_GS)
            if len(value) != _FIXED[ai] or not value.isdecimal():
                return {}
        elif ai in _FREE:
            value, _, text = rest.partition(_GS)
            if not 0 < len(value) <= _FREE[ai]:
                return {}
        else:
            return {}
        found[ai] = value
    return found
