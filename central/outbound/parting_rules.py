# SPDX-License-Identifier: Apache-2.0
"""How the lines of an order part, pure: what leaves now, what follows from goods that are expected, what stands in for what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

from central.outbound.atp_rules import Slice

Policy = Literal["backorder", "drop", "wait"]


@dataclass(frozen=True, slots=True)
class Want:
    """Line `n` of an order: so many of an item, which must keep `keep_days` when they leave."""

    n: int
    item: str
    quantity: int
    keep_days: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of line `n`: `promised` of `quantity` leave on the day `on_day`.

    `later`: it goes into a backorder. `instead_of`: the item that was ordered, where this is a substitute or a component of a kit; `units` is then how
    many of that item this part stands for (of a kit's components the first stands for all of them).
    """

    n: int
    item: str
    quantity: int
    promised: int
    on_day: date | None
    keep_days: int = 0
    later: bool = False
    instead_of: str = ""
    units: int = 0


class Shelf(Protocol):
    """What can be promised at one site for one owner. Giving writes the promise down, so that the next line sees less."""

    first_day: date

    def can(self, item: str, keep_days: int) -> int:
        """How many can leave on the first day."""
        ...

    def give(self, item: str, quantity: int, on_day: date, keep_days: int) -> None:
        """Promise so many for a day."""
        ...

    def slices(self, item: str, quantity: int, keep_days: int) -> list[Slice]:
        """How a quantity can be served soonest; nothing is promised by asking."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order allows: what becomes of the rest, and what may stand in. `kits` are components by kit, as (item, so many in one)."""

    policy: Policy = "backorder"
    substitutes: Mapping[str, Sequence[str]] | None = None
    kits: Mapping[str, Sequence[tuple[str, int]]] | None = None


def part_order(wants: Sequence[Want], shelf: Shelf, terms: Terms) -> list[Part]:
    """The parts of all lines, in the order of the lines. When nothing leaves now, what comes later is the order itself and no backorder."""
    parts = [part for want in wants for part in part_line(want, shelf, terms)]
    if not any(part.promised and not part.later for part in parts) and any(part.later for part in parts):
        parts = [replace(part, later=False) for part in parts]
    return parts


def part_line(want: Want, shelf: Shelf, terms: Terms) -> list[Part]:
    """The parts of one line: first what is there, then components of a kit, then substitutes if they are taken, then what is expected."""
    now = min(want.quantity, shelf.can(want.item, want.keep_days))
    shelf.give(want.item, now, shelf.first_day, want.keep_days)
    rest = want.quantity - now
    parts: list[Part] = []
    for stand_in in (_components, _substitutes):
        made = stand_in(want, rest, shelf, terms)
        parts += made
        rest -= sum(part.units for part in made)
    return [*_own(want, now, rest, shelf, terms), *parts]


def _components(want: Want, rest: int, shelf: Shelf, terms: Terms) -> list[Part]:
    components = (terms.kits or {}).get(want.item, ())
    if not rest or not components:
        return []
    kits = min(rest, *(shelf.can(item, want.keep_days) // each for item, each in components))
    if not kits:
        return []
    for item, each in components:
        shelf.give(item, kits * each, shelf.first_day, want.keep_days)
    parts = [Part(want.n, item, kits * each, kits * each, shelf.first_day, want.keep_days, instead_of=want.item) for item, each in components]
    return [replace(parts[0], units=kits), *parts[1:]]


def _substitutes(want: Want, rest: int, shelf: Shelf, terms: Terms) -> list[Part]:
    made: list[Part] = []
    for item in (terms.substitutes or {}).get(want.item, ()):
        given = min(rest, shelf.can(item, want.keep_days))
        if given:
            shelf.give(item, given, shelf.first_day, want.keep_days)
            made.append(Part(want.n, item, given, given, shelf.first_day, want.keep_days, False, want.item, given))
            rest -= given
    return made


def _own(want: Want, now: int, rest: int, shelf: Shelf, terms: Terms) -> list[Part]:
    """What the line is served with of its own item: `now` promised already, of `rest` what is expected."""
    later = shelf.slices(want.item, rest, want.keep_days) if rest else []
    if terms.policy == "drop" and later:
        later = later[:1] if not now else []
    for each in later:
        shelf.give(want.item, each.quantity, each.on_day, want.keep_days)
    coming, day = sum(each.quantity for each in later), max((each.on_day for each in later), default=None)
    if terms.policy != "backorder" or not coming:
        return [Part(want.n, want.item, now + rest, now + coming, day or (shelf.first_day if now else None), want.keep_days)]
    unpromised = rest - coming
    if not now:
        return [Part(want.n, want.item, rest, coming, day, want.keep_days, later=True)]
    first = Part(want.n, want.item, now + unpromised, now, shelf.first_day, want.keep_days)
    return [first, Part(want.n, want.item, coming, coming, day, want.keep_days, later=True)]
