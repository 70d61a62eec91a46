# SPDX-License-Identifier: Apache-2.0
"""Dockline's own stock events as EPCIS: the ledger is read on from where it was left, and what happened to goods becomes events beside those captured.

This runs behind the ledger, not within its transactions, so that a pick does not wait for it: before each query, and every few seconds. Facts keep
their order, their ids are the hashes of what they say, and looking at a fact twice adds nothing. A position that was not there yet (its transaction
committed late) is looked for again until it cannot come any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.bulk import among
from central.catalog.tables import item as catalog_item
from central.catalog.tables import location, partner
from central.catalog.tables import site as catalog_site
from central.changes import Changes
from central.database import insert_or_leave, reading, transaction
from central.errors import BusyError
from central.inbound.tables import discrepancy, receipt, ship_notice
from central.ledger.rules import Account
from central.ledger.tables import entry, event, handling_unit, serial_move
from central.shipping.tables import package_step
from central.trace import capturing
from central.trace.faults import Fault
from central.trace.indexing import key_of
from central.trace.own_rules import CONTEXT, Flow, Notice, Package, Piece, Told, events_of, undone, unit_uri
from central.trace.shapes import written
from central.trace.tables import epcis_event, epcis_hole, epcis_progress, epcis_subscription, epcis_term

log = logging.getLogger(__name__)
_NAME = "ledger"
AT_ONCE_MAX = 200
"""Facts of one transaction; more would hold up other writers on SQLite for longer than a person at a light notices."""
ROUNDS_MAX = 10
_EVERY_S = 5.0
_PAUSE_S = 0.2
"""Between two transactions, so that others come to their turn."""
_LATE_COMMIT = timedelta(minutes=10)
"""No write transaction takes longer: five times what the sealer allows."""
_COLUMNS = tuple(event.c[name] for name in ("position", "id", "site", "kind", "body", "occurred_at"))
_OF_THE_WIRE = ("PalletPassed", "AlarmChanged")
"""Facts of which the body says something that their entries do not."""


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes) -> None:
    """Keep up for ever, once somebody has asked for events or subscribed: who has no use for EPCIS does not pay for it."""
    while True:
        behind = False
        try:
            looked = await asyncio.to_thread(catch_up, engine, clock(), 1) if await asyncio.to_thread(_is_asked_for, engine) else 0
            behind = looked == AT_ONCE_MAX
            if looked:
                changes.tell()
        except SQLAlchemyError as error:
            log.warning("telling of stock events failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(_PAUSE_S if behind else _EVERY_S)


def _is_asked_for(engine: Engine) -> bool:
    with reading(engine) as connection:
        asked, subscribed = select(epcis_progress.c.name), select(epcis_subscription.c.id).limit(1)
        return connection.execute(asked).first() is not None or connection.execute(subscribed).first() is not None


def catch_up(engine: Engine, now: datetime, rounds: int = ROUNDS_MAX) -> int:
    """Tell of the facts that are recorded by now, in at most so many transactions; returns how many were looked at. A busy database is left for the next time.

    Whoever asks waits for a few thousand facts at most; a ledger of years is told of in the background (`watch`).
    """
    looked = 0
    for _ in range(rounds):
        if not _behind(engine):
            break
        try:
            with transaction(engine) as connection:
                some = tell_some(connection, now)
        except BusyError:
            return looked
        looked += some
        if some < AT_ONCE_MAX:
            break
    return looked


def _behind(engine: Engine) -> bool:
    with reading(engine) as connection:
        newest = connection.execute(select(func.max(event.c.position))).scalar() or 0
        return bool(newest > _position(connection) or connection.execute(select(epcis_hole.c.position).limit(1)).first())


def _position(connection: Connection) -> int:
    return int(connection.execute(select(epcis_progress.c.position).where(epcis_progress.c.name == _NAME)).scalar() or 0)


def tell_some(connection: Connection, now: datetime) -> int:
    """Tell of the next facts; returns how many were looked at."""
    _hold(connection, now)
    position = _position(connection)
    holes = list(connection.execute(select(epcis_hole.c.position)).scalars())
    rows = connection.execute(
        select(*_COLUMNS).where((event.c.position > position) | among(connection, event.c.position, holes)).order_by(event.c.position).limit(AT_ONCE_MAX)
    )
    facts = list(rows.mappings())
    seen = {row["position"] for row in facts}
    top = max(seen, default=position)
    if facts:
        _tell(connection, facts, now)
    connection.execute(delete(epcis_hole).where(among(connection, epcis_hole.c.position, sorted(seen)) | (epcis_hole.c.seen_at < now - _LATE_COMMIT)))
    new_holes = [{"position": each, "seen_at": now} for each in range(position + 1, top) if each not in seen]
    if new_holes:
        connection.execute(insert(epcis_hole), new_holes)
    if top > position:
        connection.execute(update(epcis_progress).where(epcis_progress.c.name == _NAME).values(position=top, changed_at=now))
    return len(facts)


def _hold(connection: Connection, now: datetime) -> None:
    """One at a time: whoever comes second waits for the first and finds its progress."""
    values = {"name": _NAME, "position": 0, "changed_at": now}
    connection.execute(insert_or_leave(connection, epcis_progress).values(**values).on_conflict_do_nothing())
    connection.execute(select(epcis_progress.c.position).where(epcis_progress.c.name == _NAME).with_for_update())


def _tell(connection: Connection, facts: Sequence[RowMapping], now: datetime) -> None:
    told = _with_contents(connection, facts)
    names = _Known(connection, told)
    prepared = []
    of_fact: dict[str, str] = {}
    for each in told:
        for made in events_of(each, names):
            one = capturing.prepare(made, [CONTEXT])
            prepared.append(one)
            of_fact[one.event_id] = each.id
    conflicts: list[Fault] = []
    capturing.store(connection, prepared, now, conflicts, facts=of_fact)
    for each in told:
        _correct(connection, each, now)


def _with_contents(connection: Connection, facts: Sequence[RowMapping]) -> list[Told]:
    ids = [row["id"] for row in facts]
    legs: dict[str, list[tuple[Account, int]]] = defaultdict(list)
    entries = select(entry).where(among(connection, entry.c.event_id, ids), entry.c.quantity != 0).order_by(entry.c.event_id, entry.c.n)
    for row in connection.execute(entries):
        legs[row.event_id].append((Account(row.place, row.item, row.lot, row.owner, row.status, row.unit), int(row.quantity)))
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for row in connection.execute(select(serial_move).where(among(connection, serial_move.c.event_id, ids)).order_by(serial_move.c.n)):
        pieces[row.event_id].append(Piece(row.item, row.serial, row.to_place))
    zones = _zones(connection)
    packages = _packages(connection, facts)
    made = []
    for fact in facts:
        fact_id, kind, at = fact["id"], fact["kind"], fact["occurred_at"]
        wire, mine = kind in _OF_THE_WIRE, legs.get(fact_id, [])
        parcels = packages.get(fact_id, [])
        if wire or mine or parcels:
            site = fact["site"] or _site_of(mine)
            body = _body(fact["body"]) if wire else {}
            made.append(Told(fact_id, kind, site, at, _offset(zones.get(site), at), body, mine, pieces.get(fact_id, ()), parcels))
    return made


def _packages(connection: Connection, facts: Sequence[RowMapping]) -> dict[str, list[Package]]:
    """What facts did to packages."""
    found: dict[str, list[Package]] = defaultdict(list)
    query = select(package_step).where(among(connection, package_step.c.fact, [fact["id"] for fact in facts])).order_by(package_step.c.n)
    for row in connection.execute(query):
        contents = [(each["item"], each["lot"], each["quantity"], tuple(each["serials"])) for each in row.contents]
        found[row.fact].append(Package(row.sscc, row.step, contents))
    return found


def _site_of(legs: Sequence[tuple[Account, int]]) -> str:
    return next((account.site for account, _ in legs if account.site), "")


def _body(text: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _zones(connection: Connection) -> dict[str, ZoneInfo]:
    found = {}
    for row in connection.execute(select(catalog_site.c.code, catalog_site.c.time_zone)):
        try:
            found[row.code] = ZoneInfo(row.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return found


def _offset(zone: ZoneInfo | None, at: datetime) -> str:
    minutes = int((at.astimezone(zone or UTC).utcoffset() or timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


class _Known:
    """What the catalog and the ledger know of what some facts name, read at once."""

    def __init__(self, connection: Connection, told: Sequence[Told]) -> None:
        accounts = {account for each in told for account, _ in each.legs}
        items = {each.item for each in accounts} | {line[0] for each in told for parcel in each.packages for line in parcel.contents}
        self._gtins = _pairs(connection, select(catalog_item.c.code, catalog_item.c.gtin), catalog_item.c.code, items)
        self._glns = {row.code: row.gln for row in connection.execute(select(catalog_site.c.code, catalog_site.c.gln))}
        self._kinds = _pairs(connection, select(location.c.place, location.c.kind), location.c.place, {each.place for each in accounts})
        units = {each.unit for each in accounts if each.unit}
        self._parents = _pairs(connection, select(handling_unit.c.sscc, handling_unit.c.parent), handling_unit.c.sscc, units)
        query = select(receipt.c.event_id, ship_notice.c.number, partner.c.gln).join(ship_notice, ship_notice.c.number == receipt.c.notice)
        query = query.outerjoin(partner, partner.c.code == ship_notice.c.supplier).where(among(connection, receipt.c.event_id, [each.id for each in told]))
        self._notices = {row.event_id: Notice(row.number, row.gln) for row in connection.execute(query)}

    def gtin(self, item: str) -> str | None:
        """Of an item, 14 digits."""
        return self._gtins.get(item)

    def gln(self, site: str) -> str | None:
        """Of a site, 13 digits."""
        return self._glns.get(site)

    def place_kind(self, place: str) -> str:
        """What kind of location a place is."""
        return self._kinds.get(place) or ""

    def parent(self, unit: str) -> str:
        """What a unit stands on or in."""
        return self._parents.get(unit) or ""

    def notice(self, fact_id: str) -> Notice | None:
        """The notice on which a fact received goods."""
        return self._notices.get(fact_id)


def _pairs(connection: Connection, query: Any, column: Any, wanted: Collection[str]) -> dict[str, str | None]:
    if not wanted:
        return {}
    return {row[0]: row[1] for row in connection.execute(query.where(among(connection, column, sorted(wanted))))}


def _correct(connection: Connection, told: Told, now: datetime) -> None:
    """Declare wrong what was told of a receipt that this fact sets right."""
    if gone := undone(told):
        _declare_wrong(connection, told, _brought(connection, told, gone), "did_not_occur", now)
    elif told.kind == "DiscrepancySettled" and told.legs:
        _declare_found(connection, told, now)


def _declare_found(connection: Connection, told: Told, now: datetime) -> None:
    """Goods that a receipt had not were there after all: its events said something wrong, and the one that sets it right is named."""
    account, quantity = next((leg for leg in told.legs if leg[1] > 0), told.legs[0])
    mine = (discrepancy.c.item == account.item) & (discrepancy.c.lot == account.lot) & (discrepancy.c.quantity == quantity)
    query = select(discrepancy.c.event_id).where(mine, discrepancy.c.state == "found").order_by(discrepancy.c.id)
    right = connection.execute(select(epcis_event.c.event_id).where(epcis_event.c.fact == told.id)).scalars().all()
    for wrong in connection.execute(query).scalars().all():
        if _declare_wrong(connection, told, [wrong], "incorrect_data", now, right):
            return


def _brought(connection: Connection, told: Told, gone: Sequence[Flow]) -> list[str]:
    """The facts that received what is taken back: of its units' receipts the newest before it, as many as make up its quantities."""
    units = sorted({flow.source.unit for flow in gone})
    left = Counter[tuple[str, str]]()
    for flow in gone:
        left[flow.source.item, flow.source.lot] += flow.quantity
    named = select(epcis_term.c.event).where(epcis_term.c.kind == "parent", among(connection, epcis_term.c.value, [key_of(unit_uri(each)) for each in units]))
    received = select(epcis_event.c.fact).where(epcis_event.c.n.in_(named), epcis_event.c.biz_step == "receiving", epcis_event.c.fact.is_not(None))
    before = event.c.position < select(event.c.position).where(event.c.id == told.id).scalar_subquery()
    query = select(entry.c.event_id, entry.c.item, entry.c.lot, entry.c.quantity).join(event, event.c.id == entry.c.event_id)
    query = query.where(entry.c.event_id.in_(received), among(connection, entry.c.unit, units), entry.c.quantity > 0, before)
    facts: dict[str, None] = {}
    for row in connection.execute(query.order_by(event.c.position.desc(), entry.c.n)):
        if left[row.item, row.lot] > 0:
            left[row.item, row.lot] -= row.quantity
            facts[row.event_id] = None
    return list(facts)


def _declare_wrong(connection: Connection, told: Told, facts: Sequence[str], reason: str, now: datetime, right: Sequence[str] = ()) -> bool:
    """Declare an error in the events of facts, unless that was done before. Returns whether there was one to declare."""
    rows = connection.execute(select(epcis_event).where(among(connection, epcis_event.c.fact, facts)).order_by(epcis_event.c.n)).mappings().all()
    known = {row["event_id"] for row in rows if row["declaration"]}
    wrong = [row for row in rows if row["event_id"] not in known]
    declared = {"declarationTime": written(told.at), "reason": reason} | ({"correctiveEventIDs": list(right)} if right else {})
    events = [capturing.prepare({**json.loads(row["body"]), "errorDeclaration": declared}, [CONTEXT]) for row in wrong]
    capturing.store(connection, events, now, [], facts={row["event_id"]: row["fact"] for row in wrong})
    return bool(wrong)
