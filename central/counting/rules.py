# SPDX-License-Identifier: Apache-2.0
"""Rules of counting, pure: comparing what was counted with the books, who must count again, which places are worth counting, the figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import exp
from typing import Final, Literal, NamedTuple

from central.errors import DomainError

ROUNDS_MAX: Final = 3
"""After three counters a person decides."""

DAY_S: Final = 86_400.0
ERROR_PER_MOVE: Final = 0.002
"""Share of handling steps after which a place does not fit its books; 99.8 % right is what a scanned process reaches (guessed until a site has counted)."""
ERROR_PER_DAY: Final = 0.0005
"""Share of untouched places that go wrong in a day by theft, spoilage or a forgotten entry (guessed until a site has counted)."""
ERROR_AFTER_SHORT: Final = 0.5
"""A picker found less than the books said: every second such place is really wrong (guessed)."""
ERROR_AFTER_DIFFERENCE: Final = 0.05
"""A place that was wrong at its last count is more likely to be wrong again (guessed)."""

Verdict = Literal["agreed", "within", "recount", "confirmed", "unclear"]
AbcClass = Literal["A", "B", "C"]


class Goods(NamedTuple):
    """What a counter can tell apart in a bin."""

    item: str
    lot: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference up to `units`, or up to `permille` of the book quantity, is booked without a second counter."""

    units: int = 0
    permille: int = 0

    def allows(self, difference: int, book: int) -> bool:
        """Whether a difference against `book` is small enough."""
        return abs(difference) <= max(self.units, book * self.permille // 1000)


class Said(NamedTuple):
    """What a counter's count means against the books of its moment: pieces too many (or, negative, too few), and of numbered pieces which ones."""

    difference: int
    missing: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    @property
    def unnamed(self) -> int:
        """Of numbered pieces: how many stood there without a number; negative: so many numbers were one too many, their pieces were picked unnamed."""
        return len(self.found) - len(self.missing) - self.difference


@dataclass(frozen=True, slots=True)
class Compared:
    """The books and a counter about the same goods; of numbered pieces also the serials that are missing there, and those found that belong elsewhere."""

    goods: Goods
    book: int
    counted: int
    missing: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    @property
    def difference(self) -> int:
        """Positive: more is there than in the books."""
        return self.counted - self.book

    @property
    def said(self) -> Said:
        """What it comes to."""
        return Said(self.difference, self.missing, self.found)


def with_serials(compared: Compared, booked: Set[str], scanned: Set[str]) -> Compared:
    """The same with its pieces compared one by one.

    When as many are there as the books say and each of them is known there, what is missing are numbers whose pieces were picked without being named.
    """
    missing, found = tuple(sorted(booked - scanned)), tuple(sorted(scanned - booked))
    return replace(compared, missing=missing if found or compared.difference else (), found=found)


class LotNeededError(ValueError):
    """Several lots of an item lie in the place, a counter said only how many, and it does not add up."""

    def __init__(self, item: str, lots: Sequence[str]) -> None:
        super().__init__(f"item {item} lies there in lots {', '.join(lots)}")
        self.item, self.lots = item, tuple(lots)


def lot_needed(place: str, item: str, lots: Sequence[str]) -> DomainError:
    """What a counter is told whose count does not say of which lot goods are."""
    return DomainError("lot_needed", f"{place}: item {item} lies there in lots {', '.join(lots)}; count each lot by itself")


def compare(book: Mapping[Goods, int], counted: Mapping[Goods, int]) -> list[Compared]:
    """Put books and count side by side; what only one of them has is 0 in the other.

    A counter who cannot read lots (an empty lot where the books have lots) is compared by item, if that decides it.
    Raises: LotNeededError: it does not decide it.
    """
    said = dict(counted)
    for goods in [each for each in counted if not each.lot and each not in book]:
        said = _spread_over_lots(goods, said, book)
    return [Compared(goods, book.get(goods, 0), said.get(goods, 0)) for goods in sorted({*book, *said})]


def _spread_over_lots(goods: Goods, said: dict[Goods, int], book: Mapping[Goods, int]) -> dict[Goods, int]:
    lots = [each for each in sorted(book) if (each.item, each.owner) == (goods.item, goods.owner) and each not in said]
    if not lots:
        return said
    total = said.pop(goods)
    if total == sum(book[each] for each in lots):
        return said | {each: book[each] for each in lots}
    if len(lots) == 1:
        return said | {lots[0]: total}
    raise LotNeededError(goods.item, [each.lot for each in lots])


def judge(said: Said, earlier: Sequence[Said], book: int, tolerance: Tolerance) -> Verdict:
    """What a counter's count means after the `earlier` ones of others about the same goods. No tolerance is given to numbered pieces that are not as booked.

    agreed: the books are right. within: small enough to be booked at once. recount: another person counts. confirmed: two counters say the same.
    unclear: three counters, three answers. Differences are compared, not quantities: in a running warehouse the books move between two counts.
    """
    if said == Said(0):
        return "agreed"
    if said in earlier:
        return "confirmed"
    if not earlier and said == Said(said.difference) and tolerance.allows(said.difference, book):
        return "within"
    return "recount" if len(earlier) + 1 < ROUNDS_MAX else "unclear"


def line_id(count_id: str, place: str, goods: Goods) -> str:
    """The name of a line: the same goods at the same place of a count are the same line."""
    return hashlib.sha256("\x1f".join((count_id, place, *goods)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Stock:
    """One balance of the counted goods: `key` names it, in the order in which a loss is taken from it."""

    key: int
    free: int


def take_from(missing: int, stocks: Sequence[Stock]) -> tuple[dict[int, int], int]:
    """From which balances a loss is booked, in their order; returns also what is missing beyond all that is free."""
    taken: dict[int, int] = {}
    for stock in stocks:
        part = min(missing, stock.free)
        if part > 0:
            taken[stock.key] = part
            missing -= part
    return taken, missing


@dataclass(frozen=True, slots=True)
class PlaceHistory:
    """What is known of a place since it was last counted; `days` since then (since it was first used, if never)."""

    place: str
    moves: int = 0
    days: float = 0.0
    shorts: int = 0
    wrong_last_time: bool = False
    quantity: int = 0


def risk(history: PlaceHistory) -> float:
    """Probability that the books are wrong at a place: 1 - (chance that no move, no day, no known doubt made them wrong).

    p = 1 - (1 - e_move)^moves * exp(-e_day * days) * (1 - e_short)^shorts * (1 - e_last if it was wrong last time), with the shares above.
    """
    right = (1 - ERROR_PER_MOVE) ** history.moves * exp(-ERROR_PER_DAY * max(history.days, 0.0)) * (1 - ERROR_AFTER_SHORT) ** history.shorts
    return 1 - right * (1 - ERROR_AFTER_DIFFERENCE if history.wrong_last_time else 1.0)


def ranked(places: Iterable[PlaceHistory]) -> list[tuple[PlaceHistory, float]]:
    """Places by falling risk; equal ones by name, so that the same question has the same answer."""
    return sorted(((each, risk(each)) for each in places), key=lambda pair: (-pair[1], pair[0].place))


def abc_classes(usage: Mapping[str, float]) -> dict[str, AbcClass]:
    """Items by falling usage: A up to 80 % of the sum, B up to 95 %, C the rest; the item that crosses a line belongs to the upper class."""
    total, before, classes = sum(usage.values()), 0.0, dict[str, AbcClass]()
    for item, value in sorted(usage.items(), key=lambda pair: (-pair[1], pair[0])):
        share = before / total if total else 1.0
        classes[item] = "A" if share < 0.8 else "B" if share < 0.95 else "C"
        before += value
    return classes


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Figures of settled counts. `places_right` of `places` had no difference; `off` pieces of `book` pieces were too many or too few."""

    places: int
    places_right: int
    book: int
    off: int

    @property
    def locations_percent(self) -> float | None:
        """Location accuracy = 100 * places counted without any difference / places counted; None: nothing counted."""
        return None if not self.places else round(100 * self.places_right / self.places, 3)

    @property
    def pieces_percent(self) -> float | None:
        """Piece accuracy = 100 * (1 - sum of |difference| / sum of book quantities); None: nothing in the books."""
        return None if not self.book else round(100 * (1 - self.off / self.book), 3)
