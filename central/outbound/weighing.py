# SPDX-License-Identifier: Apache-2.0
"""The weigh check, pure: right, wrong, or cannot decide. A check that could not notice one missing piece never says "right"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from contracts.quantities import milligrams

Verdict = Literal["right", "wrong", "cannot_decide"]

_TOLERANCE_SHARE = Decimal("0.01")
_TOLERANCE_DIVISIONS = 2
_UNIT_DIVISIONS_MIN = 3
_MG_PER_G = 1000


@dataclass(frozen=True)
class Packed:
    """So many units of one item in the load; `unit_weight_g` None when nobody has weighed one."""

    item: str
    quantity: int
    unit_weight_g: int | None


@dataclass(frozen=True)
class WeighCheck:
    """The answer, what was expected and within what; milligrams. `reason` is a word for why it cannot be decided."""

    verdict: Verdict
    expected_mg: int | None = None
    tolerance_mg: int | None = None
    reason: str = ""


def division_mg(value: str, unit: str) -> int:
    """One in the last digit that the scale sent, in mg: `12.345 kg` -> 1000. A display may step coarser, never finer.

    Raises: UnknownUnitError: no unit of weight.
    """
    exponent = Decimal(value).as_tuple().exponent
    return milligrams(Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0), unit)


def check_weight(gross_mg: int, packed: Sequence[Packed], tare_g: int | None, division: int) -> WeighCheck:
    """Compare a gross weight with what should be on the scale. `division` is the scale's, in mg.

    Tolerance: the larger of 1 % and 2 e. "Right" needs a lightest piece of at least 3 e and more than twice the tolerance,
    else one piece too many or too few would pass unseen; "wrong" needs only a difference above the tolerance.
    """
    weights_g = [each.unit_weight_g for each in packed if each.quantity]
    if tare_g is None:
        return WeighCheck("cannot_decide", reason="tare_unknown")
    if not weights_g or any(weight is None or weight <= 0 for weight in weights_g):
        return WeighCheck("cannot_decide", reason="unit_weight_unknown")
    expected = _MG_PER_G * (tare_g + sum(each.quantity * (each.unit_weight_g or 0) for each in packed))
    tolerance = max(int(expected * _TOLERANCE_SHARE), _TOLERANCE_DIVISIONS * division)
    if abs(gross_mg - expected) > tolerance:
        return WeighCheck("wrong", expected, tolerance)
    lightest = min(weight for weight in weights_g if weight) * _MG_PER_G
    if lightest < _UNIT_DIVISIONS_MIN * division or 2 * tolerance >= lightest:
        return WeighCheck("cannot_decide", expected, tolerance, "piece_too_light")
    return WeighCheck("right", expected, tolerance)
