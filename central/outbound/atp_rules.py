# SPDX-License-Identifier: Apache-2.0
"""Available to promise, pure: which claims a stream of supplies can serve, and what can be promised on top without breaking an earlier word.

A supply of one item at one site comes on a day and keeps until a last day of use; a claim needs goods on a day that keep at least until some day. So a
supply serves a claim when it is there in time and keeps long enough. What can be promised on a day is by how much the greatest number of served pieces
grows when somebody claims without end on that day: discrete available to promise with look-ahead, exact also where goods expire.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from central.ledger.rules import NO_EXPIRY


@dataclass(frozen=True, slots=True)
class Supply:
    """`quantity` pieces that are there from the day `on_day` and may be used up to `expiry`."""

    quantity: int
    on_day: date
    expiry: date = NO_EXPIRY


@dataclass(frozen=True, slots=True)
class Claim:
    """`quantity` pieces that leave on the day `on_day` and must keep until `keeps_until` at least."""

    quantity: int
    on_day: date
    keeps_until: date


def claim(quantity: int, on_day: date, keep_days: int) -> Claim:
    """A claim for goods that keep `keep_days` more when they leave."""
    return Claim(quantity, on_day, on_day + timedelta(days=keep_days))


def served(supplies: Iterable[Supply], claims: Iterable[Claim]) -> int:
    """The greatest number of pieces of the claims that the supplies can serve together.

    Claims in the order of their days each take what keeps just long enough. That is a greatest matching: whatever is there for a claim is there for
    every later one, so the goods that keep longest are best kept back.
    """
    coming = sorted(supplies, key=lambda each: each.on_day)
    there: list[tuple[date, int]] = []
    arrived = total = 0
    for each in sorted(claims, key=lambda each: each.on_day):
        while arrived < len(coming) and coming[arrived].on_day <= each.on_day:
            if coming[arrived].quantity > 0:
                insort(there, (coming[arrived].expiry, coming[arrived].quantity))
            arrived += 1
        total += _serve(there, each)
    return total


def _serve(there: list[tuple[date, int]], each: Claim) -> int:
    first = last = bisect_left(there, (each.keeps_until, 0))
    wanted = each.quantity
    while wanted and last < len(there):
        expiry, quantity = there[last]
        part = min(wanted, quantity)
        wanted -= part
        if part < quantity:
            there[last] = (expiry, quantity - part)
            break
        last += 1
    del there[first:last]
    return each.quantity - wanted


def promisable(supplies: Sequence[Supply], claims: Sequence[Claim], on_day: date, keep_days: int = 0) -> int:
    """How many more pieces can be promised for a day without breaking what is promised already."""
    everything = sum(each.quantity for each in supplies)
    return served(supplies, [*claims, claim(everything, on_day, keep_days)]) - served(supplies, claims)


def broken(supplies: Sequence[Supply], claims: Sequence[Claim]) -> int:
    """How many pieces of what is promised cannot be served any more, because stock was lost or a delivery is late."""
    return sum(each.quantity for each in claims) - served(supplies, claims)


def unserved(supplies: Sequence[Supply], claims: Sequence[Claim]) -> list[int]:
    """How much of each claim cannot be served when those before it in the list go first; nothing but what must is left unserved in all.

    What a claim adds to what the ones before it leave unserved is its own; where the first and the last of a run leave as much, none between adds anything.
    """
    missing = [0] * len(claims)
    runs = [(0, len(claims), 0, broken(supplies, claims))]
    while runs:
        first, end, before, after = runs.pop()
        if before == after:
            continue
        if end - first == 1:
            missing[first] = after - before
            continue
        middle = (first + end) // 2
        between = broken(supplies, claims[:middle])
        runs += [(first, middle, before, between), (middle, end, between, after)]
    return missing


@dataclass(frozen=True, slots=True)
class Slice:
    """So many pieces of a line, promised for a day."""

    quantity: int
    on_day: date


def slices(supplies: Sequence[Supply], claims: Sequence[Claim], wanted: int, first_day: date, keep_days: int = 0) -> list[Slice]:
    """How a wish is served soonest: what can leave on the first day, then what further days bring; what no day brings is left out."""
    given: list[Slice] = []
    held = list(claims)
    for day in days(supplies, first_day):
        part = min(wanted, promisable(supplies, held, day, keep_days))
        if part > 0:
            given.append(Slice(part, day))
            held.append(claim(part, day, keep_days))
            wanted -= part
        if not wanted:
            break
    return given


def days(supplies: Collection[Supply], first_day: date) -> list[date]:
    """The days on which more can be promised than on the day before: the first, and those on which something comes."""
    return sorted({first_day, *(each.on_day for each in supplies if each.on_day > first_day)})


@dataclass(frozen=True, slots=True)
class Bucket:
    """One day of an item at a site: what comes, what is promised for it, and what can be promised up to it (all days before included)."""

    day: date
    supply: int
    promised: int
    available: int


def buckets(supplies: Sequence[Supply], claims: Sequence[Claim], first_day: date, until: date, keep_days: int = 0) -> list[Bucket]:
    """The days up to `until` on which something comes or leaves. What came before the first day counts for the first, and so does what should have left."""
    known = {first_day, *(each.on_day for each in supplies), *(each.on_day for each in claims)}
    made = []
    for day in sorted({max(first_day, each) for each in known}):
        if day <= until:
            coming = sum(each.quantity for each in supplies if max(first_day, each.on_day) == day)
            leaving = sum(each.quantity for each in claims if max(first_day, each.on_day) == day)
            made.append(Bucket(day, coming, leaving, promisable(supplies, claims, day, keep_days)))
    return made
