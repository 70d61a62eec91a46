# SPDX-License-Identifier: Apache-2.0
"""Reading the stock that may be reserved. Of an item with many lots only the first ones are read, as many as the demand needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, func, select

from central.database import instant
from central.ledger.removal import allocate
from central.ledger.rules import Account, Allocation, Demand, Supply
from central.ledger.tables import balance, handling_unit

FIRST_ROWS: Final = 4
"""So many of the first rows of each item are read at first; more only for items for which that is not enough."""

_COLUMNS = "b.id, b.site, b.place, b.item, b.lot, b.owner, b.unit, b.on_hand, b.reserved, b.expiry, b.in_date, b.pick_rank, b.pickable"
_FREE = "b.site = {site} AND b.item = {item} AND b.status = 'available' AND b.expiry >= {today} AND b.on_hand > b.reserved AND NOT b.locked AND NOT b.held"
_PICKABLE = " AND (b.pickable OR (b.storage AND b.unit <> ''))"
_ORDER = " ORDER BY b.expiry, b.in_date, b.pick_rank, b.id"


def _postgresql(where: str, limit: str) -> str:
    free = _FREE.format(site="v.site", item="v.item", today="%s")
    return (
        f"SELECT s.* FROM unnest(%s::text[], %s::text[]) AS v(site, item) "  # noqa: S608  # our own words
        f"CROSS JOIN LATERAL (SELECT {_COLUMNS} FROM balance b WHERE {free}{where}{_ORDER}{limit}) s"
    )


def _sqlite(where: str, limit: str) -> str:
    return f"SELECT {_COLUMNS} FROM balance b WHERE {_FREE.format(site='?', item='?', today='?')}{where}{_ORDER}{limit}"  # noqa: S608  # our own words


_STATEMENTS: Final = {
    (pickable_only, first): (_postgresql(where, limit), _sqlite(where, limit))
    for pickable_only, where in ((True, _PICKABLE), (False, " AND (b.pickable OR b.storage)"))
    for first, limit in ((True, f" LIMIT {FIRST_ROWS}"), (False, ""))
}


def allocated(connection: Connection, demand: Sequence[Demand], today: date, pickable_only: bool) -> list[Allocation]:
    """What each line gets, in the order of the lines. The fences are held."""
    lines: dict[tuple[str, str], list[Demand]] = defaultdict(list)
    for each in demand:
        lines[each.site, each.item].append(each)
    short = {pair for pair, mine in lines.items() if any(each.rule != "fefo" for each in mine)}
    first = lines.keys() - short
    given: dict[tuple[str, str], list[Allocation]] = {}
    if first:
        supplies, cut = _complete_groups(_read(connection, sorted(first), today, pickable_only, first=True))
        given = _allocate(connection, {pair: lines[pair] for pair in first}, supplies)
        short |= {pair for pair in cut if _sum(given[pair]) < sum(each.quantity for each in lines[pair])}
    if short:
        given |= _allocate(connection, {pair: lines[pair] for pair in short}, _read(connection, sorted(short), today, pickable_only, first=False))
    return _in_order_of(demand, given)


def _allocate(
    connection: Connection, lines: Mapping[tuple[str, str], Sequence[Demand]], supplies: Mapping[tuple[str, str], list[Supply]]
) -> dict[tuple[str, str], list[Allocation]]:
    supplies = _with_whole_units(connection, supplies)
    return {pair: allocate(mine, supplies.get(pair, [])) for pair, mine in lines.items()}


def _sum(allocations: Iterable[Allocation]) -> int:
    return sum(each.quantity for each in allocations)


def _in_order_of(demand: Sequence[Demand], given: Mapping[tuple[str, str], Sequence[Allocation]]) -> list[Allocation]:
    by_line: dict[tuple[str, str, str], list[Allocation]] = defaultdict(list)
    for (site, item), allocations in given.items():
        for each in allocations:
            by_line[each.line_id, site, item].append(each)
    return [each for line in demand for each in by_line.pop((line.line_id, line.site, line.item), ())]


def _read(connection: Connection, pairs: Sequence[tuple[str, str]], today: date, pickable_only: bool, *, first: bool) -> dict[tuple[str, str], list[Supply]]:
    """Free rows by (site, item) in the order of expiry, age and path."""
    postgresql, sqlite = _STATEMENTS[pickable_only, first]
    if connection.dialect.name == "postgresql":
        rows: Iterable[Any] = connection.exec_driver_sql(postgresql, ([site for site, _ in pairs], [item for _, item in pairs], today)).fetchall()
    else:
        rows = [row for site, item in pairs for row in connection.exec_driver_sql(sqlite, (site, item, today.isoformat())).fetchall()]
    found: dict[tuple[str, str], list[Supply]] = defaultdict(list)
    for number, site, place, item, lot, owner, unit, on_hand, reserved, expiry, in_date, pick_rank, pickable in rows:
        account = Account(place, item, lot, owner, "available", unit)
        day = expiry if isinstance(expiry, date) else date.fromisoformat(expiry)
        # Not pickable and read all the same: on a handling unit in storage. Without `pickable_only` pieces may be taken from everywhere.
        loose = bool(pickable) or not pickable_only
        found[site, item].append(Supply(number, account, on_hand - reserved, day, instant(in_date), pick_rank, loose))
    return found


def _complete_groups(found: Mapping[tuple[str, str], list[Supply]]) -> tuple[dict[tuple[str, str], list[Supply]], set[tuple[str, str]]]:
    """Where a limited reading ended, what expires on the last day read may go on unread: leave that day out. Returns also which items were cut."""
    complete, cut = {}, set()
    for pair, supplies in found.items():
        if len(supplies) == FIRST_ROWS:
            cut.add(pair)
            last = supplies[-1].expiry
            supplies = [each for each in supplies if each.expiry != last]
        complete[pair] = supplies
    return complete, cut


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
