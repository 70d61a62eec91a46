# SPDX-License-Identifier: Apache-2.0
"""Counting a zone by its tags. A reader tells which tags are somewhere in the zone, not in which bin: what adds up over the zone is settled, the rest is
left for people. A reader never books a difference by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from central.catalog import service as catalog
from central.counting import rules, service
from central.counting.documents import RfidCounted
from central.counting.tables import count_line, count_place, count_sheet, count_tag
from central.database import insert_or_leave
from central.errors import ConflictError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.facts import document_id
from central.fleet import service as fleet
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.tables import balance, serial
from contracts.commands import CountTags
from contracts.identifiers import IdentifierError, sgtin_from_uri, sscc_from_uri

_PART = 500
_ASK_WITHIN = timedelta(minutes=2)
"""Later than this nobody stands there with the handheld any more (guessed)."""


@dataclass(frozen=True, slots=True)
class ItemSeen:
    """What tags and books say of an item over all places of a count that are not settled."""

    item: str
    book: int
    seen: int
    missing: tuple[str, ...] = ()
    """Of numbered pieces: serials that the books have there and no tag tells."""
    found: tuple[str, ...] = ()
    """Of numbered pieces: serials of tags that the books do not have there."""

    @property
    def agrees(self) -> bool:
        """Whether tags and books say the same."""
        return self.book == self.seen and not self.found


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep came to, with all sweeps before it: items that add up, items that do not, tags that name nothing known, places settled by it."""

    agreed: tuple[str, ...]
    differing: tuple[ItemSeen, ...]
    unknown: tuple[str, ...]
    settled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    pieces: dict[str, int]
    numbers: dict[str, set[str]]
    units: frozenset[str]
    unknown: tuple[str, ...]


def take_tags(connection: Connection, fact: ledger.Fact, count_id: str, counted: RfidCounted, now: datetime) -> Sweep:
    """Add the tags of a sweep to a count and settle the places whose goods all add up.

    Goods whose own tags are seen are counted by these; those on a tagged unit without tags of their own count as the books have them on the unit.
    Raises: NotFoundError. ConflictError: the count is not open.
    """
    ledger.record(connection, fact, now)
    return add_tags(connection, fact.id, count_id, counted.reader, counted.epcs, now)


def add_tags(connection: Connection, fact_id: str, count_id: str, reader: str, epcs: Collection[str], now: datetime) -> Sweep:
    """As `take_tags`, of a fact that is recorded already."""
    job = service.job_of(connection, count_id)
    if job.state != "open":
        raise ConflictError("count_done", f"count {job.name or count_id} is {job.state}; plan another one")
    places = _open_places(connection, count_id)
    pairs = connection.execute(select(balance.c.site, balance.c.item).distinct().where(balance.c.place.in_(places)))
    ledger.lock(connection, [(row.site, row.item) for row in pairs])
    rows = [{"count_id": count_id, "epc": epc} for epc in sorted(set(epcs))]
    for start in range(0, len(rows), _PART):
        connection.execute(insert_or_leave(connection, count_tag).values(rows[start : start + _PART]).on_conflict_do_nothing())
    named = _names(connection, connection.execute(select(count_tag.c.epc).where(count_tag.c.count_id == count_id).order_by(count_tag.c.epc)).scalars())
    items = _compare(connection, places, named)
    settled = _settle(connection, fact_id, count_id, reader, places, {each.item for each in items if each.agrees}, now)
    if named.unknown:
        told = message("tags_unknown", reader=reader, count=len(named.unknown), first=named.unknown[0])
        exceptions.ask_person(connection, told, count_id, fact_id, now, site=job.site, priority=4)
    return Sweep(
        tuple(each.item for each in items if each.agrees),
        tuple(each for each in items if not each.agrees),
        named.unknown,
        tuple(settled),
    )


def ask_reader(connection: Connection, fact: ledger.Fact, count_id: str, gateway: str, station: str, duration_s: float, now: datetime) -> str:
    """Ask the reader of a count zone to tell its tags; returns the command's id. The same fact asks once.

    Raises: NotFoundError: the count or the gateway is not known. ConflictError: the count is not open.
    """
    job = service.job_of(connection, count_id)
    if job.state != "open":
        raise ConflictError("count_done", f"count {job.name or count_id} is {job.state}; plan another one")
    ledger.record(connection, fact, now)
    command = CountTags(command_id=f"count:{fact.id}", station=station, deadline_at=now + _ASK_WITHIN, count_id=count_id, duration_s=duration_s)
    return fleet.send(connection, gateway, command, now)


def _open_places(connection: Connection, count_id: str) -> list[str]:
    query = select(count_place.c.place).where(count_place.c.count_id == count_id, count_place.c.state.in_(service.COUNTABLE))
    return list(connection.execute(query.order_by(count_place.c.place)).scalars())


