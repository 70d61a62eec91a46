# SPDX-License-Identifier: Apache-2.0
"""Receiving, pure: what a pallet that passed means against its ship notice.

What is posted. A line whose cases are listed by serial is received case by case: only the cases that were seen are posted, the rest stays
on the notice and becomes a discrepancy. A line without serials is vouched for by the pallet's label and is posted whole; tags of its GTIN
are expected on it. A person who scans the pallet's label by hand vouches for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, order=True)
class Case:
    """One tagged case: GTIN (14 digits) and serial, the same whether it came from a tag, a label or a notice."""

    gtin: str
    serial: str


@dataclass(frozen=True)
class NoticeLine:
    """One line of a ship notice. `quantity` and `received` in the item's unit; `cases` are the tagged cases that hold the quantity in equal parts.

    `unit` is the innermost announced unit that holds it; empty: the pallet itself. `expiry`: the last day of use, as announced.
    """

    line_id: int
    item: str
    gtin: str
    lot: str
    quantity: int
    received: int = 0
    cases: tuple[Case, ...] = ()
    unit: str = ""
    expiry: date | None = None

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
    """What differs from the notice: `kind` missing, doubtful, unexpected, over, expired, wrong_lot, wrong_door, damaged, or the code of the message that
    says why nothing was received.

    `quantity` in the item's unit (0: the item is not known), `cases` those concerned. `item` and `lot` where no line of the notice says them.
    """

    kind: str
    quantity: int
    cases: tuple[Case, ...] = ()
    line: NoticeLine | None = None
    item: str = ""
    lot: str = ""


@dataclass(frozen=True)
class Receipt:
    """A pallet compared with its notice: what to post, what differs, and how many listed cases were seen of how many."""

    received: tuple[Received, ...]
    discrepancies: tuple[Discrepancy, ...]
    seen: int
    expected: int


@dataclass(frozen=True)
class Size:
    """What one tag with a GTIN stands for: so many units of an item."""

    item: str
    quantity: int


_NO_SIZES: Mapping[str, Size] = {}


def match_to_ship_notice(lines: Sequence[NoticeLine], seen: Iterable[Case], doubtful: Iterable[Case] = (), sizes: Mapping[str, Size] = _NO_SIZES) -> Receipt:
    """Compare the cases seen on a pallet with the lines of its ship notice.

    Cases in doubt are neither received nor told missing: they are one question. `sizes`, by GTIN, say what tags stand for that no line lists.
    """
    seen_cases = frozenset(seen)
    doubtful_cases = frozenset(doubtful) - seen_cases
    listed = frozenset(case for line in lines for case in line.cases)
    received = [_receive_line(line, seen_cases) for line in lines]
    told = [_cases_of_line("missing", line, [case for case in line.cases if case not in seen_cases | doubtful_cases]) for line in lines]
    told += [_cases_of_line("doubtful", line, [case for case in line.cases if case in doubtful_cases]) for line in lines]
    told += _over(lines, seen_cases - listed, sizes)
    told += _unexpected(lines, seen_cases - listed, sizes)
    return Receipt(tuple(each for each in received if each.quantity), tuple(each for each in told if each.cases), len(seen_cases & listed), len(listed))


def _receive_line(line: NoticeLine, seen: frozenset[Case]) -> Received:
    if not line.cases:
        return Received(line, line.open)
    return Received(line, min(line.open, line.units_per_case * sum(case in seen for case in line.cases)))


def _cases_of_line(kind: str, line: NoticeLine, cases: Sequence[Case]) -> Discrepancy:
    return Discrepancy(kind, line.units_per_case * len(cases), tuple(cases), line)


def _over(lines: Sequence[NoticeLine], unlisted: frozenset[Case], sizes: Mapping[str, Size]) -> list[Discrepancy]:
    """Tags that no line lists say more of an item than lines without listed cases announce."""
    announced: dict[str, list[NoticeLine]] = {}
    for line in lines:
        if not line.cases:
            announced.setdefault(line.item, []).append(line)
    told = []
    for item, mine in announced.items():
        cases = sorted(case for case in unlisted if (size := sizes.get(case.gtin)) is not None and size.item == item)
        surplus = sum(sizes[case.gtin].quantity for case in cases) - sum(line.quantity for line in mine)
        if surplus > 0:
            told.append(Discrepancy("over", surplus, tuple(cases), mine[-1]))
    return told


def _unexpected(lines: Sequence[NoticeLine], unlisted: frozenset[Case], sizes: Mapping[str, Size]) -> list[Discrepancy]:
    """Tags that no line lists and no line without listed cases can mean, by what they stand for."""
    vouched = {line.gtin for line in lines if not line.cases} - {""}
    items = {line.item for line in lines if not line.cases}
    groups: dict[tuple[str, int], list[Case]] = {}
    for case in sorted(unlisted):
        size = _size_of(lines, case, sizes)
        if case.gtin not in vouched and (size is None or size.item not in items):
            groups.setdefault((size.item, size.quantity) if size else ("", 0), []).append(case)
    return [
        Discrepancy("unexpected", quantity * len(cases), tuple(cases), item=item, lot=_only_lot(lines, item))
        for (item, quantity), cases in sorted(groups.items())
    ]


def _size_of(lines: Sequence[NoticeLine], case: Case, sizes: Mapping[str, Size]) -> Size | None:
    """As the cases of the same GTIN on this pallet, else as the catalog says."""
    alike = next((line for line in lines if any(each.gtin == case.gtin for each in line.cases) and case.gtin), None)
    return Size(alike.item, alike.units_per_case) if alike else sizes.get(case.gtin)


def _only_lot(lines: Sequence[NoticeLine], item: str) -> str:
    lots = {line.lot for line in lines if line.item == item}
    return lots.pop() if len(lots) == 1 else ""


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
