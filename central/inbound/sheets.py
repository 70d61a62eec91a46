# SPDX-License-Identifier: Apache-2.0
"""Ship notices from spreadsheets: what a file would announce, everything that is wrong with it by row and column, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import Connection, delete, exists, select, update

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import lot as catalog_lot
from central.catalog.tables import partner
from central.errors import ConflictError
from central.facts import fact_of
from central.inbound import service
from central.inbound.documents import ShipNotice, nested
from central.inbound.sheet_rows import NoticeRow, differing_header, document_of, repeated_rows
from central.inbound.tables import (
    discrepancy,
    passage,
    purchase_line,
    purchase_notice,
    receipt,
    ship_notice,
    ship_notice_case,
    ship_notice_line,
    ship_notice_nest,
    ship_notice_pallet,
    ship_notice_unit,
)
from central.sheets.registry import Outcome, Sender, SheetKind, Trace
from central.sheets.rules import RowFault, Sheet

Numbered = tuple[int, NoticeRow]
_TIMES = ("expected_at", "expected_from", "expected_until")


def _plan(connection: Connection, sheet: Sheet, sender: Sender) -> Outcome:
    groups: dict[str, list[Numbered]] = {}
    for number, row in sheet.rows:
        groups.setdefault(row.number, []).append((number, row))
    faults = list(_unknown(connection, sheet.rows))
    notices: list[tuple[int, ShipNotice]] = []
    if not faults:
        named = _named(connection, sheet.rows)
        for rows in groups.values():
            made = _notice(connection, rows, named)
            if isinstance(made, ShipNotice):
                notices.append((rows[0][0], made))
            else:
                faults += made
    new, known = _new(connection, notices)
    faults += [*_known_otherwise(connection, known), *_announced_elsewhere(connection, new, groups), *_lots(connection, new, groups)]

    def write() -> Sequence[Trace]:
        for _, notice in new:
            fact = fact_of("ShipNotice", (notice.number, sender.batch), notice, sender.actor, sender.now, notice.site)
            service.announce(connection, fact, notice, sender.now)
        return [Trace((notice.number,), None, notice.model_dump(mode="json")) for _, notice in new]

    return Outcome(len(new), 0, len(known), write, faults)


def _named(connection: Connection, rows: Sequence[Numbered]) -> dict[str, tuple[str, int]]:
    found = catalog.all_named(connection, {row.item for _, row in rows})
    return {code: (each.item, each.quantity) for code, each in found.items()}


def _unknown(connection: Connection, rows: Sequence[Numbered]) -> Iterator[RowFault]:
    """Items and suppliers that the catalog does not know, and columns that the first row of a notice must have."""
    named = _named(connection, rows)
    suppliers = {row.supplier for _, row in rows if row.supplier}
    known = set(connection.execute(select(partner.c.code).where(among(connection, partner.c.code, sorted(suppliers)))).scalars())
    begun: dict[str, NoticeRow] = {}
    for number, row in rows:
        if row.item not in named:
            yield RowFault(number, "item", "unknown_item", f"item {row.item} is not in the catalog; import the items first", {"code": row.item})
        if row.supplier and row.supplier not in known:
            text = f"partner {row.supplier} is not in the catalog; import the partners first"
            yield RowFault(number, "supplier", "unknown_partner", text, {"code": row.supplier})
        first = begun.setdefault(row.number, row)
        if first is row:
            for column in ("site", "supplier"):
                if not getattr(row, column):
                    yield RowFault(number, column, "missing", f"the first row of notice {row.number} must say its {column}", {"number": row.number})
        elif column := differing_header(first, row):
            text = f"notice {row.number} has another {column} in an earlier row; say it once"
            yield RowFault(number, column, "notice_differs", text, {"number": row.number, "column": column})


def _notice(connection: Connection, rows: Sequence[Numbered], named: Mapping[str, tuple[str, int]]) -> ShipNotice | list[RowFault]:
    first = rows[0][1]
    zone = ZoneInfo(catalog.site_of(connection, first.site or "").time_zone)
    times = {name: _aware(getattr(first, name), zone) for name in _TIMES}
    document, said_by = document_of([row for _, row in rows], named, times)
    try:
        return ShipNotice.model_validate(document)
    except ValidationError as error:
        return [_fault_of(rows, each, _said_by(document, each["loc"], said_by)) for each in error.errors(include_url=False)]


def _said_by(document: Any, place: Sequence[int | str], said_by: Mapping[int, int]) -> int:
    """The index of the row that said what is at a place of the document, or what is around it."""
    index = 0
    for step in place:
        inside = dict(enumerate(document)) if isinstance(document, list) else document if isinstance(document, dict) else {}
        if step not in inside:
            break
        document = inside[step]
        index = said_by.get(id(document), index)
    return index


def _aware(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


def _fault_of(rows: Sequence[Numbered], error: Any, index: int) -> RowFault:
    """What the document has against a notice, at the row and column that said it, as near as its place in the document tells."""
    text = str(error["msg"]).removeprefix("Value error, ")
    named = next((step for step in reversed(error["loc"]) if step in NoticeRow.model_fields), "")
    column = named or next((name for name in ("quantity", "serials", "expected_until") if name.split("_")[0].rstrip("s") in text), "")
    return RowFault(rows[index][0], str(column), "notice_wrong", text, {"number": rows[0][1].number})


def _new(connection: Connection, notices: Sequence[tuple[int, ShipNotice]]) -> tuple[list[tuple[int, ShipNotice]], list[tuple[int, ShipNotice]]]:
    query = select(ship_notice.c.number).where(among(connection, ship_notice.c.number, [notice.number for _, notice in notices]))
    there = set(connection.execute(query).scalars()) if notices else set()
    return [each for each in notices if each[1].number not in there], [each for each in notices if each[1].number in there]


def _known_otherwise(connection: Connection, known: Sequence[tuple[int, ShipNotice]]) -> Iterator[RowFault]:
    """Notices that are stored already, with other goods."""
    for row, notice in known:
        if _goods_stored(connection, notice.number) != _goods_said(notice):
            text = f"ship notice {notice.number} is stored with other content; a notice is never changed, give the new one another number"
            yield RowFault(row, "number", "notice_known", text, {"number": notice.number})


def _goods_said(notice: ShipNotice) -> list[tuple[Any, ...]]:
    parts = [(None, "", notice.lines)] + [(pallet.sscc, "", pallet.lines) for pallet in notice.pallets]
    parts += [(pallet.sscc, each.unit.code, each.unit.lines) for pallet in notice.pallets for each in nested(pallet.sscc, pallet.units)]
    return sorted((sscc or "", unit, line.item, line.lot, str(line.expiry), line.quantity) for sscc, unit, lines in parts for line in lines)


def _goods_stored(connection: Connection, number: str) -> list[tuple[Any, ...]]:
    rows = connection.execute(select(ship_notice_line).where(ship_notice_line.c.notice == number))
    return sorted((row.sscc or "", row.unit, row.item, row.lot, str(row.expiry), row.quantity) for row in rows)


def _announced_elsewhere(connection: Connection, new: Sequence[tuple[int, ShipNotice]], groups: Mapping[str, Sequence[Numbered]]) -> Iterator[RowFault]:
    ssccs = {pallet.sscc for _, notice in new for pallet in notice.pallets}
    query = select(ship_notice_pallet).where(among(connection, ship_notice_pallet.c.sscc, sorted(ssccs)))
    on = {row.sscc: row.notice for row in connection.execute(query)} if ssccs else {}
    for _, notice in new:
        for pallet in notice.pallets:
            other = on.setdefault(pallet.sscc, notice.number)
            if other != notice.number:
                row = next(number for number, each in groups[notice.number] if each.pallet == pallet.sscc)
                text = f"pallet {pallet.sscc} stands on ship notice {other} already; an SSCC names one pallet"
                yield RowFault(row, "pallet", "pallet_announced", text, {"sscc": pallet.sscc, "notice": other})


def _lots(connection: Connection, new: Sequence[tuple[int, ShipNotice]], groups: Mapping[str, Sequence[Numbered]]) -> Iterator[RowFault]:
    """Two last days for one lot, in the file or against the catalog."""
    rows = [each for _, notice in new for each in groups[notice.number] if each[1].lot and each[1].expiry]
    named = _named(connection, rows)
    lots = sorted({row.lot for _, row in rows})
    query = select(catalog_lot.c.item, catalog_lot.c.lot, catalog_lot.c.expiry).where(among(connection, catalog_lot.c.lot, lots))
    known = {(row.item, row.lot): row.expiry for row in connection.execute(query)} if rows else {}
    for number, row in rows:
        key = (named[row.item][0], row.lot)
        before = known.get(key)
        if before is None:
            known[key] = row.expiry
        elif before != row.expiry:
            text = f"lot {row.lot} of item {key[0]} is known with expiry {before}, not {row.expiry}; correct one of them"
            yield RowFault(number, "expiry", "lot_expiry_differs", text, {"lot": row.lot, "known": str(before), "said": str(row.expiry)})


def _undo(connection: Connection, traces: Sequence[Trace], _sender: Sender) -> None:
    """Take notices back of which nothing has come. Raises: ConflictError: something has, or somebody said how far one is."""
    numbers = [trace.key[0] for trace in traces]
    touched = (
        select(ship_notice.c.number)
        .where(among(connection, ship_notice.c.number, numbers))
        .where(
            (ship_notice.c.state != "open")
            | exists().where(receipt.c.notice == ship_notice.c.number)
            | exists().where(passage.c.notice == ship_notice.c.number)
            | exists().where(discrepancy.c.notice == ship_notice.c.number)
            | exists().where(ship_notice_line.c.notice == ship_notice.c.number, ship_notice_line.c.received > 0)
        )
    )
    used = connection.execute(touched.order_by(ship_notice.c.number)).scalar()
    if used is not None:
        raise ConflictError("changed_since", f"goods of ship notice {used} have come since this import; put that right by hand, nothing was undone")
    links = connection.execute(select(purchase_notice).where(among(connection, purchase_notice.c.notice, numbers))).all()
    for link in links:
        mine = purchase_line.c.id == link.purchase_line
        connection.execute(update(purchase_line).where(mine).values(noticed=purchase_line.c.noticed - link.quantity))
    lines = select(ship_notice_line.c.id).where(among(connection, ship_notice_line.c.notice, numbers))
    connection.execute(delete(ship_notice_case).where(ship_notice_case.c.line.in_(lines)))
    connection.execute(delete(ship_notice_unit).where(ship_notice_unit.c.line.in_(lines)))
    for table in (purchase_notice, ship_notice_line, ship_notice_nest, ship_notice_pallet):
        connection.execute(delete(table).where(among(connection, table.c.notice, numbers)))
    connection.execute(delete(ship_notice).where(among(connection, ship_notice.c.number, numbers)))


SHEETS = [SheetKind("ship-notices", "Ship notices", "发货通知", NoticeRow, repeated_rows, _plan, _undo)]
"""Lists of inbound that come from spreadsheets."""
