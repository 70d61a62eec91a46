# SPDX-License-Identifier: Apache-2.0
"""Opening stock in the books: what was counted is posted, and taken back with all that it made known: lots, expiries, handling units, opened places.

What an import changed beside the quantities stands in its traces as well; their `after` has a word `made` (lot, expiry, unit, place).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from central.catalog import listeners
from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.catalog.tables import lot as catalog_lot
from central.database import insert_or_leave
from central.errors import ConflictError
from central.facts import document_id
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Account, Fact
from central.ledger.tables import balance, entry, handling_unit
from central.sheets.registry import Sender, Trace
from central.stock.opening_rules import OpeningRow
from central.stock.tables import stock_opening

_CHUNK = 300


@dataclass(frozen=True, slots=True)
class Counted:
    """A row with what its codes mean: so many smallest units in an account."""

    number: int
    row: OpeningRow
    account: Account
    quantity: int


def chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """Distinct keys, sorted, so many at a time as a statement takes."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def tracked_items(connection: Connection, counted: Sequence[Counted]) -> set[str]:
    """Which of the items are tracked by serial."""
    query = select(catalog_item.c.code).where(catalog_item.c.tracking == "serial")
    return {code for part in chunks(each.account.item for each in counted) for code in connection.execute(query.where(catalog_item.c.code.in_(part))).scalars()}


def on_hand(connection: Connection, counted: Sequence[Counted]) -> dict[Account, int]:
    """What the books say of the accounts that were counted; those that hold nothing are left out."""
    wanted = {each.account for each in counted}
    found: dict[Account, int] = {}
    for part in chunks((each.account.place, each.account.item) for each in counted):
        for row in connection.execute(select(balance).where(tuple_(balance.c.place, balance.c.item).in_(part))):
            account = ledger.account_of(row)
            if account in wanted:
                found[account] = row.on_hand
    return found


def open_counted(connection: Connection, counted: Sequence[Counted], sender: Sender) -> list[Trace]:
    """Let the books say what was counted; returns what changed. Raises: ConflictError: somebody else opened a place, or told another expiry of a lot."""
    by_site: dict[str, list[Counted]] = defaultdict(list)
    for each in counted:
        by_site[each.account.site].append(each)
    facts = {site: _fact("StockOpened", site, sender, [_said(each) for each in rows]) for site, rows in by_site.items()}
    for fact in facts.values():
        ledger.record(connection, fact, sender.now)
    units.lock(connection, by_site.keys(), {(each.account.site, each.account.item) for each in counted})
    traces = [*_mark_opened(connection, {each.account.place for each in counted}, sender), *_learn_lots(connection, counted)]
    for site, rows in by_site.items():
        traces += [*_make_units(connection, facts[site], rows, sender), *_post(connection, facts[site], rows, sender)]
    return traces


def _fact(kind: str, site: str, sender: Sender, said: Any) -> Fact:
    return Fact(document_id(kind, sender.batch, site), "api", None, kind, json.dumps(said, ensure_ascii=False).encode(), sender.actor, sender.now, site)


def _said(each: Counted) -> dict[str, Any]:
    return {"row": each.number, **asdict(each.account), "counted": each.quantity, "expiry": each.row.expiry and each.row.expiry.isoformat()}


def _mark_opened(connection: Connection, places: set[str], sender: Sender) -> Iterator[Trace]:
    before: dict[str, dict[str, Any]] = {}
    for part in chunks(places):
        for row in connection.execute(select(stock_opening).where(stock_opening.c.place.in_(part))):
            before[row.place] = {"batch": row.batch, "opened_at": row.opened_at.isoformat()}
    values = [{"place": place, "batch": sender.batch, "opened_at": sender.now} for place in sorted(places)]
    statement = insert_or_leave(connection, stock_opening)
    changed = {"batch": statement.excluded.batch, "opened_at": statement.excluded.opened_at}
    again = statement.on_conflict_do_update(index_elements=[stock_opening.c.place], set_=changed) if sender.again else statement.on_conflict_do_nothing()
    connection.execute(again, values)
    for part in () if sender.again else chunks(places):
        query = select(stock_opening.c.place).where(stock_opening.c.place.in_(part), stock_opening.c.batch != sender.batch).limit(1)
        if (place := connection.execute(query).scalar()) is not None:
            raise ConflictError("place_opened", f"{place} was opened by somebody else in the meantime; look at it before you count it anew")
    for place in sorted(before):
        yield Trace([place], before[place], {"made": "place", "place": place})


