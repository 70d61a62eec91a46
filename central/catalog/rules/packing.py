# SPDX-License-Identifier: Apache-2.0
"""Quantities as people say them, "3 pallets + 2 cases + 5 each", and as the ledger counts them: whole smallest units. Exact both ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from central.catalog.rules.words import QUANTITY_MAX, wrong

Language = Literal["en", "zh"]

EACH: Final = "each"
WORDS_ZH: Final[Mapping[str, tuple[str, ...]]] = {
    "pallet": ("托", "托盘", "板"),
    "layer": ("层",),
    "case": ("箱",),
    "inner": ("盒", "中包"),
    EACH: ("件", "个", "只"),
}
"""Chinese words for packagings; the first is written, all are understood."""
_CODES: Final = {word: code for code, words in WORDS_ZH.items() for word in words}
_PART = re.compile(r"([0-9]+)\s*(.*?)")
_RUN = re.compile(r"([0-9]+)\s*([^0-9+,;]+)")


class Part(NamedTuple):
    """So many packagings, each of so many smallest units."""

    packaging: str
    times: int
    units: int

    @property
    def quantity(self) -> int:
        """All of it in smallest units."""
        return self.times * self.units


def split_quantity(quantity: int, packagings: Mapping[str, int]) -> tuple[Part, ...]:
    """A quantity in packagings (smallest units by code), the largest first, the rest in single units; nothing for 0.

    Raises: ValueError: the quantity is negative.
    """
    if quantity < 0:
        raise ValueError(f"quantity {quantity} is negative")
    parts, left = [], quantity
    for code, units in sorted(packagings.items(), key=lambda each: (-each[1], each[0])):
        if units > 1 and left >= units:
            parts.append(Part(code, left // units, units))
            left %= units
    if left:
        parts.append(Part(EACH, left, 1))
    return tuple(parts)


def quantity_text(quantity: int, packagings: Mapping[str, int], language: Language = "en") -> str:
    """A quantity in packagings, for people: `3 pallets + 2 cases + 5 each`, `3 托 + 2 箱 + 5 件`."""
    parts = split_quantity(quantity, packagings) or (Part(EACH, 0, 1),)
    return " + ".join(f"{part.times} {_word(part.packaging, part.times, language)}" for part in parts)


def _word(code: str, count: int, language: Language) -> str:
    if language == "zh":
        return WORDS_ZH[code][0] if code in WORDS_ZH else code
    return f"{code}s" if count != 1 and code in WORDS_ZH and code != EACH else code


def parse_quantity(text: str, packagings: Mapping[str, int]) -> int:
    """Smallest units of a quantity as people write it; a bare number counts single units.

    Raises: pydantic_core.PydanticCustomError (a ValueError): no number, a packaging that the item has not, or more than can be counted.
    """
    plain = unicodedata.normalize("NFKC", text).replace("、", ",")
    total = 0
    for piece in re.split(r"[+,;]", plain):
        for count, word in _pieces(piece.strip(), packagings):
            total += int(count) * _units(word.strip(), packagings, text)
    if total > QUANTITY_MAX:
        raise wrong("quantity_too_large", f"{text!r} is more than {QUANTITY_MAX} units")
    return total


def _pieces(piece: str, packagings: Mapping[str, int]) -> Sequence[tuple[str, str]]:
    whole = _PART.fullmatch(piece)
    if whole is None or len(whole[1]) > len(str(QUANTITY_MAX)):
        raise wrong("quantity_unreadable", f"{piece!r} is no quantity; write a number and a packaging, such as '2 cases'")
    if whole[2] in packagings or not any(character.isdigit() for character in whole[2]):
        return [(whole[1], whole[2])]
    run: list[tuple[str, str]] = _RUN.findall(piece)
    rest = _RUN.sub("", piece).strip()
    return [*run, *([(rest, "")] if rest.isdecimal() else [])] if not rest or rest.isdecimal() else [(whole[1], whole[2])]


def _units(word: str, packagings: Mapping[str, int], text: str) -> int:
    for code in (word, _CODES.get(word, ""), word.lower(), word.lower().removesuffix("s")):
        if code in packagings:
            return packagings[code]
        if code == EACH or not word:
            return 1
    known = ", ".join([*packagings, EACH])
    raise wrong("unknown_packaging", f"{text!r}: {word!r} is no packaging of this item; known are {known}", code=word)
