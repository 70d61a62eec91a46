# SPDX-License-Identifier: Apache-2.0
"""Which dangerous goods must be kept apart.

The table is that of the IMDG Code, 7.2.4: it was made for ships and is the usual one for stores. It was written down from knowledge of the
code, not copied from the edition in force; the law of the place, and each substance's own provisions, go before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_GROUPS: Final = (
    *(("1.1", "1.2", "1.5"), ("1.3", "1.6"), ("1.4",), ("2.1",), ("2.2",), ("2.3",), ("3",), ("4.1",), ("4.2",), ("4.3",)),
    *(("5.1",), ("5.2",), ("6.1",), ("6.2",), ("7",), ("8",), ("9",)),
)
_TABLE: Final = (
    ". . . 4 2 2 4 4 4 4 4 4 2 4 2 4 .",
    ". . . 4 2 2 4 3 3 4 4 4 2 4 2 2 .",
    ". . . 2 1 1 2 2 2 2 2 2 . 4 2 2 .",
    "4 4 2 . . . 2 1 2 2 2 2 . 4 2 1 .",
    "2 2 1 . . . 1 . 1 . . 1 . 2 1 . .",
    "2 2 1 . . . 2 . 2 . . 2 . 2 1 . .",
    "4 4 2 2 1 2 . . 2 2 2 2 . 3 2 . .",
    "4 3 2 1 . . . . 1 . 1 2 . 3 2 1 .",
    "4 3 2 2 1 2 2 1 . 1 2 2 1 3 2 1 .",
    "4 4 2 2 . . 2 . 1 . 2 2 . 2 2 1 .",
    "4 4 2 2 . . 2 1 2 2 . 2 1 3 1 2 .",
    "4 4 2 2 1 2 2 2 2 2 2 . 1 3 2 2 .",
    "2 2 . . . . . . 1 . 1 1 . 1 . . .",
    "4 4 4 4 2 2 3 3 3 2 3 3 1 . 3 3 .",
    "2 2 2 2 1 1 2 2 2 2 1 2 . 3 . 2 .",
    "4 2 2 1 . . . 1 1 1 2 2 . 3 2 . .",
    ". . . . . . . . . . . . . . . . .",
)
_ROW: Final[Mapping[str, int]] = {name: n for n, group in enumerate(_GROUPS) for name in group}
_CELLS: Final = tuple(tuple(0 if cell == "." else int(cell) for cell in line.split()) for line in _TABLE)

AWAY_FROM: Final = 1
"""Not in the same place."""
SEPARATED: Final = 2
"""Not in the same zone."""


def segregation(one: str, other: str) -> int:
    """How far two classes are kept apart: 0 not at all, 1 away from, 2 separated from, 3 and 4 by a whole compartment. Empty: no dangerous goods.

    Explosives among themselves follow their compatibility groups, which this does not know: they count as 1.
    """
    if not one or not other:
        return 0
    if one[0] == other[0] == "1":
        return 0 if one == other else AWAY_FROM
    return _CELLS[_ROW[one]][_ROW[other]]


def conflicts(coming: str, present: Collection[str], least: int = AWAY_FROM) -> list[str]:
    """Those classes of `present` from which `coming` is kept apart by `least` or more."""
    return sorted({each for each in present if segregation(coming, each) >= least})


def allowed_in(hazard: str, hazard_classes: str) -> bool:
    """Whether goods of a class may lie where `hazard_classes` (comma between, * for all, empty for none) are allowed."""
    return not hazard or hazard_classes == "*" or hazard in hazard_classes.split(",") or "*" in hazard_classes.split(",")
