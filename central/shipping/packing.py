# SPDX-License-Identifier: Apache-2.0
"""Use cases of the pack station: open a package, put goods in and take them out, close it, throw it away. Each runs inside the caller's transaction.

Whoever packs an order holds its row of `packing`, and takes it before any fence. Only ingest may hold fences of earlier events of a group when it comes
to a package; should somebody wait for each other then, the database chooses one, whose transaction is done anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import service as ledger
from central.outbound import picked_serials
from central.outbound.service import order_by_id
from central.outbound.tables import customer_order, pick_task
from central.shipping import placement, rules, trail
from central.shipping.documents import CartonType, OpenPackage, PackItem, SiteSettings
from central.shipping.scans import read_scan
from central.shipping.tables import carton_type, package, package_line, packing, shipping_site
from central.stock import numbers

_PACKABLE = ("released", "picked")
_SIDES = ("length", "width", "height")
_WALL_MM = 6
"""What both walls of a carton add to its inside where nobody measured the outside (guessed: 3 mm single wall)."""


def keep_site(connection: Connection, settings: SiteSettings) -> None:
    """Set how a site ships. Raises: ConflictError: its numbers would meet those of another prefix of ours."""
    numbers.own_prefix(connection, settings.extension + settings.company_prefix)
    values = settings.model_dump()
    statement = insert_or_leave(connection, shipping_site).values(**values)
    others = {name: statement.excluded[name] for name in values if name != "site"}
    connection.execute(statement.on_conflict_do_update(index_elements=["site"], set_=others))


def keep_cartons(connection: Connection, cartons: Sequence[CartonType]) -> None:
    """Write carton types; one whose code is known is replaced."""
    rows = [completed(each).model_dump() for each in cartons]
    if not rows:
        return
    statement = insert_or_leave(connection, carton_type)
    others = {name: statement.excluded[name] for name in rows[0] if name != "code"}
    connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=others), rows)


def completed(carton: CartonType) -> CartonType:
    """A carton type with its outside, which is guessed where nobody measured it."""
    outside = {f"outer_{side}_mm": getattr(carton, f"outer_{side}_mm") or getattr(carton, f"inner_{side}_mm") + _WALL_MM for side in _SIDES}
    return carton.model_copy(update=outside)


def site_settings(connection: Connection, site: str) -> Row[Any]:
    """How a site ships. Raises: DomainError: nobody has said so yet."""
    row = connection.execute(select(shipping_site).where(shipping_site.c.site == site)).one_or_none()
    if row is None:
        raise DomainError("site_not_set_up", f"site {site} has no GS1 company prefix for packages; set it with PUT /api/v1/shipping/sites")
    return row


def issue_sscc(connection: Connection, site: str) -> str:
    """The next SSCC of a site's packages; given once, whatever happens to the package. Raises: DomainError."""
    settings = site_settings(connection, site)
    return numbers.issue(connection, settings.extension + settings.company_prefix)


def hold_packing(connection: Connection, order_id: str, site: str, now: datetime) -> None:
    """Take the order's row of `packing`: nobody else packs or ships it until this transaction ends."""
    made = insert_or_leave(connection, packing).values(order_id=order_id, site=site, opened_at=now).on_conflict_do_nothing()
    connection.execute(made)
    connection.execute(select(packing.c.order_id).where(packing.c.order_id == order_id).with_for_update())


