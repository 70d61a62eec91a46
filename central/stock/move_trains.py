# SPDX-License-Identifier: Apache-2.0
"""Moves of many people at once: what is plainly possible is posted together, in few statements however many moves there are.

Whatever is not plain (too little free, reserved goods, serials, another unit, dangerous goods, a place that does not take them) goes the way of a single
move (`central.stock.moves.move_stock`) afterwards, in a savepoint of its own: it says why, and spoils none of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from central.bulk import among
from central.catalog.rules.capacity import Load, PlaceRules, refusals
from central.catalog.service.fitting import Goods, load_of, loads_of
from central.catalog.tables import item, location
from central.errors import BusyError, ConflictError, DomainError
from central.ledger import rooms, units
from central.ledger import service as ledger
from central.ledger.rules import Account, Holding
from central.ledger.tables import balance
from central.stock import moves, places
from central.train import one_by_one

_DONE = b'{"moved":true}'
_NOT_AGAIN = b'{"moved":false}'
_PLACE = ("kind", *PlaceRules.__slots__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody says by `fact` that stock was moved; see `moves.move_stock`."""

    fact: ledger.Fact
    source: Account
    target: Account
    quantity: int
    with_reservations: bool = False
    serial_numbers: Sequence[str] = ()

    @property
    def leaves(self) -> bool:
        """Whether the goods go to another place."""
        return self.source.place != self.target.place

    @property
    def of_a_unit(self) -> bool:
        """Whether goods leave a handling unit or come to one."""
        return bool(self.source.unit or self.target.unit)

    @property
    def simple(self) -> bool:
        """Whether nothing but goods moves, within a site, and into no other handling unit."""
        into_other = self.target.unit and self.target.unit != self.source.unit
        return self.source != self.target and self.source.site == self.target.site and not (self.with_reservations or self.serial_numbers or into_other)


