# SPDX-License-Identifier: Apache-2.0
"""Amounts as people write them into the settings of a simulator: `12.5kg`, `-3 g`, `1/2 lb` is not one of them."""

from __future__ import annotations

import re
from decimal import Decimal

MG_PER_UNIT = {
    "mg": Decimal(1),
    "g": Decimal(1_000),
    "kg": Decimal(1_000_000),
    "t": Decimal(1_000_000_000),
    "oz": Decimal("28349.523125"),
    "lb": Decimal("453592.37"),
}
"""International avoirdupois ounce and pound: exact by definition (NIST Handbook 44, appendix C)."""
_AMOUNT = re.compile(r"\s*([+-]?(?:[0-9]{1,12}(?:[.,][0-9]{1,9})?|\.[0-9]{1,9}))\s*([a-zA-Z]+)\s*")


def weight_mg(text: str) -> int:
    """A weight with its unit in whole milligrams, rounded half to even: `12.5kg`, `12,5 kg`, `0.3 lb`; a bare `0` needs no unit.

    Raises: ValueError: no number, no unit, or a unit that is none of mg, g, kg, t, oz, lb.
    """
    if text.strip() == "0":
        return 0
    found = _AMOUNT.fullmatch(text)
    factor = MG_PER_UNIT.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise ValueError(f"expected a weight like 12.5kg, with one of the units {', '.join(MG_PER_UNIT)}; got {text!r}")
    return int((Decimal(found[1].replace(",", ".")) * factor).to_integral_value())


def amount(text: str, *units: str) -> tuple[float, str]:
    """A number and its unit, one of `units` (`C`, `F`, `%`); a bare number is in the first: `5.5C`, `-18 °C`, `5,5`, `60 %`.

    Raises: ValueError: no number, or another unit; says which there are.
    """
    found = re.fullmatch(r"([+-]?(?:[0-9]{1,9}(?:[.,][0-9]{1,9})?|\.[0-9]{1,9}))\s*°?\s*(\S*)", text.strip())
    unit = (found[2].upper() or units[0]) if found else ""
    if found is None or unit not in units:
        raise ValueError(f"expected a number and {' or '.join(units)}, such as 5.5{units[0]}; got {text!r}")
    return float(found[1].replace(",", ".")), unit


def is_on(text: str) -> bool:
    """`on`, `yes`, `true`, `1` or `off`, `no`, `false`, `0`. Raises: ValueError: anything else."""
    word = text.strip().lower()
    if word in ("on", "yes", "true", "1"):
        return True
    if word in ("off", "no", "false", "0"):
        return False
    raise ValueError(f"expected on or off, got {text!r}")


def seconds(text: str) -> float:
    """A duration: `2s`, `250ms`, `1.5 min`, or a bare number of seconds. Raises: ValueError: anything else, or below 0."""
    found = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|min|h)?\s*", text)
    if found is None:
        raise ValueError(f"expected a duration like 2s, 250ms or 1.5min; got {text!r}")
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}[found[2] or "s"]
