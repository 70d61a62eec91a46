# SPDX-License-Identifier: Apache-2.0
"""Labels and papers of packages, orders and goods, made from what is stored: packing list, pick list, outbound document, delivery note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, tuple_

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.catalog.tables import lot as catalog_lot
from central.catalog.tables import partner
from central.outbound.service import order_by_id
from central.outbound.tables import order_line, pick_task
from central.shipping import packing, placement, queries
from central.shipping.courier import weight_of
from central.shipping.labels import gs1
from central.shipping.labels.label import ContentLine, ItemLabel, LogisticLabel, bars
from central.shipping.labels.typesetting import Format, typeset
from central.shipping.labels.wording import Language, word, words
from central.shipping.tables import package, shipping_site

Paper = Literal["packing_list", "pick_list", "outbound_document", "delivery_note"]
_BAR_MODULE_MM = 0.375
_BAR_WIDTH_MM = 75


def package_label(connection: Connection, sscc: str, language: Language) -> LogisticLabel:
    """What the label of a package says. Raises: NotFoundError."""
    box = packing.package_by_sscc(connection, sscc)
    order = order_by_id(connection, box.order_id)
    siblings = select(package.c.sscc).where(package.c.order_id == order.id, package.c.state != "void").order_by(package.c.sscc)
    ssccs = list(connection.execute(siblings).scalars())
    sender = connection.execute(select(shipping_site.c.sender).where(shipping_site.c.site == box.site)).scalar()
    carried = queries.carrier_order_for(connection, sscc)
    lines = packing.contents_of(connection, sscc)
    return LogisticLabel(
        sscc=sscc,
        order=order.number,
        sender=address_lines(sender),
        receiver=address_lines(placement.address_of(connection, order.id)) or (_partner_name(connection, order.partner),),
        carrier=(carried["carrier"] if carried else order.carrier) or "",
        waybill=(carried["waybill"] or "") if carried else "",
        number=ssccs.index(sscc) + 1 if sscc in ssccs else 1,
        packages=max(1, len(ssccs)),
        weight_g=weight_of(box, lines) if box.weight_mg is not None or all(line.unit_weight_g for line in lines) else None,
        contents=_content_lines(connection, lines, language),
        language=language,
    )


def address_lines(address: Mapping[str, Any] | None) -> tuple[str, ...]:
    """An address as it is written on a label: who, where, the rest; Chinese from the large to the small. Empty when nothing is known."""
    given = {name: str(value) for name, value in (address or {}).items() if isinstance(value, str)}
    who = " ".join(part for part in (given.get("name", ""), given.get("phone", "")) if part)
    region = "".join(dict.fromkeys(given.get(name, "") for name in ("province", "city", "district")))
    if region.isascii():
        region = " ".join(part for name in ("district", "city", "province", "postcode") if (part := given.get(name, "")))
        return tuple(line for line in (who, given.get("street", ""), region) if line)
    return tuple(line for line in (who, region, given.get("street", "")) if line)


def _partner_name(connection: Connection, code: str) -> str:
    name: str | None = connection.execute(select(partner.c.name).where(partner.c.code == code)).scalar()
    return name or code


def _content_lines(connection: Connection, lines: Sequence[Row[Any]], language: Language) -> tuple[ContentLine, ...]:
    pairs = [(line.item, line.lot) for line in lines]
    rows = connection.execute(select(catalog_lot).where(tuple_(catalog_lot.c.item, catalog_lot.c.lot).in_(pairs))) if pairs else ()
    lots = {(row.item, row.lot): row for row in rows}
    return tuple(_content_line(line, lots.get((line.item, line.lot)), language) for line in lines)


def _content_line(line: Row[Any], known: Row[Any] | None, language: Language) -> ContentLine:
    name = (line.name_zh if language == "zh" else "") or line.name
    return ContentLine(line.item, name, line.gtin, line.lot, int(line.quantity), known.expiry if known else None, known.best_before if known else None)


def item_label(connection: Connection, code: str, lot: str, serial: str, language: Language) -> ItemLabel:
    """The label of a piece of an item and lot. Raises: UnknownItemError."""
    row = catalog.item_by_code(connection, code)
    known = connection.execute(select(catalog_lot).where(catalog_lot.c.item == code, catalog_lot.c.lot == lot)).one_or_none()
    name = (row.name_zh if language == "zh" else "") or row.name
    line = ContentLine(code, name, row.gtin, lot, 1, known.expiry if known else None, known.best_before if known else None)
    return ItemLabel(line, row.condition, serial, language)


def order_paper(connection: Connection, order_id: str, paper: Paper, language: Language, now: datetime, form: Format = "pdf") -> bytes:
    """A paper of an order. Raises: NotFoundError, NoFontError."""
    order = order_by_id(connection, order_id)
    parts, signatures = _PARTS[paper](connection, order, language)
    elements = (gs1.sscc(parts[0]["sscc"]),) if paper == "packing_list" and len(parts) == 1 else ()
    data = {
        "words": words(language),
        "title": word(paper, language),
        "number": order.number,
        "bars": bars(elements, _BAR_MODULE_MM, _BAR_WIDTH_MM),
        "facts": _facts(connection, order, language),
        "parts": parts,
        "signatures": signatures,
        "footer": f"{word('printed', language)} {now:%Y-%m-%d %H:%M} UTC",
    }
    return typeset("paper", data, form)


def _facts(connection: Connection, order: Row[Any], say: Language) -> list[tuple[str, str]]:
    to = ", ".join(address_lines(placement.address_of(connection, order.id)))
    known = [
        (word("order", say), f"{order.channel} {order.number}"),
        (word("site", say), str(order.site or "-")),
        (word("customer", say), _partner_name(connection, order.partner)),
        (word("to", say), to or "-"),
    ]
    waybills = queries.waybills_of(connection, order.id)
    return [*known, (word("waybill", say), ", ".join(waybills))] if waybills else known


def _boxes(connection: Connection, order_id: str) -> Sequence[Row[Any]]:
    return connection.execute(select(package).where(package.c.order_id == order_id, package.c.state != "void").order_by(package.c.sscc)).all()


_Parts = tuple[list[dict[str, Any]], list[str]]


def _packing_list(connection: Connection, order: Row[Any], say: Language) -> _Parts:
    heads = [word(key, say) for key in ("line", "item", "name", "lot", "expiry", "quantity")]
    parts = []
    boxes = _boxes(connection, order.id)
    for n, box in enumerate(boxes, start=1):
        lines = packing.contents_of(connection, box.sscc)
        rows = [_content_row(k, line) for k, line in enumerate(_content_lines(connection, lines, say), start=1)]
        weight = f"{weight_of(box, lines) / 1000:.2f} kg"
        title = f"{word('package', say)} {n} / {len(boxes)}   SSCC {box.sscc}   {weight}"
        parts.append({**_table(title, heads, rows, [13, 28, 0, 26, 24, 20], [0, 5]), "sscc": box.sscc})
    return parts or [{**_table("", heads, [], [13, 28, 0, 26, 24, 20], [0, 5]), "sscc": ""}], []


def _content_row(n: int, line: ContentLine) -> list[str]:
    keeps = line.expiry or line.best_before
    return [str(n), line.item, line.name, line.lot or "-", keeps.isoformat() if keeps else "-", str(line.quantity)]


def _table(title: str, heads: list[str], rows: list[list[str]], widths: list[int], numbers: list[int]) -> dict[str, Any]:
    return {"title": title, "heads": heads, "rows": rows, "widths": widths, "numbers": numbers}


def _pick_list(connection: Connection, order: Row[Any], say: Language) -> _Parts:
    query = select(pick_task, catalog_item.c.name, catalog_item.c.name_zh).join(catalog_item, catalog_item.c.code == pick_task.c.item)
    tasks = connection.execute(
        query.where(pick_task.c.order_id == order.id, pick_task.c.state != "cancelled").order_by(pick_task.c.sequence, pick_task.c.bin, pick_task.c.id)
    ).all()
    rows = [
        [str(n), task.bin, task.item, (task.name_zh if say == "zh" else "") or task.name, task.lot or "-", task.tote or "-", str(task.requested), _taken(task)]
        for n, task in enumerate(tasks, start=1)
    ]
    heads = [word(key, say) for key in ("line", "bin", "item", "name", "lot", "tote", "quantity", "picked")]
    return [{**_table("", heads, rows, [12, 20, 24, 0, 22, 18, 17, 17], [0, 6, 7]), "sscc": ""}], [word("picked", say)]


def _taken(task: Row[Any]) -> str:
    return str(task.taken) if task.state in ("done", "short") else "☐"


def _outbound_document(connection: Connection, order: Row[Any], say: Language) -> _Parts:
    return _order_lines(connection, order, say), [word("signed_sender", say), word("carrier", say)]


def _delivery_note(connection: Connection, order: Row[Any], say: Language) -> _Parts:
    return _order_lines(connection, order, say), [word("signed_sender", say), word("signed_receiver", say)]


def _order_lines(connection: Connection, order: Row[Any], say: Language) -> list[dict[str, Any]]:
    query = select(order_line, catalog_item.c.name, catalog_item.c.name_zh, catalog_item.c.uom).join(catalog_item, catalog_item.c.code == order_line.c.item)
    lines = connection.execute(query.where(order_line.c.order_id == order.id).order_by(order_line.c.n)).all()
    lots = _lots_of(connection, order.id)
    rows = [
        [
            str(line.n),
            line.item,
            (line.name_zh if say == "zh" else "") or line.name,
            lots.get(line.id, "-"),
            line.uom,
            str(line.quantity),
            str(line.picked),
        ]
        for line in lines
    ]
    heads = [word(key, say) for key in ("line", "item", "name", "lot", "unit", "ordered", "shipped")]
    return [{**_table("", heads, rows, [13, 26, 0, 34, 14, 19, 19], [0, 5, 6]), "sscc": ""}]


def _lots_of(connection: Connection, order_id: str) -> dict[str, str]:
    """By line the lots that were picked for it, with their quantities where there are several."""
    query = select(pick_task.c.line_id, pick_task.c.lot, pick_task.c.taken).where(
        pick_task.c.order_id == order_id, pick_task.c.taken > 0, pick_task.c.lot != ""
    )
    taken: dict[str, dict[str, int]] = {}
    for line_id, lot, quantity in connection.execute(query.order_by(pick_task.c.lot)):
        taken.setdefault(line_id, {})[lot] = taken.get(line_id, {}).get(lot, 0) + int(quantity)
    return {line_id: ", ".join(f"{lot} × {quantity}" if len(lots) > 1 else lot for lot, quantity in lots.items()) for line_id, lots in taken.items()}


_PARTS = {"packing_list": _packing_list, "pick_list": _pick_list, "outbound_document": _outbound_document, "delivery_note": _delivery_note}