def package_by_sscc(connection: Connection, sscc: str) -> Row[Any]:
    """A package's row. Raises: NotFoundError."""
    row = connection.execute(select(package).where(package.c.sscc == sscc)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_package", f"package {sscc} is not one of ours; scan the label again, or open a package for the order")
    return row


def held_package(connection: Connection, sscc: str, now: datetime) -> Row[Any]:
    """A package's row as it stands while its order's packing is held. Raises: NotFoundError."""
    seen = package_by_sscc(connection, sscc)
    hold_packing(connection, seen.order_id, seen.site, now)
    return package_by_sscc(connection, sscc)


def open_package(connection: Connection, fact: ledger.Fact, body: OpenPackage, now: datetime) -> str:
    """Begin a package for an order and give it its SSCC; the same fact again gives the same package.

    Raises: NotFoundError: no such order, tote or carton type. ConflictError: the order is not being picked. DomainError.
    """
    if ledger.record(connection, fact, now).already:
        return str(connection.execute(select(package.c.sscc).where(package.c.opened_by == fact.id)).scalar_one())
    order = order_by_id(connection, body.order_id) if body.order_id else order_by_tote(connection, body.site, body.tote or "")
    if order.site != body.site:
        raise ConflictError("two_sites", f"order {order.number} is packed at {order.site}, not at {body.site}; send the goods there")
    hold_packing(connection, order.id, order.site, now)
    if order_by_id(connection, order.id).state not in _PACKABLE:
        raise ConflictError("order_not_packable", f"order {order.number} is {order.state}; only what is being picked or is picked can be packed")
    carton = _carton(connection, body.carton_type) if body.carton_type else None
    sscc = issue_sscc(connection, order.site)
    values = {
        "sscc": sscc,
        "order_id": order.id,
        "site": order.site,
        "kind": carton.kind if carton else body.kind,
        "carton_type": body.carton_type,
        "tare_g": body.tare_g if body.tare_g is not None else (carton.tare_g if carton else None),
        "opened_by": fact.id,
        "actor": body.actor,
        "station": body.station,
        "opened_at": now,
    }
    connection.execute(insert(package).values(**values))
    return sscc


def _carton(connection: Connection, code: str) -> Row[Any]:
    row = connection.execute(select(carton_type).where(carton_type.c.code == code)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_carton_type", f"carton type {code} is not known; add it with PUT /api/v1/shipping/cartons")
    return row


def order_by_tote(connection: Connection, site: str, tote: str) -> Row[Any]:
    """The youngest order in work whose tote or number this is, or some of whose picks lie in this tote. Raises: NotFoundError."""
    picked_into = select(pick_task.c.order_id).where(pick_task.c.site == site, pick_task.c.tote == tote, pick_task.c.tote != "")
    named = or_(customer_order.c.tote == tote, customer_order.c.number == tote, customer_order.c.id.in_(picked_into))
    query = select(customer_order).where(customer_order.c.site == site, named, customer_order.c.state.in_(_PACKABLE))
    row = connection.execute(query.order_by(customer_order.c.created_at.desc(), customer_order.c.id).limit(1)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_tote", f"no order in work at {site} has tote or number {tote}; scan the tote again, or look for the order by its number")
    return row


def picked_of(connection: Connection, order_id: str) -> dict[rules.Content, int]:
    """What was picked for an order, by item and lot."""
    query = select(pick_task.c.item, pick_task.c.lot, func.sum(pick_task.c.taken)).where(pick_task.c.order_id == order_id, pick_task.c.taken > 0)
    return {(item, lot): int(quantity) for item, lot, quantity in connection.execute(query.group_by(pick_task.c.item, pick_task.c.lot))}


def packed_of(connection: Connection, order_id: str) -> dict[rules.Content, int]:
    """What lies in packages of an order, by item and lot."""
    query = select(package_line.c.item, package_line.c.lot, func.sum(package_line.c.quantity)).join(package, package.c.sscc == package_line.c.sscc)
    rows = connection.execute(query.where(package.c.order_id == order_id, package.c.state != "void").group_by(package_line.c.item, package_line.c.lot))
    return {(item, lot): int(quantity) for item, lot, quantity in rows}


def left_of(connection: Connection, order_id: str) -> dict[rules.Content, int]:
    """What of an order is picked and in no package yet."""
    return rules.left_to_pack(picked_of(connection, order_id), packed_of(connection, order_id))


def pack_item(connection: Connection, fact: ledger.Fact, sscc: str, body: PackItem, now: datetime) -> None:
    """Put goods into an open package; the same fact again changes nothing.

    Raises: NotFoundError: no such package or item. ConflictError: the package is closed, or the goods are not of the order, of another lot, too many,
    without their serial numbers, or with those of pieces that are elsewhere.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _open(held_package(connection, sscc, now))
    order = order_by_id(connection, row.order_id)
    scan = _scan_of(connection, body)
    packed = rules.judge_scan(order.number, scan, picked_of(connection, order.id), left_of(connection, order.id))
    tracked = connection.execute(select(catalog_item.c.tracking).where(catalog_item.c.code == packed.item)).scalar_one() == "serial"
    rules.check_serials(order.number, packed, tracked=tracked, known=_serials_of(connection, order.id, packed.item))
    if tracked:
        _name_pieces(connection, fact.id, order, packed, now)
    _put_in(connection, sscc, packed)


def _name_pieces(connection: Connection, fact_id: str, order: Row[Any], packed: rules.Packed, now: datetime) -> None:
    """The serials scanned here name the order's pieces, where the pick did not, or named others that are in no package."""
    ledger.lock(connection, [(order.site, packed.item)])
    said = picked_serials.Naming(fact_id, order.id, packed.item, packed.lot, packed.serials, now)
    picked_serials.name_picked(connection, said, _serials_of(connection, order.id, packed.item))


def _open(row: Row[Any]) -> Row[Any]:
    if row.state != "open":
        raise ConflictError("package_closed", f"package {row.sscc} is {row.state}; open another package for these goods")
    return row


def _scan_of(connection: Connection, body: PackItem) -> rules.Scanned:
    if body.text is not None:
        read = read_scan(connection, body.text)
        serials = read.serials or tuple(body.serials)
        return rules.Scanned(read.item, read.lot if read.lot is not None else body.lot, body.quantity or read.quantity, serials)
    found = catalog.named(connection, body.gtin or body.item or "")
    return rules.Scanned(found.item, body.lot, body.quantity or (found.quantity if found.quantity != 1 else None), tuple(body.serials))


def _serials_of(connection: Connection, order_id: str, item: str) -> set[str]:
    query = select(package_line.c.serials).join(package, package.c.sscc == package_line.c.sscc)
    rows = connection.execute(query.where(package.c.order_id == order_id, package.c.state != "void", package_line.c.item == item)).scalars()
    return {serial for serials in rows for serial in serials}


def _put_in(connection: Connection, sscc: str, packed: rules.Packed) -> None:
    here = (package_line.c.sscc == sscc) & (package_line.c.item == packed.item) & (package_line.c.lot == packed.lot)
    known = connection.execute(select(package_line.c.quantity, package_line.c.serials).where(here)).one_or_none()
    if known is None:
        values = {"sscc": sscc, "item": packed.item, "lot": packed.lot, "quantity": packed.quantity, "serials": list(packed.serials)}
        connection.execute(insert(package_line).values(**values))
        return
    together = {"quantity": known.quantity + packed.quantity, "serials": [*known.serials, *packed.serials]}
    connection.execute(update(package_line).where(here).values(**together))


def take_out(connection: Connection, fact: ledger.Fact, sscc: str, content: rules.Content, quantity: int, now: datetime) -> None:
    """Take goods out of an open package; the same fact again changes nothing.

    Raises: NotFoundError. ConflictError `not_packed`: less lies in it. `package_closed`.
    """
    if ledger.record(connection, fact, now).already:
        return
    _open(held_package(connection, sscc, now))
    item, lot = content
    here = (package_line.c.sscc == sscc) & (package_line.c.item == item) & (package_line.c.lot == lot)
    known = connection.execute(select(package_line.c.quantity, package_line.c.serials).where(here)).one_or_none()
    if known is None or known.quantity < quantity:
        there = known.quantity if known else 0
        raise ConflictError("not_packed", f"package {sscc}: {quantity} of item {item} lot {lot or '-'} to be taken out, {there} lie in it; count again")
    if known.quantity == quantity:
        connection.execute(package_line.delete().where(here))
        return
    if known.serials:
        text = f"package {sscc}: item {item} has serial numbers; take all {known.quantity} out and pack again what stays"
        raise ConflictError("serials_needed", text)
    connection.execute(update(package_line).where(here).values(quantity=known.quantity - quantity))


def close_package(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime) -> bool:
    """Close a package: nothing more goes in. Returns whether it was done now; closed already, or the same fact again, changes nothing.

    Raises: NotFoundError. ConflictError: it is empty or thrown away.
    """
    if ledger.record(connection, fact, now).already:
        return False
    row = held_package(connection, sscc, now)
    if row.state in ("closed", "loaded", "shipped"):
        return False
    _open(row)
    if not contents_of(connection, sscc):
        raise ConflictError("package_empty", f"package {sscc} is empty; pack something, or throw it away")
    connection.execute(update(package).where(package.c.sscc == sscc).values(state="closed", closed_at=now))
    trail.note(connection, fact.id, "closed", [sscc])
    return True


def reopen_package(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime) -> None:
    """Open a closed package again, e.g. after a wrong weight; open already, or the same fact again, changes nothing.

    Raises: NotFoundError. ConflictError: it left or was loaded.
    """
    if not ledger.record(connection, fact, now).already:
        open_again(connection, fact.id, sscc, now)


def open_again(connection: Connection, fact_id: str, sscc: str, now: datetime) -> None:
    """As `reopen_package`, for a fact that is recorded already."""
    row = held_package(connection, sscc, now)
    if row.state == "open":
        return
    if row.state != "closed":
        raise ConflictError("package_gone", f"package {sscc} is {row.state}; take the goods back as a return, or pack another package")
    values = {"state": "open", "closed_at": None, "verdict": "", "weight_mg": None, "weighed_at": None}
    connection.execute(update(package).where(package.c.sscc == sscc).values(**values))
    trail.note(connection, fact_id, "opened", [sscc])


def void_package(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime) -> None:
    """Throw a package away: its goods are to be packed anew, its number is never used again, and no carrier comes for it. Thrown away already changes nothing.

    Raises: NotFoundError. ConflictError: it left.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = held_package(connection, sscc, now)
    if row.state == "void":
        return
    if row.state not in ("open", "closed"):
        raise ConflictError("package_gone", f"package {sscc} is {row.state}; it cannot be thrown away any more")
    connection.execute(update(package).where(package.c.sscc == sscc).values(state="void"))
    if row.state == "closed":
        trail.note(connection, fact.id, "void", [sscc])
    placement.take_back(connection, sscc, now)


def contents_of(connection: Connection, sscc: str) -> Sequence[Row[Any]]:
    """The lines of a package with name, GTIN and weight of their items, by item and lot."""
    known = (catalog_item.c.name, catalog_item.c.name_zh, catalog_item.c.gtin, catalog_item.c.unit_weight_g, catalog_item.c.uom)
    query = select(package_line, *known).join(catalog_item, catalog_item.c.code == package_line.c.item)
    return connection.execute(query.where(package_line.c.sscc == sscc).order_by(package_line.c.item, package_line.c.lot)).all()


def weight_by_item(connection: Connection, sscc: str) -> list[tuple[str, int, int | None]]:
    """(item, quantity, weight of one in grams or None) of a package."""
    totals: dict[str, int] = defaultdict(int)
    weights: dict[str, int | None] = {}
    for line in contents_of(connection, sscc):
        totals[line.item] += line.quantity
        weights[line.item] = line.unit_weight_g
    return [(item, quantity, weights[item]) for item, quantity in totals.items()]