def _names(connection: Connection, epcs: Iterable[str]) -> _Named:
    by_gtin: dict[str, set[str]] = defaultdict(set)
    uris: dict[str, list[str]] = defaultdict(list)
    units, unknown = set[str](), list[str]()
    for epc in epcs:
        try:
            gtin, number = sgtin_from_uri(epc)
            by_gtin[gtin].add(number)
            uris[gtin].append(epc)
        except IdentifierError:
            try:
                units.add(sscc_from_uri(epc))
            except IdentifierError:
                unknown.append(epc)
    known = catalog.all_named(connection, by_gtin)
    pieces: dict[str, int] = defaultdict(int)
    numbers: dict[str, set[str]] = defaultdict(set)
    for gtin, tags in uris.items():
        named = known.get(gtin)
        if named is None:
            unknown += tags
        else:
            pieces[named.item] += named.quantity * len(tags)
            numbers[named.item] |= by_gtin[gtin]
    return _Named(dict(pieces), dict(numbers), frozenset(units), tuple(unknown))


def _compare(connection: Connection, places: Sequence[str], named: _Named) -> list[ItemSeen]:
    book: dict[str, int] = defaultdict(int)
    on_units: dict[str, int] = defaultdict(int)
    query = select(balance.c.item, balance.c.unit, func.sum(balance.c.on_hand).label("on_hand")).where(balance.c.place.in_(places))
    for row in connection.execute(query.group_by(balance.c.item, balance.c.unit)):
        book[row.item] += int(row.on_hand)
        if row.unit in named.units:
            on_units[row.item] += int(row.on_hand)
    seen = [ItemSeen(item, book.get(item, 0), named.pieces.get(item) or on_units.get(item, 0)) for item in sorted({*book, *named.pieces})]
    return [_with_serials(connection, places, each, named.numbers.get(each.item)) for each in seen]


def _with_serials(connection: Connection, places: Sequence[str], each: ItemSeen, numbers: set[str] | None) -> ItemSeen:
    """Numbered pieces are told apart by the serials in their tags; without tags of their own they count as the books have them."""
    if numbers is None or not serials.is_tracked(connection, each.item):
        return each
    here = select(serial.c.serial).where(serial.c.item == each.item, serial.c.place.in_(places), serial.c.state == "in_stock")
    compared = rules.with_serials(rules.Compared(rules.Goods(each.item), each.book, each.seen), set(connection.execute(here).scalars()), numbers)
    return replace(each, missing=compared.missing, found=compared.found)


def _settle(connection: Connection, fact_id: str, count_id: str, reader: str, places: Sequence[str], agreed: set[str], now: datetime) -> list[str]:
    """Settle the places that hold something and only goods that add up."""
    there: dict[str, list[rules.Compared]] = defaultdict(list)
    query = select(balance.c.place, balance.c.item, balance.c.lot, balance.c.owner, func.sum(balance.c.on_hand).label("on_hand"))
    for row in connection.execute(query.where(balance.c.place.in_(places)).group_by(balance.c.place, balance.c.item, balance.c.lot, balance.c.owner)):
        there[row.place].append(rules.Compared(rules.Goods(row.item, row.lot, row.owner), int(row.on_hand), int(row.on_hand)))
    settled = [place for place in places if there.get(place) and all(each.goods.item in agreed for each in there[place])]
    job = service.job_of(connection, count_id)
    for place in settled:
        rounds = service.place_of(connection, count_id, place).rounds + 1
        sheet = {"count_id": count_id, "place": place, "round": rounds, "counter": reader, "by": "rfid", "counted_at": now}
        connection.execute(insert(count_sheet).values(event_id=_sheet_id(fact_id, place), **sheet))
        for each in there[place]:
            _agree(connection, count_id, place, each)
        here = (count_place.c.count_id == count_id) & (count_place.c.place == place)
        connection.execute(update(count_place).where(here).values(rounds=rounds, counted_at=now))
        service.settle_place(connection, fact_id, job, place, now)
    return settled


def _sheet_id(fact_id: str, place: str) -> str:
    return document_id("RfidSheet", fact_id, place)


def _agree(connection: Connection, count_id: str, place: str, each: rules.Compared) -> None:
    values = {
        "id": rules.line_id(count_id, place, each.goods),
        "count_id": count_id,
        "place": place,
        **each.goods._asdict(),
        "book": each.book,
        "counted": each.counted,
        "difference": 0,
        "earlier": [],
        "state": "agreed",
    }
    statement = insert_or_leave(connection, count_line).values(**values)
    changed = {name: values[name] for name in ("book", "counted", "difference", "state")}
    connection.execute(statement.on_conflict_do_update(index_elements=[count_line.c.id], set_=changed))
