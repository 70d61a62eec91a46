# SPDX-License-Identifier: Apache-2.0
"""What the database has against rows that are well-formed by themselves: unknown names, codes with two meanings, parts that do not fit."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, tuple_

from central.catalog import rules
from central.catalog.rules.goods import kit_cycle, packagings_disagree
from central.catalog.rules.places import fault_of_position
from central.catalog.service.codes import faults_of_codes
from central.catalog.service.goods import chunks
from central.catalog.tables import aisle, item, kit_component, location, packaging, partner
from central.sheets.rules import RowFault

Numbered = Sequence[tuple[int, rules.Row]]

_NAMED: Mapping[type[rules.Row], Sequence[tuple[str, str]]] = {
    rules.Packaging: [("item", "item")],
    rules.Alias: [("item", "item")],
    rules.Substitute: [("item", "item"), ("substitute", "item")],
    rules.Component: [("kit", "item"), ("component", "item")],
    rules.LotRow: [("item", "item")],
    rules.StockLevel: [("item", "item"), ("location", "location")],
    rules.PartnerItem: [("partner", "partner"), ("item", "item")],
}
"""Fields that name a row of another kind."""
_COLUMNS: Mapping[str, Any] = {"item": item.c.code, "location": location.c.place, "partner": partner.c.code}


def faults(connection: Connection, rows: Numbered, before: Iterable[rules.Row]) -> list[RowFault]:
    """Everything that is wrong with rows of one kind, by row; `before` are the rows that they will replace."""
    if not rows:
        return []
    kind = type(rows[0][1])
    found = _unknown(connection, kind, rows)
    if kind in (rules.Item, rules.Packaging, rules.Alias):
        found += faults_of_codes(connection, rows, before)
    check = {rules.Packaging: _packagings, rules.Component: _kits, rules.Location: _positions, rules.Aisle: _shortened}.get(kind)
    return sorted(found + (check(connection, rows) if check else []))


def _unknown(connection: Connection, kind: type[rules.Row], rows: Numbered) -> list[RowFault]:
    found = []
    for field, what in _NAMED.get(kind, ()):
        wanted = [(number, row.place if what == "location" and isinstance(row, rules.StockLevel) else getattr(row, field)) for number, row in rows]
        asked = [(number, code) for number, code in wanted if what != "location" or "/" in code]
        known = _known(connection, _COLUMNS[what], {code for _, code in asked})
        text = f"is not in the catalog; import the {what}s first"
        found += [RowFault(number, field, f"unknown_{what}", f"{what} {code} {text}", {"code": code}) for number, code in asked if code not in known]
    return found


def _known(connection: Connection, column: Any, codes: Iterable[str]) -> set[str]:
    return {code for part in chunks(codes) for code in connection.execute(select(column).where(column.in_(part))).scalars()}


def _packagings(connection: Connection, rows: Numbered) -> list[RowFault]:
    quantities: dict[str, dict[str, int]] = defaultdict(dict)
    mine = [(number, row) for number, row in rows if isinstance(row, rules.Packaging)]
    for part in chunks(row.item for _, row in mine):
        for each in connection.execute(select(packaging.c.item, packaging.c.code, packaging.c.quantity).where(packaging.c.item.in_(part))):
            quantities[each.item][each.code] = each.quantity
    for _, row in mine:
        quantities[row.item][row.code] = row.quantity
    wrong = {code: text for code, sizes in quantities.items() if (text := packagings_disagree(sizes))}
    return [
        RowFault(number, "quantity", "packagings_disagree", f"item {row.item}: {wrong[row.item]}", {"item": row.item})
        for number, row in mine
        if row.item in wrong
    ]


def _kits(connection: Connection, rows: Numbered) -> list[RowFault]:
    parts: dict[str, set[str]] = defaultdict(set)
    for kit, component in connection.execute(select(kit_component.c.kit, kit_component.c.component)):
        parts[kit].add(component)
    mine = [(number, row) for number, row in rows if isinstance(row, rules.Component)]
    for _, row in mine:
        parts[row.kit].add(row.component)
    circle = kit_cycle(parts)
    text = f"kits contain each other: {' > '.join(circle)}; a kit cannot be a part of itself"
    steps = set(itertools.pairwise(circle))
    return [RowFault(number, "component", "kit_cycle", text, {"circle": " > ".join(circle)}) for number, row in mine if (row.kit, row.component) in steps]


def _positions(connection: Connection, rows: Numbered) -> list[RowFault]:
    mine = [(number, row) for number, row in rows if isinstance(row, rules.Location)]
    wanted, ends = sorted({(row.site, row.aisle) for _, row in mine if row.aisle}), dict[tuple[str, str], tuple[float, float]]()
    for start in range(0, len(wanted), 300):
        query = select(aisle).where(tuple_(aisle.c.site, aisle.c.code).in_(wanted[start : start + 300]))
        ends |= {(row.site, row.code): (row.y_from_m, row.y_to_m) for row in connection.execute(query)}
    return [RowFault(number, *fault, {"code": row.aisle}) for number, row in mine if (fault := fault_of_position(row, ends))]


def _shortened(connection: Connection, rows: Numbered) -> list[RowFault]:
    found = []
    for number, row in rows:
        if isinstance(row, rules.Aisle):
            outside = (location.c.y_m < row.y_from_m) | (location.c.y_m > row.y_to_m)
            query = select(location.c.code).where(location.c.site == row.site, location.c.aisle == row.code, outside).order_by(location.c.code).limit(1)
            if (code := connection.execute(query).scalar()) is not None:
                found.append(RowFault(number, "y_to_m", "outside_aisle", f"location {code} would lie outside aisle {row.code}; move the location first"))
    return found
