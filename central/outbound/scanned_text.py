# SPDX-License-Identifier: Apache-2.0
"""What a scanner types into a page: bare codes, and GS1 codes with their application identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.gs1.elements import GS, ElementError, Elements, parse_digital_link, parse_elements, split_printed

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scan: its text without the symbology identifier, and GTIN (14 digits) and lot where it names them."""

    text: str
    gtin: str = ""
    lot: str = ""


def read_scan(text: str) -> Scanned:
    """What a scanned text says; a text that is no element string is taken as a bare code."""
    text = without_symbology(text)
    found = elements_in(text)
    return Scanned(text, found.get("01", ""), found.get("10", "")) if "01" in found else Scanned(text)


def without_symbology(text: str) -> str:
    """The code without the symbology identifier and the blanks that came with it."""
    text = text.strip(" \t\r\n")
    return text[3:] if _SYMBOLOGY.match(text) else text


def elements_in(text: str) -> Elements:
    """Application identifier -> value of an element string or a Digital Link; empty when it is none to its end.

    Values are taken as they are, also a date that is none: the code is only to say what this is, and what it names is looked up.
    """
    try:
        if text[:4].lower() == "http":
            return parse_digital_link(text) or {}
        if text.startswith("("):  # typed from the line below the bars
            text = "".join(f"{ai}{value}{GS}" for ai, value in split_printed(text.replace(" ", "")))
        return parse_elements(text.removeprefix(GS), checks_values=False)
    except ElementError:
        return {}
