# SPDX-License-Identifier: Apache-2.0
"""Quantities of goods: integers in a unit, the unit by its UN/CEFACT Recommendation 20 code."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from contracts.naming import wire_name

Uom = Literal["C62", "GRM", "KGM", "MGM", "MLT", "LTR", "CS", "PF"]
"""C62 one (piece), GRM gram, KGM kilogram, MGM milligram, MLT millilitre, LTR litre, CS case, PF pallet."""

_MILLIGRAMS = {
    "mg": Decimal(1),
    "g": Decimal(1_000),
    "kg": Decimal(1_000_000),
    "t": Decimal(1_000_000_000),
    "oz": Decimal("28349.523125"),
    "lb": Decimal("453592.37"),
}


class UnknownUnitError(ValueError):
    """A weight unit that this system cannot convert; the message names it and the units that it knows."""


class Quantity(msgspec.Struct, frozen=True, rename=wire_name):
    """So many of a unit; never negative on the wire."""

    value: Annotated[int, msgspec.Meta(ge=0)]
    uom: Uom = "C62"


def milligrams(value: Decimal, unit: str) -> int:
    """A weight in whole milligrams, rounded half to even.

    Raises: UnknownUnitError: `unit` is none of mg, g, kg, t, oz, lb.
    """
    factor = _MILLIGRAMS.get(unit)
    if factor is None:
        raise UnknownUnitError(f"weight unit {unit!r} is not one of {', '.join(_MILLIGRAMS)}; set the unit on the scale")
    return int((value * factor).to_integral_value())
