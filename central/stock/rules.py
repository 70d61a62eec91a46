# SPDX-License-Identifier: Apache-2.0
"""Rules of stock, pure: limits of losses, near expiry, kits and their components, which pieces of a transfer are sent, SSCCs of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from central.errors import DomainError
from contracts.identifiers import check_digit

HOUSE_REASONS: Final[Mapping[str, str]] = {
    "broken": "damage",
    "leaking": "damage",
    "soiled": "damage",
    "wrong_temperature": "damage",
    "spoiled": "loss",
    "scrapped": "loss",
    "stolen": "loss",
    "missing": "loss",
    "lost_in_transit": "loss",
    "sample": "loss",
    "quality": "hold",
    "recall": "hold",
    "investigation": "hold",
    "inspected": "adjustment",
    "repaired": "adjustment",
}
"""Reasons that every house has; the catalog's own come beside them."""

_SERIAL_DIGITS = 17
"""An SSCC without its check digit: extension digit, company prefix, serial reference (GS1 General Specifications, section 3.3.1)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts for one item at one site. None: not limited, not warned of."""

    near_expiry_days: int | None = None
    loss_quantity_max: int | None = None
    loss_value_minor_max: int | None = None


def limits_for(rows: Iterable[tuple[str, str, Limits]], site: str, item: str) -> Limits:
    """The limits of an item at a site from rows (site, item, limits): field by field the most particular that says something; the item goes before the site."""
    mine = [(bool(its_item), bool(its_site), limits) for its_site, its_item, limits in rows if its_site in ("", site) and its_item in ("", item)]
    ordered = [limits for _, _, limits in sorted(mine, key=lambda each: each[:2], reverse=True)]

    def first(name: str) -> int | None:
        return next((value for limits in ordered if (value := getattr(limits, name)) is not None), None)

    return Limits(first("near_expiry_days"), first("loss_quantity_max"), first("loss_value_minor_max"))


def needs_second_person(limits: Limits, quantity: int, value_minor: int) -> bool:
    """Whether a loss must be approved before it is posted."""
    too_many = limits.loss_quantity_max is not None and quantity > limits.loss_quantity_max
    return too_many or (limits.loss_value_minor_max is not None and value_minor > limits.loss_value_minor_max)


def mean_value_minor(total_minor: int, total: int, quantity: int) -> int:
    """The worth of `quantity` at the mean cost of `total` units worth `total_minor`, rounded to the nearest minor unit, half up."""
    return 0 if total <= 0 else (2 * total_minor * quantity + total) // (2 * total)


def is_near(expiry: date, today: date, days: int) -> bool:
    """Whether the last day of use is at most so many days ahead, or past."""
    return (expiry - today).days <= days


def sscc(prefix: str, number: int) -> str:
    """The SSCC with this serial reference. Raises: DomainError: the range is used up."""
    room = _SERIAL_DIGITS - len(prefix)
    if number >= 10**room:
        raise DomainError("sscc_range_empty", f"SSCCs that begin with {prefix} are used up; add another range")
    payload = f"{prefix}{number:0{room}d}"
    return payload + check_digit(payload)


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a lot of a component. `expiry` None: it does not expire."""

    item: str
    lot: str
    owner: str
    quantity: int
    expiry: date | None = None


def buildable(needed: Mapping[str, int], free: Mapping[str, int]) -> int:
    """How many kits can be made of what is free. `needed`: units of each component in one kit."""
    return min(max(free.get(item, 0), 0) // quantity for item, quantity in needed.items())


def kit_expiry(parts: Iterable[Part]) -> date | None:
    """A kit is good as long as the first of its components to expire."""
    return min((part.expiry for part in parts if part.expiry is not None), default=None)


def parts_of_broken(built: Sequence[Part], broken: Sequence[Part], needed: Mapping[str, int], kits: int) -> list[Part]:
    """Which component lots come out of `kits` kits of one lot: those that went in and have not come out, in the order in which they went in.

    Raises: DomainError: fewer went in, as far as the books know.
    """
    left: dict[tuple[str, str, str], int] = {}
    for part in built:
        key = (part.item, part.lot, part.owner)
        left[key] = left.get(key, 0) + part.quantity
    for part in broken:
        left[part.item, part.lot, part.owner] = left.get((part.item, part.lot, part.owner), 0) - part.quantity
    parts: list[Part] = []
    for component, each in needed.items():
        wanted = each * kits
        for (item, lot, owner), there in left.items():
            taken = min(there, wanted) if item == component else 0
            if taken > 0:
                parts.append(Part(item, lot, owner, taken))
                wanted -= taken
        if wanted:
            text = f"{wanted} of component {component} are not recorded as built into this lot; say which lots came out"
            raise DomainError("kit_lot_unknown", text)
    return parts


def transfer_state(quantities: Sequence[tuple[int, int, int, int]]) -> str:
    """The state of a shipped transfer from (wanted, shipped, received, lost) by item: `received` when nothing is left to ship or to arrive."""
    done = all(wanted == shipped == received + lost for wanted, shipped, received, lost in quantities)
    return "received" if done else "in_transit"
