# SPDX-License-Identifier: Apache-2.0
"""The label of a location: its code large enough to be read from a forklift, and as Code 128 for a scanner. The code stands there as the house has it;
no check digit is added, since a scanned label must say what the catalog says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.errors import DomainError
from central.shipping.labels import code128
from central.shipping.labels.typesetting import Format, typeset
from central.shipping.labels.wording import Language, word
from central.shipping.labels.zpl import ZplLabel

LOCATION_MM = (100, 50)
_MODULE_MM = 6 * 25.4 / 203
"""Bars of 0.75 mm are read from two metres by a long-range scanner (guessed from data sheets: 0.5 mm at 1.5 m)."""
_BAR_HEIGHT_MM = 20.0
_CODE_HEIGHT_MM = 18.0
_CODE_SHAPE = 0.62
"""Width of a character of the printer's font over its height (measured on ^A0 of digits and capitals: 0.5 to 0.6)."""
_FIRST, _LAST = " ", "~"


@dataclass(frozen=True)
class LocationLabel:
    """What stands on it; zone and aisle may be empty."""

    code: str
    zone: str = ""
    aisle: str = ""
    condition: str = "ambient"
    language: Language = "en"

    @property
    def words(self) -> list[int]:
        """The symbol's values. Raises: DomainError: the code has a character that Code 128 does not carry."""
        strange = [each for each in self.code if not _FIRST <= each <= _LAST]
        if strange:
            raise DomainError("not_printable", f"location {self.code}: a barcode cannot carry {strange[0]!r}; give it a code of letters and digits")
        return code128.words_of(self.code, is_gs1=False)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Zone, aisle, and how goods are kept there where that is not ambient."""
        say = self.language
        known = [(word(name, say), value) for name, value in (("zone", self.zone), ("aisle", self.aisle)) if value]
        return known if self.condition == "ambient" else [*known, (word("kept", say), word(self.condition, say))]

    @property
    def facts_text(self) -> str:
        """The facts in a line."""
        return "   ".join(f"{name} {value}" for name, value in self.facts)

    @property
    def code_height_mm(self) -> float:
        """As large as fits."""
        return min(_CODE_HEIGHT_MM, (LOCATION_MM[0] - 8) / (max(1, len(self.code)) * _CODE_SHAPE))


def locations_zpl(labels: Sequence[LocationLabel], dpi: int) -> bytes:
    """The labels for a label printer, one after the other. Raises: DomainError."""
    return b"".join(_zpl(each, dpi) for each in labels)


def _zpl(label: LocationLabel, dpi: int) -> bytes:
    zpl = ZplLabel(*LOCATION_MM, dpi)
    zpl.text(4, 3 + (_CODE_HEIGHT_MM - label.code_height_mm) / 2, label.code_height_mm, label.code, LOCATION_MM[0] - 5)
    zpl.barcode(22, _BAR_HEIGHT_MM, label.words, _MODULE_MM)
    zpl.text(4, 44, 3.5, label.facts_text, LOCATION_MM[0] - 8)
    return zpl.done()


def locations_paper(labels: Sequence[LocationLabel], form: Format) -> bytes:
    """The labels as PDF, one a page; PNG and SVG hold one. Raises: DomainError."""
    width_mm, height_mm = LOCATION_MM
    pages = []
    for each in labels:
        words = each.words
        modules = code128.modules_of(words) + 2 * code128.QUIET_MODULES
        bars = {"svg": code128.svg_of(words), "width_mm": round(min(_MODULE_MM * modules, width_mm - 4), 4), "height_mm": _BAR_HEIGHT_MM}
        pages.append({"code": each.code, "code_mm": round(each.code_height_mm, 2), "facts": each.facts_text, "bars": bars})
    return typeset("locations", {"width_mm": width_mm, "height_mm": height_mm, "pages": pages}, form)
