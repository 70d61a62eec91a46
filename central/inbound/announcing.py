# SPDX-License-Identifier: Apache-2.0
"""What a ship notice announces, checked in the order of the document and written with one statement a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, insert, select

from central.bulk import among, insert_rows, update_rows
from central.catalog import service as catalog
from central.errors import ConflictError, DomainError
from central.inbound.documents import LineAnnounced, Nested, PalletAnnounced, ShipNotice, nested
from central.inbound.tables import (
    purchase_line,
    purchase_notice,
    ship_notice_case,
    ship_notice_line,
    ship_notice_nest,
    ship_notice_pallet,
    ship_notice_unit,
)

_ANNOUNCING = 1182
"""Our own word for these advisory locks; no others of ours have two numbers."""
_SLOTS = 1024
"""Pallets share locks: a notice of a thousand must not use up the lock table (PostgreSQL: max_locks_per_transaction x max_connections, 6,400 by default)."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the document, the pallet that it stands on (None: loose), its item's row, and the unit on the pallet that holds it."""

    sscc: str | None
    said: LineAnnounced
    item: Any
    inside: Nested | None = None

    @property
    def unit(self) -> str:
        """Code of the innermost unit that holds it; empty: the pallet."""
        return self.inside.unit.code if self.inside else ""

    @property
    def tag(self) -> tuple[str, str] | None:
        """The tag that stands for the whole line: of the unit around it, when its cases have none of their own."""
        return self.inside.tag if self.inside and not self.said.serials else None


def keep_contents(connection: Connection, notice: ShipNotice) -> None:
    """Store the pallets and lines of a notice that is stored, and take what it announces off the open purchases.

    Raises: ConflictError: a pallet is announced elsewhere, a lot's expiry differs, or serials without a GTIN. UnknownItemError.
    """
    lines, fault = _checked(connection, notice)
    learned = catalog.learn_lots(connection, [(line.item.code, line.said.lot, line.said.expiry) for line in lines])
    for line, known in zip(lines, learned, strict=True):
        if known is not None:
            text = f"lot {line.said.lot} of item {line.item.code} is known with expiry {known}, not {line.said.expiry}; correct one of them"
            raise ConflictError("lot_expiry_differs", text)
    if fault is not None:
        raise fault
    insert_rows(connection, ship_notice_pallet, ("sscc", "notice", "tare_g"), [(each.sscc, notice.number, each.tare_g) for each in notice.pallets])
    _write_nests(connection, notice)
    _write(connection, notice.number, lines)
    _settle_purchases(connection, notice, lines)


def _parts_of(pallet: PalletAnnounced) -> list[tuple[Nested | None, list[LineAnnounced]]]:
    """What a pallet holds directly, then what each unit on it does."""
    return [(None, pallet.lines), *((each, each.unit.lines) for each in nested(pallet.sscc, pallet.units))]


def _checked(connection: Connection, notice: ShipNotice) -> tuple[list[_Line], DomainError | None]:
    """The lines before the first fault, with the line whose lot is looked at before its own fault; and that fault."""
    parts: list[tuple[str | None, Nested | None, list[LineAnnounced]]]
    parts = [(pallet.sscc, inside, lines) for pallet in notice.pallets for inside, lines in _parts_of(pallet)]
    parts.append((None, None, notice.lines))
    said = [line for _, _, part in parts for line in part]
    by_code = catalog.items_by_code(connection, {line.item for line in said if line.item})
    by_gtin = catalog.items_by_gtin(connection, {line.gtin for line in said if line.gtin})
    ssccs = [pallet.sscc for pallet in notice.pallets]
    _take_turns(connection, ssccs)
    announced = _announced(connection, ssccs)
    lines: list[_Line] = []
    for sscc, inside, part in parts:
        if sscc in announced:
            text = f"pallet {sscc} stands on ship notice {announced[sscc]} already; an SSCC names one pallet"
            return lines, ConflictError("pallet_announced", text)
        for line in part:
            item = by_gtin.get(line.gtin) if line.gtin else by_code.get(line.item or "")
            if item is None:
                return lines, catalog.UnknownItemError(f"with GTIN {line.gtin}" if line.gtin else line.item or "")
            lines.append(_Line(sscc, line, item, inside))
            if line.serials and (line.case_gtin or item.gtin) is None:
                text = f"item {item.code} has no GTIN, so serials cannot be told apart; give case_gtin"
                return lines, ConflictError("item_without_gtin", text)
    return lines, None


