# SPDX-License-Identifier: Apache-2.0
"""Use cases of the catalog: keep master data, import it, learn lots, correct stock. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from central.catalog import rules
from central.catalog.sheets import Sheet, SheetError
from central.catalog.tables import item, location, lot, partner, stock_level, zone
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Status

_TABLES: dict[type[rules.Row], Table] = {
    rules.Item: item,
    rules.Location: location,
    rules.Zone: zone,
    rules.StockLevel: stock_level,
    rules.Partner: partner,
}
_LEVEL_FIELDS = ("item", "place", "minimum", "maximum")


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do: rows of the file that are good, and every error. With errors nothing is written."""

    rows: int
    written: bool
    errors: tuple[SheetError, ...]


class UnknownItemError(NotFoundError):
    """No item has this code or GTIN."""

    def __init__(self, what: str) -> None:
        super().__init__("unknown_item", f"item {what} is not in the catalog; add it, then send the same again")


def keep(connection: Connection, rows: Sequence[rules.Row]) -> None:
    """Write rows of one kind; a row whose key is known replaces what is there.

    Raises: ConflictError: a GTIN belongs to another item. NotFoundError: a row names an item, location or zone's place that is not known.
    """
    problems = _problems(connection, list(enumerate(rows)))
    if problems:
        first = problems[0]
        raise (ConflictError if first.code == "gtin_taken" else NotFoundError)(first.code, first.message)
    if rows:
        _write(connection, rows)


def import_sheet(connection: Connection, sheet: Sheet, dry_run: bool) -> Imported:
    """Take a spreadsheet in, all of it or nothing; with `dry_run` only say what would happen."""
    errors = (*sheet.errors, *_problems(connection, sheet.rows))
    written = not errors and not dry_run and bool(sheet.rows)
    if written:
        _write(connection, [row for _, row in sheet.rows])
    return Imported(len(sheet.rows), written, tuple(sorted(errors, key=lambda each: (each.row, each.column))))


def _write(connection: Connection, rows: Sequence[rules.Row]) -> None:
    table = _TABLES[type(rows[0])]
    _upsert(connection, table, [_values(row) for row in rows])
    if table is location:
        ledger.places_changed(connection, [row.place for row in rows if isinstance(row, rules.Location)])


def _values(row: rules.Row) -> dict[str, Any]:
    match row:
        case rules.Location():
            return {"place": row.place, **row.model_dump()}
        case rules.StockLevel():
            return {name: getattr(row, name) for name in _LEVEL_FIELDS}
    return row.model_dump()


def _upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    others = {name: statement.excluded[name] for name in rows[0] if name not in table.primary_key.columns}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others), rows)


def _problems(connection: Connection, rows: Sequence[tuple[int, rules.Row]]) -> list[SheetError]:
    """What the database has against rows that are well-formed by themselves."""
    items = [(number, row) for number, row in rows if isinstance(row, rules.Item)]
    levels = [(number, row) for number, row in rows if isinstance(row, rules.StockLevel)]
    return _gtins_taken(connection, items) + _levels_unknown(connection, levels)


def _gtins_taken(connection: Connection, rows: Sequence[tuple[int, rules.Item]]) -> list[SheetError]:
    owners = _pairs(connection, item.c.gtin, item.c.code, {row.gtin for _, row in rows if row.gtin})
    return [
        SheetError(number, "gtin", "gtin_taken", f"GTIN {row.gtin} belongs to item {owners[row.gtin]}; one GTIN is one item")
        for number, row in rows
        if row.gtin and owners.get(row.gtin, row.code) != row.code
    ]


def _levels_unknown(connection: Connection, rows: Sequence[tuple[int, rules.StockLevel]]) -> list[SheetError]:
    items = _pairs(connection, item.c.code, item.c.code, {row.item for _, row in rows})
    places = _pairs(connection, location.c.place, location.c.place, {row.place for _, row in rows})
    unknown = [
        SheetError(number, "item", "unknown_item", f"item {row.item} is not in the catalog; import the items first")
        for number, row in rows
        if row.item not in items
    ]
    return unknown + [
        SheetError(number, "location", "unknown_location", f"location {row.place} is not in the catalog; import the locations first")
        for number, row in rows
        if row.location and row.place not in places
    ]


def _pairs(connection: Connection, key: Any, value: Any, wanted: Iterable[str]) -> dict[str, str]:
    keys, found = sorted(wanted), dict[str, str]()
    for start in range(0, len(keys), 500):
        found |= {row[0]: row[1] for row in connection.execute(select(key, value).where(key.in_(keys[start : start + 500])))}
    return found


def item_by_code(connection: Connection, code: str) -> Row[Any]:
    """An item's row. Raises: UnknownItemError."""
    row = connection.execute(select(item).where(item.c.code == code)).one_or_none()
    if row is None:
        raise UnknownItemError(code)
    return row


def item_by_gtin(connection: Connection, gtin: str) -> Row[Any]:
    """The item of a GTIN (14 digits). Raises: UnknownItemError."""
    row = connection.execute(select(item).where(item.c.gtin == gtin)).one_or_none()
    if row is None:
        raise UnknownItemError(f"with GTIN {gtin}")
    return row


