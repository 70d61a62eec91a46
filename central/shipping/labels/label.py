# SPDX-License-Identifier: Apache-2.0
"""Labels: the GS1 logistic label of a package, and the label of a piece of goods; for label printers and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from central.shipping.labels import code128, gs1
from central.shipping.labels.typesetting import Format, typeset
from central.shipping.labels.wording import Language, word, words
from central.shipping.labels.zpl import ZplLabel

LOGISTIC_MM = (100, 150)
ITEM_MM = (70, 40)
_DOT_MM = 25.4 / 203
_SSCC_MODULE_MM = 4 * _DOT_MM
"""X-dimension between 0.495 and 1.016 mm (GS1 General Specifications 24, table 5.12.3-5)."""
_ITEM_MODULE_MM = 3 * _DOT_MM
_DOTS_MIN = 3
"""Narrower bars than these of 0.375 mm smear on a thermal printer (guessed)."""
_SSCC_HEIGHT_MM = 32.0
"""At least 31.75 mm, the same table."""
_CONTENT_HEIGHT_MM = 11.0
_CONTENT_LINES_MAX = 12


@dataclass(frozen=True)
class ContentLine:
    """Goods in a package: `expiry` and `best_before` of the lot, where there are any."""

    item: str
    name: str
    gtin: str | None
    lot: str
    quantity: int
    expiry: date | None = None
    best_before: date | None = None


@dataclass(frozen=True)
class LogisticLabel:
    """All that the label of a package says. Addresses come as lines, empty where nobody knows them."""

    sscc: str
    order: str
    sender: tuple[str, ...]
    receiver: tuple[str, ...]
    carrier: str
    waybill: str
    number: int
    packages: int
    weight_g: int | None
    contents: tuple[ContentLine, ...]
    language: Language = "en"

    @property
    def sscc_elements(self) -> tuple[gs1.Element, ...]:
        """AI (00)."""
        return (gs1.sscc(self.sscc),)

    @property
    def content_symbols(self) -> tuple[tuple[gs1.Element, ...], ...]:
        """(02) with (37), dates and lot, where one item of one lot is inside and has a GTIN; else nothing, as the standard wants it.

        In one barcode, or in two above each other where one would carry too much, or its bars would become too narrow.
        """
        if len(self.contents) != 1 or not self.contents[0].gtin:
            return ()
        line = self.contents[0]
        elements = gs1.contents(line.gtin or "", line.quantity, line.lot, line.expiry, line.best_before)
        if gs1.length_of(elements) <= gs1.SYMBOL_CHARACTERS_MAX and dots_of(elements, _SSCC_MODULE_MM, LOGISTIC_MM[0] - 8) >= _DOTS_MIN:
            return (elements,)
        variable = tuple(element for element in elements if not element.predefined)
        return tuple(element for element in elements if element.predefined), variable

    @property
    def content_text(self) -> str:
        """The goods in one line."""
        if len(self.contents) == 1:
            line = self.contents[0]
            return f"{line.quantity} × {line.name} {_lot_text(line, self.language)}".strip()
        pieces = sum(line.quantity for line in self.contents)
        return f"{pieces} × {word('several', self.language)}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Order, which package of how many, weight."""
        weight = f"{self.weight_g / 1000:.2f} kg" if self.weight_g is not None else "-"
        say = self.language
        return [(word("order", say), self.order), (word("package", say), f"{self.number} / {self.packages}"), (word("weight", say), weight)]


def _lot_text(line: ContentLine, language: Language) -> str:
    parts = [f"{word('lot', language)} {line.lot}"] if line.lot else []
    if line.expiry:
        parts.append(f"{word('expiry', language)} {line.expiry.isoformat()}")
    elif line.best_before:
        parts.append(f"{word('best_before', language)} {line.best_before.isoformat()}")
    return " ".join(parts)


def dots_of(elements: Sequence[gs1.Element], module_mm: float, width_max_mm: float) -> int:
    """How wide a module can be, in whole dots of the commonest label printer: bars of equal width stay equal when they are drawn there."""
    modules = _width(code128.words_of(gs1.data_of(elements)))
    return max(1, int(min(module_mm, width_max_mm / modules) / _DOT_MM + 0.01))


def _width(symbol: Sequence[int]) -> int:
    return code128.modules_of(symbol) + 2 * code128.QUIET_MODULES


def bars(elements: Sequence[gs1.Element], module_mm: float, width_max_mm: float) -> dict[str, Any] | None:
    """A barcode for a template, its modules as wide as fit; None for no elements."""
    if not elements:
        return None
    symbol = code128.words_of(gs1.data_of(elements))
    width_mm = _width(symbol) * dots_of(elements, module_mm, width_max_mm) * _DOT_MM
    return {"svg": code128.svg_of(symbol), "width_mm": round(width_mm, 4), "text": gs1.text_of(elements)}


def logistic_paper(label: LogisticLabel, form: Format) -> bytes:
    """The logistic label as PDF, PNG or SVG. Raises: DomainError."""
    width_mm, height_mm = LOGISTIC_MM
    data = {
        "width_mm": width_mm,
        "height_mm": height_mm,
        "words": words(label.language),
        "sender": label.sender,
        "receiver": label.receiver,
        "carrier": label.carrier,
        "waybill": label.waybill,
        "facts": label.facts,
        "content": label.content_text,
        "content_bars": [bars(elements, _SSCC_MODULE_MM, width_mm - 8) for elements in label.content_symbols],
        "sscc_bars": bars(label.sscc_elements, _SSCC_MODULE_MM, width_mm - 8),
    }
    return typeset("logistic", data, form)


