# SPDX-License-Identifier: Apache-2.0
"""Receiving, pure: what a pallet that passed means against its ship notice.

What is posted. A line whose cases are listed by serial is received case by case: only the cases that were seen are posted, the rest stays
on the notice and becomes a discrepancy. A line without serials is vouched for by the pallet's label and is posted whole; tags of its GTIN
are expected on it. A person who scans the pallet's label by hand vouches for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Case:
    """One tagged case: GTIN (14 digits) and serial, the same whether it came from a tag, a label or a notice."""

    gtin: str
    serial: str


@dataclass(frozen=True)
class NoticeLine:
    """One line of a ship notice. `quantity` and `received` in the item's unit; `cases` are the tagged cases that hold the quantity in equal parts."""

    line_id: int
    item: str
    gtin: str
    lot: str
    quantity: int
    received: int = 0
    cases: tuple[Case, ...] = ()

    @property
    def open(self) -> int:
        """What the notice announces and nobody has received yet."""
        return self.quantity - self.received

    @property
    def units_per_case(self) -> int:
        """Units in each tagged case; the whole quantity when no case is tagged."""
        return self.quantity // len(self.cases) if self.cases else self.quantity


@dataclass(frozen=True)
class Received:
    """Post `quantity` of the line's item and lot."""

    line: NoticeLine
    quantity: int


@dataclass(frozen=True)
class Discrepancy:
    """What differs from the notice: `kind` missing, unexpected, over, or the code of the message that says why nothing was received.

    `quantity` in the item's unit (0: the item is not known), `cases` those concerned.
    """

    kind: str
    quantity: int
    cases: tuple[Case, ...] = ()
    line: NoticeLine | None = None


@dataclass(frozen=True)
class Receipt:
    """A pallet compared with its notice: what to post, what differs, and how many listed cases were seen of how many."""

    received: tuple[Received, ...]
    discrepancies: tuple[Discrepancy, ...]
    seen: int
    expected: int


def match_to_ship_notice(lines: Sequence[NoticeLine], seen: Iterable[Case]) -> Receipt:
    """Compare the cases seen on a pallet with the lines of its ship notice."""
    seen_cases = frozenset(seen)
    listed = frozenset(case for line in lines for case in line.cases)
    untagged = {line.gtin for line in lines if not line.cases}
    received = [_receive_line(line, seen_cases) for line in lines]
    missing = [_missing(line, seen_cases) for line in lines if not seen_cases.issuperset(line.cases)]
    unexpected = tuple(sorted(case for case in seen_cases - listed if case.gtin not in untagged))
    if unexpected:
        missing.append(Discrepancy("unexpected", 0, unexpected))
    return Receipt(tuple(each for each in received if each.quantity), tuple(missing), len(seen_cases & listed), len(listed))


def _receive_line(line: NoticeLine, seen: frozenset[Case]) -> Received:
    if not line.cases:
        return Received(line, line.open)
    return Received(line, min(line.open, line.units_per_case * sum(case in seen for case in line.cases)))


def _missing(line: NoticeLine, seen: frozenset[Case]) -> Discrepancy:
    cases = tuple(case for case in line.cases if case not in seen)
    return Discrepancy("missing", line.units_per_case * len(cases), cases, line)


def receive_by_hand(lines: Sequence[NoticeLine]) -> Receipt:
    """A person scanned the pallet's label: everything that is open on it."""
    listed = sum(len(line.cases) for line in lines)
    return Receipt(tuple(Received(line, line.open) for line in lines if line.open), (), listed, listed)


def receive_loose(lines: Sequence[NoticeLine], lot: str, quantity: int) -> Receipt:
    """Spread a scanned quantity over open lines of the same item and lot, oldest first; what no line announces is `over`."""
    received: list[Received] = []
    left = quantity
    for line in lines:
        taken = min(left, line.open) if line.lot == lot else 0
        if taken:
            received.append(Received(line, taken))
            left -= taken
    over = (Discrepancy("over", left),) if left else ()
    return Receipt(tuple(received), over, 0, 0)


def check_line(quantity: int, cases: int) -> str:
    """Why a notice's line cannot be taken; empty when it can."""
    if quantity <= 0:
        return f"quantity is {quantity}; give a whole number above 0"
    if cases and quantity % cases:
        return f"quantity {quantity} does not divide into {cases} serials; every case must hold the same number of units"
    return ""