def _learn_lots(connection: Connection, counted: Sequence[Counted]) -> Iterator[Trace]:
    said: dict[tuple[str, str], date | None] = {}
    for each in counted:
        if each.account.lot:
            key = (each.account.item, each.account.lot)
            said[key] = said.get(key) or each.row.expiry
    before = _expiries(connection, said)
    learned = catalog.learn_lots(connection, [(item, lot, expiry) for (item, lot), expiry in said.items()])
    for ((item, lot), expiry), known in zip(said.items(), learned, strict=True):
        if known is not None:
            raise ConflictError("lot_expiry_differs", f"lot {lot} of item {item} is known with expiry {known}, not {expiry}; correct one of them")
        after = {"item": item, "lot": lot, "expiry": expiry and expiry.isoformat()}
        if (item, lot) not in before:
            yield Trace([item, lot], None, {"made": "lot", **after})
        elif before[item, lot] is None and expiry is not None:
            yield Trace([item, lot], {"expiry": None}, {"made": "expiry", **after})


def _expiries(connection: Connection, lots: Iterable[tuple[str, str]]) -> dict[tuple[str, str], date | None]:
    found: dict[tuple[str, str], date | None] = {}
    for part in chunks(lots):
        query = select(catalog_lot.c.item, catalog_lot.c.lot, catalog_lot.c.expiry).where(tuple_(catalog_lot.c.item, catalog_lot.c.lot).in_(part))
        found |= {(row.item, row.lot): row.expiry for row in connection.execute(query)}
    return found


def _make_units(connection: Connection, fact: Fact, counted: Sequence[Counted], sender: Sender) -> Iterator[Trace]:
    wanted = {each.account.unit: each.account.place for each in counted if each.account.unit}
    known = units.known_of(connection, wanted.keys())
    for unit, place in wanted.items():
        if unit in known:
            units.require_here(connection, unit, place)
    units.make_many(connection, [(fact.id, unit, "pallet", place) for unit, place in wanted.items() if unit not in known], sender.now)
    for unit, place in wanted.items():
        if unit not in known:
            yield Trace([unit], None, {"made": "unit", "unit": unit, "place": place, "fact": fact.id})


def _post(connection: Connection, fact: Fact, counted: Sequence[Counted], sender: Sender) -> Iterator[Trace]:
    held, tracked = on_hand(connection, counted), tracked_items(connection, counted)
    legs: list[ledger.Leg] = []
    changes = []
    for each in counted:
        delta = each.quantity - held.get(each.account, 0)
        before = set(serials.at_account(connection, each.account)) if each.account.item in tracked else set()
        came, went = sorted(set(each.row.serials) - before), sorted(before - set(each.row.serials))
        if delta:
            legs += _legs(each.account, delta)
        if delta or came or went:
            changes.append({**asdict(each.account), "delta": delta, "came": came, "went": went, "fact": fact.id})
    if legs:
        ledger.post(connection, fact.id, legs)
    for change in changes:
        _move_pieces(connection, fact.id, change, sender, 1)
        yield Trace(_key_of(change), None, change)


def _key_of(change: Mapping[str, Any]) -> list[str]:
    return [str(change[name]) for name in ("place", "item", "lot", "owner", "status", "unit")]


def _legs(account: Account, delta: int) -> tuple[ledger.Leg, ledger.Leg]:
    return ledger.Leg(_nowhere(account), -delta), ledger.Leg(account, delta)


def _nowhere(account: Account) -> Account:
    return replace(account, place=COUNT_DIFFERENCE, unit="")


def _account(change: Mapping[str, Any]) -> Account:
    return Account(change["place"], change["item"], change["lot"], change["owner"], change["status"], change["unit"])


def _move_pieces(connection: Connection, fact_id: str, change: Mapping[str, Any], sender: Sender, sign: int) -> None:
    account = _account(change)
    there, gone = (change["came"], change["went"]) if sign > 0 else (change["went"], change["came"])
    if there:
        serials.move(connection, fact_id, account.item, there, account, sender.now, source=_nowhere(account))
    if gone:
        serials.move(connection, fact_id, account.item, gone, _nowhere(account), sender.now, source=account)