def logistic_zpl(label: LogisticLabel, dpi: int) -> bytes:
    """The logistic label for a label printer. Raises: DomainError."""
    width_mm, height_mm = LOGISTIC_MM
    say, zpl = label.language, ZplLabel(width_mm, height_mm, dpi)
    zpl.text(4, 3, 2.5, word("from", say), 45)
    _lines(zpl, label.sender, 4, 6, 3, 45)
    zpl.text(54, 3, 2.5, word("carrier", say), 42)
    zpl.text(54, 6, 5, label.carrier, 42)
    zpl.text(54, 12, 2.8, label.waybill, 42)
    zpl.line(24)
    zpl.text(4, 25.5, 2.5, word("to", say), 90)
    _lines(zpl, label.receiver, 4, 29, 4.5, 92)
    zpl.line(54)
    for n, (name, value) in enumerate(label.facts):
        zpl.text(4 + 32 * n, 55, 2.5, name, 30)
        zpl.text(4 + 32 * n, 58.5, 4, value, 30)
    zpl.line(64)
    zpl.text(4, 65.5, 2.5, word("content", say), 90)
    zpl.text(4, 69, 3.6, label.content_text, 92)
    zpl.line(75)
    for n, elements in enumerate(label.content_symbols):
        _barcode(zpl, elements, 76 + 15.5 * n, _CONTENT_HEIGHT_MM, _SSCC_MODULE_MM)
    _barcode(zpl, label.sscc_elements, 107, _SSCC_HEIGHT_MM, _SSCC_MODULE_MM)
    return zpl.done()


def _lines(zpl: ZplLabel, texts: Sequence[str], x_mm: float, y_mm: float, height_mm: float, width_mm: float) -> None:
    for n, text in enumerate(texts):
        zpl.text(x_mm, y_mm + n * height_mm * 1.25, height_mm, text, width_mm)


def _barcode(zpl: ZplLabel, elements: Sequence[gs1.Element], y_mm: float, height_mm: float, module_mm: float) -> None:
    zpl.barcode(y_mm, height_mm, code128.words_of(gs1.data_of(elements)), module_mm)
    zpl.text(6, y_mm + height_mm + 1, 3, gs1.text_of(elements), 90)


def content_zpl(label: LogisticLabel, dpi: int) -> bytes:
    """What is in a package, line by line, with its SSCC; what does not go on the label is counted."""
    width_mm, height_mm = LOGISTIC_MM
    say, zpl = label.language, ZplLabel(width_mm, height_mm, dpi)
    zpl.text(4, 4, 6, word("content_label", say), 60)
    zpl.text(66, 5, 4, f"{word('order', say)} {label.order}", 32)
    zpl.line(12)
    shown = label.contents[:_CONTENT_LINES_MAX]
    for n, line in enumerate(shown):
        zpl.text(4, 14 + n * 7.2, 3.4, f"{line.quantity} × {line.name}", 92)
        zpl.text(4, 17.6 + n * 7.2, 2.6, f"{line.item} {_lot_text(line, say)}", 92)
    if len(label.contents) > len(shown):
        zpl.text(4, 101, 3, word("more", say).format(count=len(label.contents) - len(shown)), 92)
    _barcode(zpl, label.sscc_elements, 107, _SSCC_HEIGHT_MM, _SSCC_MODULE_MM)
    return zpl.done()


@dataclass(frozen=True)
class ItemLabel:
    """The label of one piece: without a GTIN it has no barcode, only words."""

    line: ContentLine
    condition: str = "ambient"
    serial: str = ""
    language: Language = "en"
    facts: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        say, line = self.language, self.line
        known = [(word("lot", say), line.lot)] if line.lot else []
        if line.expiry:
            known.append((word("expiry", say), line.expiry.isoformat()))
        elif line.best_before:
            known.append((word("best_before", say), line.best_before.isoformat()))
        if self.condition != "ambient":
            known.append((word("kept", say), word(self.condition, say)))
        object.__setattr__(self, "facts", known or [(word("item", say), line.item)])

    @property
    def elements(self) -> tuple[gs1.Element, ...]:
        """(01) with dates, lot and serial."""
        line = self.line
        return gs1.trade_item(line.gtin, line.lot, line.expiry, line.best_before, self.serial) if line.gtin else ()


def item_paper(label: ItemLabel, form: Format) -> bytes:
    """The label of a piece as PDF, PNG or SVG. Raises: DomainError."""
    width_mm, height_mm = ITEM_MM
    data = {
        "width_mm": width_mm,
        "height_mm": height_mm,
        "name": label.line.name,
        "item": label.line.item,
        "facts": label.facts,
        "bars": bars(label.elements, _ITEM_MODULE_MM, width_mm - 5),
    }
    return typeset("item", data, form)


def item_zpl(label: ItemLabel, dpi: int, copies: int = 1) -> bytes:
    """The label of a piece for a label printer. Raises: DomainError."""
    width_mm, height_mm = ITEM_MM
    zpl = ZplLabel(width_mm, height_mm, dpi)
    zpl.text(2, 2, 4, label.line.name, 66)
    zpl.text(2, 6.8, 2.5, label.line.item, 66)
    for n, (name, value) in enumerate(label.facts):
        zpl.text(2 + 22 * n, 10, 2.2, name, 21)
        zpl.text(2 + 22 * n, 12.8, 3.2, value, 21)
    if label.elements:
        zpl.barcode(19, 13, code128.words_of(gs1.data_of(label.elements)), _ITEM_MODULE_MM)
        zpl.text(2, 33, 2.2, gs1.text_of(label.elements), 66)
    return zpl.done(copies)