def _take_turns(connection: Connection, ssccs: Sequence[str]) -> None:
    """Whoever announces one of these pallets too waits until the transaction ends. SQLite has one writer at a time anyway."""
    if ssccs and connection.dialect.name == "postgresql":
        slots = sorted({crc32(sscc.encode()) % _SLOTS for sscc in ssccs})
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, slot) FROM unnest(%s::int[]) AS slot", (_ANNOUNCING, slots))


def _announced(connection: Connection, ssccs: Sequence[str]) -> dict[str | None, str]:
    """The notices on which these pallets stand already."""
    if not ssccs:
        return {}
    query = select(ship_notice_pallet.c.sscc, ship_notice_pallet.c.notice).where(among(connection, ship_notice_pallet.c.sscc, ssccs))
    return {row.sscc: row.notice for row in connection.execute(query)}


def _write_nests(connection: Connection, notice: ShipNotice) -> None:
    rows = [
        (notice.number, each.unit.code, pallet.sscc, each.parent, each.depth, each.unit.tag is not None)
        for pallet in notice.pallets
        for each in nested(pallet.sscc, pallet.units)
    ]
    if rows:
        codes = [row[1] for row in rows]
        known = connection.execute(select(ship_notice_pallet.c.sscc).where(among(connection, ship_notice_pallet.c.sscc, codes))).scalar()
        if known is not None:
            raise ConflictError("pallet_announced", f"unit {known} stands on a ship notice as a pallet; an SSCC names one unit")
        insert_rows(connection, ship_notice_nest, ("notice", "code", "sscc", "parent", "depth", "tagged"), rows)


def _write(connection: Connection, number: str, lines: Sequence[_Line]) -> None:
    names = ("notice", "sscc", "item", "lot", "expiry", "quantity", "unit")
    rows = [(number, line.sscc, line.item.code, line.said.lot, line.said.expiry, line.said.quantity, line.unit) for line in lines]
    if not any(line.said.serials or line.said.case_ssccs or line.tag for line in lines):
        insert_rows(connection, ship_notice_line, names, rows)
        return
    values = [dict(zip(names, row, strict=True)) for row in rows]
    made = connection.execute(insert(ship_notice_line).returning(ship_notice_line.c.id, sort_by_parameter_order=True), values).scalars()
    _write_cases(connection, dict(zip(made, lines, strict=True)))


def _write_cases(connection: Connection, lines: Mapping[int, _Line]) -> None:
    """The tagged cases of lines, by the lines' numbers, and the cases with labels; serials, if there are any, are of the same cases in the same order."""
    cases = [(line.said.case_gtin or line.item.gtin, serial, number) for number, line in lines.items() for serial in line.said.serials]
    cases += [(*line.tag, number) for number, line in lines.items() if line.tag]
    insert_rows(connection, ship_notice_case, ("gtin", "serial", "line"), cases)
    units = []
    for number, line in lines.items():
        serials = line.said.serials or [""] * len(line.said.case_ssccs)
        pairs = zip(line.said.case_ssccs, serials, strict=True) if line.said.case_ssccs else ()
        units += [(number, n, sscc, serial) for n, (sscc, serial) in enumerate(pairs, start=1)]
    insert_rows(connection, ship_notice_unit, ("line", "n", "sscc", "serial"), units)


def _settle_purchases(connection: Connection, notice: ShipNotice, lines: Sequence[_Line]) -> None:
    """Take what a notice announces off the open purchase lines, oldest first: it must not count as on its way twice."""
    announced: dict[str, int] = defaultdict(int)
    for line in lines:
        announced[line.item.code] += line.said.quantity
    open_lines = (
        select(purchase_line.c.id, purchase_line.c.item, purchase_line.c.quantity, purchase_line.c.noticed)
        .where(
            purchase_line.c.site == notice.site, among(connection, purchase_line.c.item, sorted(announced)), purchase_line.c.noticed < purchase_line.c.quantity
        )
        .order_by(purchase_line.c.id)
        .with_for_update()
    )
    parts = []
    for row in connection.execute(open_lines):
        part = min(announced[row.item], row.quantity - row.noticed)
        announced[row.item] -= part
        if part:
            parts.append((row.id, part))
    update_rows(connection, purchase_line, "id", ("noticed",), parts, frozenset({"noticed"}))
    insert_rows(connection, purchase_notice, ("purchase_line", "notice", "quantity"), [(line, notice.number, part) for line, part in parts])