def undo_opening(connection: Connection, traces: Sequence[Trace], sender: Sender) -> None:
    """Take opening stock back by the opposite posting, and what it made known with it; a lot that something else names by now stays.

    Raises: InsufficientStockError: some of it was taken or reserved since. ConflictError: a handling unit that it made was used since.
    """
    made: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        made[trace.after.get("made", "stock")].append(trace)
    by_site: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for trace in made["stock"]:
        by_site[_account(trace.after).site].append(trace.after)
    for site, changes in by_site.items():
        ledger.record(connection, _fact("StockOpeningUndone", site, sender, [{"batch": sender.batch, "rows": len(changes)}]), sender.now)
    sites = {*by_site, *(trace.after["place"].partition("/")[0] for trace in made["unit"])}
    units.lock(connection, sites, {(site, change["item"]) for site, changes in by_site.items() for change in changes})
    for site, changes in by_site.items():
        _post_back(connection, document_id("StockOpeningUndone", sender.batch, site), changes, sender)
    _forget_units(connection, [trace.after for trace in made["unit"]])
    _forget_lots(connection, [trace.after for trace in made["lot"]], sender, sites)
    _forget_expiries(connection, [trace.after for trace in made["expiry"]])
    _close_places(connection, made["place"], sender)


def _post_back(connection: Connection, fact_id: str, changes: Sequence[Mapping[str, Any]], sender: Sender) -> None:
    legs = [leg for change in changes if change["delta"] for leg in _legs(_account(change), -change["delta"])]
    if legs:
        ledger.post(connection, fact_id, legs)
    for change in changes:
        _move_pieces(connection, fact_id, change, sender, -1)


def _forget_units(connection: Connection, made: Sequence[Mapping[str, Any]]) -> None:
    facts = {each["unit"]: each["fact"] for each in made}
    for part in chunks(facts):
        inside = select(balance.c.unit).where(balance.c.unit.in_(part)).union(select(handling_unit.c.parent).where(handling_unit.c.parent.in_(part)))
        touched = set(connection.execute(inside).scalars())
        rows = connection.execute(select(handling_unit.c.sscc, handling_unit.c.changed_by).where(handling_unit.c.sscc.in_(part)))
        touched |= {row.sscc for row in rows if row.changed_by != facts[row.sscc]}
        if touched:
            text = f"handling unit {min(touched)} was used after this import; put that right by hand, nothing was undone"
            raise ConflictError("changed_since", text)
        connection.execute(delete(handling_unit).where(handling_unit.c.sscc.in_(part)))


def _forget_lots(connection: Connection, made: Sequence[Mapping[str, Any]], sender: Sender, sites: Iterable[str]) -> None:
    learned = {(each["item"], each["lot"]): _day(each["expiry"]) for each in made}
    as_learned = [lot for lot, expiry in _expiries(connection, learned).items() if expiry == learned[lot]]
    own = [document_id(kind, sender.batch, site) for kind in ("StockOpened", "StockOpeningUndone") for site in sites]
    catalog.forget_lots(connection, as_learned, {entry: entry.c.event_id.in_(own)})


def _forget_expiries(connection: Connection, made: Sequence[Mapping[str, Any]]) -> None:
    for each in made:
        mine = (catalog_lot.c.item == each["item"]) & (catalog_lot.c.lot == each["lot"]) & (catalog_lot.c.expiry == _day(each["expiry"]))
        connection.execute(update(catalog_lot).where(mine).values(expiry=None))
    listeners.lots_changed(connection, [(each["item"], each["lot"]) for each in made])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _close_places(connection: Connection, opened_before: Sequence[Trace], sender: Sender) -> None:
    """Places are as they were: never opened, or opened by the import before this one."""
    mine = stock_opening.c.batch == sender.batch
    here = set(connection.execute(select(stock_opening.c.place).where(mine)).scalars())
    connection.execute(delete(stock_opening).where(mine))
    values = [
        {"place": each.after["place"], "batch": each.before["batch"], "opened_at": datetime.fromisoformat(each.before["opened_at"])}
        for each in opened_before
        if each.before is not None and each.after["place"] in here
    ]
    if values:
        connection.execute(insert(stock_opening), values)
