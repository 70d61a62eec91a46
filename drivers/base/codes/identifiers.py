# SPDX-License-Identifier: Apache-2.0
"""What the warehouse wants of the elements of a code."""

from __future__ import annotations

import calendar
from decimal import Decimal

from contracts.gs1.elements import Elements
from contracts.readings import Identifiers


def identifiers_of(elements: Elements, this_year: int) -> Identifiers:
    """What the warehouse wants of a code. The GTIN is AI 01, or AI 02 (contents of a logistic unit) where there is no 01."""
    weight_ai = next((ai for ai in elements if ai.startswith("310")), None)
    return Identifiers(
        sscc=elements.get("00"),
        gtin=elements.get("01", elements.get("02")),
        lot=elements.get("10"),
        expiry=_expiry(elements, this_year),
        serial=elements.get("21"),
        count=int(elements["37"]) if "37" in elements else None,
        weight_g=_grams(weight_ai, elements[weight_ai]) if weight_ai else None,
    )


def _expiry(elements: Elements, this_year: int) -> str | None:
    """AI 17; or the day of AI 7003, which tells the hour too, where there is no 17."""
    told = elements.get("17") or elements.get("7003")
    return _iso_date(told[:6], this_year) if told else None


def _iso_date(yymmdd: str, this_year: int) -> str:
    """The century nearest to this year (GenSpecs 7.12: 51 to 99 ahead is the last century, 50 to 99 behind the next); day 00 is the last of the month."""
    year = this_year - this_year % 100 + int(yymmdd[:2])
    if year - this_year > 50:
        year -= 100
    elif year - this_year <= -50:
        year += 100
    month, day = int(yymmdd[2:4]), int(yymmdd[4:])
    return f"{year:04}-{month:02}-{day or calendar.monthrange(year, month)[1]:02}"


def _grams(ai: str, value: str) -> int:
    """310n: kilograms with n decimals; rounded half to even below a gram."""
    return int(Decimal(value).scaleb(3 - int(ai[3])).to_integral_value())