@dataclass(frozen=True, slots=True)
class Moved:
    """What is answered, as JSON. `again`: it was answered before, to the same request."""

    answer: bytes
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What the catalog says of the places and items of a train, by place and by code."""

    places: Mapping[str, Any]
    items: Mapping[str, Any]

    def names(self, each: Asked) -> bool:
        """Whether the catalog has what a move names."""
        return each.target.place in self.places and each.source.item in self.items

    def is_limited(self, each: Asked) -> bool:
        """Whether room or mixing is limited where the goods come to."""
        return each.leaves and rooms.is_limited(self.places[each.target.place])


def move_together(connection: Connection, asked: Sequence[Asked]) -> list[Moved | DomainError]:
    """Take moves; says of each in turn what became of it. The same fact again, with the same content, gets the same answer."""
    answers: dict[int, Moved | DomainError] = {}
    waiting = list(enumerate(asked))
    while waiting:
        # The same fact twice: the second must see what the first did.
        first: dict[str, tuple[int, Asked]] = {}
        for n, each in waiting:
            first.setdefault(each.fact.id, (n, each))
        results = _move(connection, [each for _, each in first.values()])
        answers |= {n: results[fact_id] for fact_id, (n, _) in first.items()}
        waiting = [(n, each) for n, each in waiting if n not in answers]
    return [answers[n] for n in range(len(asked))]


def _move(connection: Connection, asked: Sequence[Asked]) -> dict[str, Moved | DomainError]:
    known = _known(connection, asked)
    ledger.lock(connection, {pair for each in asked if known.names(each) for pair in _fences(each, known)})
    before = ledger.recorded_before(connection, [each.fact for each in asked])
    fresh = [each for each in asked if each.fact.id not in before]
    plain = _plain(connection, [each for each in fresh if each.simple and known.names(each)], known)
    done = {each.fact.id for each in plain}
    answers: dict[str, Moved | DomainError] = {fact_id: _said_before(result) for fact_id, result in before.items()}
    if plain:
        _post(connection, plain, max(each.fact.occurred_at for each in plain))
        answers |= dict.fromkeys(done, Moved(_DONE))
    others = [each for each in fresh if each.fact.id not in done]
    answers |= {each.fact.id: result for each, result in zip(others, one_by_one(_alone)(connection, others), strict=True)}
    ledger.keep_answers(connection, {fact_id: each.answer for fact_id, each in answers.items() if isinstance(each, Moved) and not each.again})
    return answers


def _known(connection: Connection, asked: Sequence[Asked]) -> _Known:
    named = {account.place for each in asked for account in (each.source, each.target)}
    about_places = select(*(location.c[name] for name in _PLACE)).where(among(connection, location.c.place, sorted(named)))
    codes = sorted({each.source.item for each in asked})
    about_items = select(item.c.code, item.c.condition, item.c.hazard_class, item.c.tracking).where(among(connection, item.c.code, codes))
    return _Known({row.place: row for row in connection.execute(about_places)}, {row.code: row for row in connection.execute(about_items)})


def _fences(each: Asked, known: _Known) -> set[tuple[str, str]]:
    pairs = {(each.source.site, each.source.item)}
    if each.of_a_unit:
        pairs.add((each.source.site, units.STRUCTURE))
    if known.is_limited(each):
        pairs.add(rooms.fence_of(each.target.place))
    return pairs


def _said_before(result: ledger.Recorded | ConflictError) -> Moved | DomainError:
    if isinstance(result, ConflictError):
        # A move has no other name than the key of its request.
        return ConflictError("idempotency_key_reused", "this Idempotency-Key came with another request before; make a new key for a new request")
    return Moved(result.answer or _NOT_AGAIN, again=True)


def _plain(connection: Connection, asked: Sequence[Asked], known: _Known) -> list[Asked]:
    """Those that can be posted one after the other without a second look, with the fences held."""
    asked = [each for each in asked if _may_go(each, known)]
    if not asked:
        return []
    held = ledger.holdings(connection, [each.source for each in asked])
    room = _Room(connection, asked, known)
    plain = []
    for each in asked:
        holding = held.get(each.source, Holding())
        if each.quantity <= holding.on_hand - holding.reserved and room.takes(each):
            held[each.source] = Holding(holding.on_hand - each.quantity, holding.reserved)
            plain.append(each)
    return plain


def _may_go(each: Asked, known: _Known) -> bool:
    about, source, target = known.items[each.source.item], known.places.get(each.source.place), known.places[each.target.place]
    if about.tracking == "serial":
        return False
    if not each.leaves:
        return True
    if about.hazard_class or places.transit_of(each.source.site) in (each.source.place, each.target.place):
        return False
    if target.locked in ("in", "both") or (source is not None and source.locked in ("out", "both")):
        return False
    return about.condition == target.condition or not places.keeps(target, each.target)


class _Room:
    """What lies at the limited places that a train goes to, as its moves go on."""

    def __init__(self, connection: Connection, asked: Sequence[Asked], known: _Known) -> None:
        self._known = known
        self._there: dict[str, list[Goods]] = defaultdict(list)
        self._loads: Mapping[str, Load] = {}
        limited = sorted({each.target.place for each in asked if known.is_limited(each)})
        if limited:
            here = select(balance.c.place, balance.c.item, balance.c.on_hand, balance.c.lot).where(among(connection, balance.c.place, limited))
            for row in connection.execute(here):
                self._there[row.place].append(Goods(row.item, int(row.on_hand), row.lot))
            self._loads = loads_of(connection, {goods.item for there in self._there.values() for goods in there} | {each.source.item for each in asked})

    def takes(self, each: Asked) -> bool:
        """Whether there is room for a move; if so it is counted as done."""
        if not self._known.is_limited(each):
            return True
        coming = Goods(each.target.item, each.quantity, each.target.lot)
        row, there = self._known.places[each.target.place], self._there[each.target.place]
        offered = PlaceRules(**{name: getattr(row, name) for name in PlaceRules.__slots__})
        against = refusals(offered, [load_of(coming, self._loads)], [load_of(goods, self._loads) for goods in there])
        if any(reason.certain and reason.code != "place_condition" for reason in against):
            return False
        there.append(coming)
        return True


def _post(connection: Connection, plain: Sequence[Asked], now: datetime) -> None:
    try:
        ledger.record_new(connection, sorted((each.fact for each in plain), key=lambda fact: fact.id), now)
    except IntegrityError as error:
        # The same request came to another train in between: taken again, this one sees what was answered to it.
        raise BusyError from error
    ledger.post_many(connection, [(each.fact.id, [ledger.Leg(each.source, -each.quantity), ledger.Leg(each.target, each.quantity)]) for each in plain])


def _alone(connection: Connection, each: Asked) -> Moved:
    moved = moves.move_stock(
        connection,
        each.fact,
        each.source,
        each.target,
        each.quantity,
        each.fact.occurred_at,
        with_reservations=each.with_reservations,
        serial_numbers=each.serial_numbers,
    )
    return Moved(_DONE) if moved else Moved(_NOT_AGAIN, again=True)
