# SPDX-License-Identifier: Apache-2.0
"""Reading the stock that may be reserved. Of an item with many lots only the first ones are read, as many as the demand needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, func, select

from central.database import instant
from central.ledger.removal import allocate, leading_key
from central.ledger.rules import Account, Allocation, Demand, Rule, Supply
from central.ledger.tables import balance, handling_unit

FIRST_ROWS: Final = 4
"""So many of the first rows of each item are read at first. A running sum in the query would read no row too many and costs the database five times as much."""
_MORE: Final = 8
"""Where that is not enough, so many times as many are read anew, until it is or there are no more."""

_COLUMNS = "b.id, b.site, b.place, b.item, b.lot, b.owner, b.unit, b.on_hand - b.reserved, b.expiry, b.in_date, b.pick_rank, b.pickable"
_FREE = "b.site = {site} AND b.item = {item} AND b.status = 'available' AND b.expiry >= {since} AND b.on_hand > b.reserved AND NOT b.locked AND NOT b.held"
_TAKEN_FROM: Final = {True: "(b.pickable OR (b.storage AND b.unit <> ''))", False: "(b.pickable OR b.storage)"}
"""By `pickable_only`."""
_LEADING: Final[Mapping[Rule, str]] = {
    "fefo": "b.expiry",
    "fifo": "b.in_date",
    "lifo": "b.in_date DESC",
    "closest": "b.pick_rank",
    "least_packages": "b.on_hand - b.reserved DESC",
}
"""The leading keys of `central.ledger.removal`, lowest first."""

_Pair = tuple[str, str]
"""Site and item."""


@cache
def _statement(postgresql: bool, rule: Rule, pickable_only: bool, limit: int) -> str:
    """The first free rows of items by a rule. Parameters: sites, items and first days of expiry, for SQLite one of each."""
    order = f"ORDER BY {_LEADING[rule]}, b.expiry, b.in_date, b.pick_rank, b.id LIMIT {limit}"
    if not postgresql:
        free = _FREE.format(site="?", item="?", since="?")
        return f"SELECT {_COLUMNS} FROM balance b WHERE {free} AND {_TAKEN_FROM[pickable_only]} {order}"  # noqa: S608  # our own words
    free = _FREE.format(site="v.site", item="v.item", since="v.since")
    return (
        f"SELECT s.* FROM unnest(%s::text[], %s::text[], %s::date[]) AS v(site, item, since) "  # noqa: S608  # our own words
        f"CROSS JOIN LATERAL (SELECT {_COLUMNS} FROM balance b WHERE {free} AND {_TAKEN_FROM[pickable_only]} {order}) s"
    )


def allocated(connection: Connection, demand: Sequence[Demand], today: Mapping[str, date], pickable_only: bool) -> list[Allocation]:
    """What each line gets, in the order of the lines; `today` is the day at each site. The fences are held."""
    lines: dict[_Pair, list[Demand]] = defaultdict(list)
    for each in demand:
        lines[each.site, each.item].append(each)
    waiting: Mapping[_Pair, Sequence[Demand]] = lines
    given: dict[_Pair, list[Allocation]] = {}
    rows = FIRST_ROWS
    while waiting:
        supplies, cut = _first_groups(connection, waiting, today, pickable_only, rows)
        supplies = _with_whole_units(connection, supplies)
        given |= {pair: allocate(mine, supplies.get(pair, [])) for pair, mine in waiting.items()}
        waiting = {pair: waiting[pair] for pair in cut if _sum(given[pair]) < _sum(waiting[pair])}
        rows *= _MORE
    return _in_order_of(demand, given)


def _sum(parts: Iterable[Allocation | Demand]) -> int:
    return sum(each.quantity for each in parts)


def _in_order_of(demand: Sequence[Demand], given: Mapping[_Pair, Sequence[Allocation]]) -> list[Allocation]:
    by_line: dict[tuple[str, str, str], list[Allocation]] = defaultdict(list)
    for (site, item), allocations in given.items():
        for each in allocations:
            by_line[each.line_id, site, item].append(each)
    return [each for line in demand for each in by_line.pop((line.line_id, line.site, line.item), ())]


def _first_groups(
    connection: Connection, lines: Mapping[_Pair, Sequence[Demand]], today: Mapping[str, date], pickable_only: bool, rows: int
) -> tuple[dict[_Pair, list[Supply]], set[_Pair]]:
    """The first whole groups by the rule of the lines, of about so many rows an item; and the items of which there may be more.

    Where a limited reading ended, the group of the last row may go on unread: it is left out. Of an item whose lines have several rules all is read.
    """
    pairs: dict[tuple[Rule, int], dict[_Pair, date]] = defaultdict(dict)
    for pair, mine in lines.items():
        rules = {each.rule for each in mine}
        here = today[pair[0]]
        since = max(here, min(each.min_expiry or here for each in mine))
        pairs[mine[0].rule, rows if len(rules) == 1 else _ALL][pair] = since
    found: dict[_Pair, list[Supply]] = {}
    cut: set[_Pair] = set()
    for (rule, limit), asked in pairs.items():
        for pair, supplies in _read(connection, asked, rule, pickable_only, limit).items():
            if len(supplies) == limit:
                cut.add(pair)
                last = leading_key(rule, supplies[-1])
                supplies = [each for each in supplies if leading_key(rule, each) != last]
            found[pair] = supplies
    return found, cut


_ALL: Final = 2**62


def _read(connection: Connection, asked: Mapping[_Pair, date], rule: Rule, pickable_only: bool, limit: int) -> dict[_Pair, list[Supply]]:
    """The first free rows of each (site, item) by a rule, of goods that expire on its day or later."""
    postgresql = connection.dialect.name == "postgresql"
    statement, pairs = _statement(postgresql, rule, pickable_only, limit), sorted(asked)
    if postgresql:
        columns = ([site for site, _ in pairs], [item for _, item in pairs], [asked[pair] for pair in pairs])
        rows: Iterable[Any] = connection.exec_driver_sql(statement, columns).fetchall()
    else:
        rows = [row for pair in pairs for row in connection.exec_driver_sql(statement, (*pair, asked[pair].isoformat())).fetchall()]
    found: dict[_Pair, list[Supply]] = defaultdict(list)
    for number, site, place, item, lot, owner, unit, free, expiry, in_date, pick_rank, pickable in rows:
        account = Account(place, item, lot, owner, "available", unit)
        day = expiry if isinstance(expiry, date) else date.fromisoformat(expiry)
        # Not pickable and read all the same: on a handling unit in storage. Without `pickable_only` pieces may be taken from everywhere.
        loose = bool(pickable) or not pickable_only
        found[site, item].append(Supply(number, account, free, day, instant(in_date), pick_rank, loose))
    return found


def _with_whole_units(connection: Connection, found: Mapping[tuple[str, str], list[Supply]]) -> dict[tuple[str, str], list[Supply]]:
    """Say which supplies stand on a handling unit that could leave whole; asked only when there is any unit at all."""
    units = {each.account.unit for supplies in found.values() for each in supplies if each.account.unit}
    if not units:
        return dict(found)
    outermost = outermost_units(connection, units)
    parts = _parts(connection, set(outermost.values()))
    return {pair: [_with_unit(each, outermost, parts) for each in supplies] for pair, supplies in found.items()}


def _with_unit(supply: Supply, outermost: Mapping[str, str], parts: Mapping[str, tuple[int, bool]]) -> Supply:
    unit = outermost.get(supply.account.unit, "")
    count, untouched = parts.get(unit, (0, False))
    if not unit or not untouched:
        return supply
    return Supply(supply.balance_id, supply.account, supply.free, supply.expiry, supply.in_date, supply.pick_rank, supply.pickable, whole=unit, parts=count)


def outermost_units(connection: Connection, units: Iterable[str]) -> dict[str, str]:
    """The outermost handling unit of each unit: itself, when it stands in no other."""
    upwards = select(handling_unit.c.sscc.label("unit"), handling_unit.c.sscc, handling_unit.c.parent).where(handling_unit.c.sscc.in_(sorted(units)))
    up = upwards.cte("up", recursive=True)
    up = up.union(select(up.c.unit, handling_unit.c.sscc, handling_unit.c.parent).join(handling_unit, handling_unit.c.sscc == up.c.parent))
    roots = {row.unit: row.sscc for row in connection.execute(select(up.c.unit, up.c.sscc).where(up.c.parent.is_(None)))}
    return {unit: roots.get(unit, unit) for unit in units}


def _parts(connection: Connection, roots: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Of each outermost unit: how many balance rows stand on it, and whether nothing of it is reserved."""
    # A unit that the register of units does not know stands for itself.
    found = Counter[str]()
    reserved = Counter[str]()
    down = select(handling_unit.c.sscc.label("root"), handling_unit.c.sscc).where(handling_unit.c.sscc.in_(sorted(roots))).cte("down", recursive=True)
    down = down.union(select(down.c.root, handling_unit.c.sscc).join(handling_unit, handling_unit.c.parent == down.c.sscc))
    below = select(down.c.root, down.c.sscc)
    root_of = {row.sscc: row.root for row in connection.execute(below)} | {root: root for root in roots}
    query = select(balance.c.unit, func.count(), func.sum(balance.c.reserved)).where(balance.c.unit.in_(sorted(root_of))).group_by(balance.c.unit)
    for unit, count, claimed in connection.execute(query):
        found[root_of[unit]] += count
        reserved[root_of[unit]] += int(claimed)
    return {root: (count, not reserved[root]) for root, count in found.items()}