def learn_lot(connection: Connection, code: str, number: str, expiry: date | None) -> date | None:
    """Know a lot from now on; returns the expiry that the catalog had before if it differs from `expiry`, else None.

    What the catalog knows is never overwritten from a document or a label: a person decides.
    """
    if not number:
        return None
    row = connection.execute(select(lot).where(lot.c.item == code, lot.c.lot == number)).one_or_none()
    if row is None:
        connection.execute(insert(lot).values(item=code, lot=number, expiry=expiry))
        return None
    if row.expiry is None and expiry is not None:
        change_expiry(connection, code, number, expiry)
        return None
    known: date | None = row.expiry
    return known if expiry is not None and known != expiry else None


def change_expiry(connection: Connection, code: str, number: str, expiry: date) -> None:
    """Set a lot's last day of use, and with it the order in which its stock leaves. Raises: NotFoundError."""
    if connection.execute(update(lot).where(lot.c.item == code, lot.c.lot == number).values(expiry=expiry)).rowcount == 0:
        raise NotFoundError("unknown_lot", f"lot {number} of item {code} is not known")
    ledger.lot_changed(connection, code, number)


def location_by_place(connection: Connection, place: str) -> Row[Any]:
    """A location's row. Raises: NotFoundError."""
    row = connection.execute(select(location).where(location.c.place == place)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_location", f"location {place} is not in the catalog; add it first")
    return row


def place_for_goods(connection: Connection, site: str, condition: str) -> str:
    """Where received goods are put: the first storage place of the site that offers the item's condition, else its first stage.

    Raises: DomainError: the site has neither.
    """
    ordered = select(location.c.place).where(location.c.site == site).order_by(location.c.pick_rank, location.c.code).limit(1)
    stored = connection.execute(ordered.where(location.c.kind == "storage", location.c.condition == condition)).scalar()
    place: str | None = stored or connection.execute(ordered.where(location.c.kind == "stage")).scalar()
    if place is None:
        raise DomainError("no_place_for_goods", f"site {site} has no storage for {condition} goods and no stage; add a location of kind storage or stage")
    return place


def stage_of(connection: Connection, site: str) -> str:
    """Where picked goods wait for their shipment: the first stage of a site. Raises: DomainError: it has none."""
    query = select(location.c.place).where(location.c.site == site, location.c.kind == "stage").order_by(location.c.pick_rank, location.c.code).limit(1)
    place: str | None = connection.execute(query).scalar()
    if place is None:
        raise DomainError("no_stage", f"site {site} has no location of kind stage; add one for picked goods")
    return place


def zone_of(connection: Connection, site: str, zone_id: str) -> Row[Any] | None:
    """A zone's row; None when it is not known."""
    return connection.execute(select(zone).where(zone.c.site == site, zone.c.id == zone_id)).one_or_none()


@dataclass(frozen=True)
class Correction:
    """Stock that is there (positive) or not there (negative) against the books; `expiry` is taken over for a lot that is not known yet."""

    place: str
    item: str
    quantity: int
    lot: str = ""
    expiry: date | None = None
    status: Status = "available"


def correct_stock(connection: Connection, fact: ledger.Fact, corrections: Sequence[Correction], now: datetime) -> bool:
    """Post opening stock and corrections against the virtual place of count differences; returns False when the fact was posted before.

    Raises: NotFoundError: item or location unknown. ConflictError: a lot's expiry differs from the catalog. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    for each in corrections:
        item_by_code(connection, each.item)
        location_by_place(connection, each.place)
        _same_expiry(connection, each)
    ledger.lock(connection, {(each.place.partition("/")[0], each.item) for each in corrections})
    ledger.post(connection, fact.id, [leg for each in corrections for leg in _legs(each)])
    return True


def _same_expiry(connection: Connection, each: Correction) -> None:
    known = learn_lot(connection, each.item, each.lot, each.expiry)
    if known is not None:
        text = f"lot {each.lot} of item {each.item} is known with expiry {known}, not {each.expiry}; correct one of them"
        raise ConflictError("lot_expiry_differs", text)


def _legs(each: Correction) -> tuple[ledger.Leg, ledger.Leg]:
    account = ledger.Account(each.place, each.item, each.lot, status=each.status)
    return ledger.Leg(account.at(COUNT_DIFFERENCE), -each.quantity), ledger.Leg(account, each.quantity)


def move_stock(connection: Connection, fact: ledger.Fact, source: ledger.Account, target: ledger.Account, quantity: int, now: datetime) -> bool:
    """Move stock of one account to another place or status (put back, released from inspection, found damaged); returns False when done before.

    Raises: NotFoundError: the target's place is unknown. ConflictError: places of two sites. InsufficientStockError: less is there and free.
    """
    if ledger.record(connection, fact, now).already:
        return False
    location_by_place(connection, target.place)
    if source.site != target.site:
        raise ConflictError("two_sites", f"{source.place} and {target.place} are at two sites; that is a transfer and not a move")
    ledger.lock(connection, [(source.site, source.item)])
    ledger.post(connection, fact.id, [ledger.Leg(source, -quantity), ledger.Leg(target, quantity)])
    return True
