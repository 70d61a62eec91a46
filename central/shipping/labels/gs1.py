# SPDX-License-Identifier: Apache-2.0
"""What a GS1 barcode says: elements of application identifier and value, as people read them and as a symbol carries them.

Source: GS1 General Specifications 24, sections 3 (application identifiers), 7.8.5 (elements of predefined length need no separator).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from central.errors import DomainError
from contracts.epc.characters import SET_82
from contracts.gs1.applications import PREDEFINED
from contracts.gs1.elements import GS

SYMBOL_CHARACTERS_MAX = 48
"""Data characters in one GS1-128 symbol, section 5.4.1."""

_COUNT_DIGITS_MAX = 8


class Element(NamedTuple):
    """An application identifier with its value."""

    ai: str
    value: str

    @property
    def text(self) -> str:
        """`(00)006141410000000005`, for people."""
        return f"({self.ai}){self.value}"

    @property
    def predefined(self) -> bool:
        """Whether its length is known, so that nothing need separate it from the next."""
        return self.ai[:2] in PREDEFINED


def data_of(elements: Sequence[Element]) -> str:
    """The data of a symbol, FNC1 between, as GS; elements of known length first, so that few separators are needed.

    Raises: DomainError: a value has a character that GS1 does not know, or there are more than 48 characters.
    """
    ordered = sorted(elements, key=lambda element: not element.predefined)
    parts = []
    for n, element in enumerate(ordered):
        if not set(element.value) <= SET_82:
            strange = min(set(element.value) - SET_82)
            raise DomainError("not_printable", f"{element.text}: a GS1 barcode cannot carry {strange!r}; give the lot or serial number other characters")
        last = n + 1 == len(ordered)
        parts.append(element.ai + element.value + ("" if last or element.predefined else GS))
    length = length_of(elements)
    if length > SYMBOL_CHARACTERS_MAX:
        raise DomainError("barcode_too_long", f"{text_of(elements)}: a GS1-128 barcode carries {SYMBOL_CHARACTERS_MAX} characters, these are {length}")
    return "".join(parts)


def length_of(elements: Sequence[Element]) -> int:
    """Characters of their data, separators with them."""
    variable = sum(not element.predefined for element in elements)
    return sum(len(element.ai) + len(element.value) for element in elements) + max(0, variable - 1)


def text_of(elements: Sequence[Element]) -> str:
    """The elements for people, in the order in which the symbol carries them."""
    return "".join(element.text for element in sorted(elements, key=lambda element: not element.predefined))


def sscc(digits: str) -> Element:
    """AI (00)."""
    return Element("00", digits)


def contents(gtin: str, quantity: int, lot: str, expiry: date | None, best_before: date | None) -> tuple[Element, ...]:
    """What a logistic unit contains: (02) with (37), (17) or else (15), (10).

    Raises: DomainError: more pieces than (37) can say.
    """
    if len(str(quantity)) > _COUNT_DIGITS_MAX:
        raise DomainError("not_printable", f"(37) carries {_COUNT_DIGITS_MAX} digits, {quantity} has more; pack fewer pieces in one unit")
    return (Element("02", gtin), *_keeps(expiry, best_before), Element("37", str(quantity)), *_lot(lot))


def trade_item(gtin: str, lot: str, expiry: date | None, best_before: date | None, serial: str = "") -> tuple[Element, ...]:
    """What stands on one piece: (01), (17) or else (15), (10), (21)."""
    return (Element("01", gtin), *_keeps(expiry, best_before), *_lot(lot), *((Element("21", serial),) if serial else ()))


def _keeps(expiry: date | None, best_before: date | None) -> tuple[Element, ...]:
    if expiry is not None:
        return (Element("17", f"{expiry:%y%m%d}"),)
    return (Element("15", f"{best_before:%y%m%d}"),) if best_before is not None else ()


def _lot(lot: str) -> tuple[Element, ...]:
    return (Element("10", lot),) if lot else ()
