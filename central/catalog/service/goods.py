# SPDX-License-Identifier: Apache-2.0
"""Looking up goods for a use case: by whatever names them, how they are packed, what stands in for them, what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from central.bulk import among, keys_of, listed
from central.catalog.rules import ReasonKind, gtin_within, index_code
from central.catalog.tables import barcode, item, item_substitute, kit_component, packaging, partner, partner_item, reason
from central.errors import DomainError, NotFoundError

CHUNK = 500
"""Codes in one question: both databases bound the number of parameters of a statement."""


class UnknownItemError(NotFoundError):
    """No item has this code or GTIN."""

    def __init__(self, what: str) -> None:
        super().__init__("unknown_item", f"item {what} is not in the catalog; add it, then send the same again")


@dataclass(frozen=True, slots=True)
class Named:
    """What a code names: `quantity` smallest units of an item; `kind` says which row says so (item, gtin, packaging, alias)."""

    item: str
    quantity: int
    kind: str


class PackagingOf(NamedTuple):
    """A packaging of an item. Weight in grams gross, sizes in millimetres; None: not known."""

    code: str
    quantity: int
    gtin: str | None
    weight_g: int | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None


class Part(NamedTuple):
    """A component of a kit: so many smallest units in one of the kit."""

    component: str
    quantity: int


def chunks(codes: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Distinct codes, sorted, so many at a time."""
    ordered = sorted(set(codes))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def item_by_code(connection: Connection, code: str) -> Row[Any]:
    """An item's row. Raises: UnknownItemError."""
    row = connection.execute(select(item).where(item.c.code == code)).one_or_none()
    if row is None:
        raise UnknownItemError(code)
    return row


def item_by_gtin(connection: Connection, gtin: str) -> Row[Any]:
    """The item of a GTIN (14 digits), its own or a packaging's; `named` says how many units the GTIN stands for. Raises: UnknownItemError."""
    packed = select(barcode.c.item).where(barcode.c.code == gtin)
    row = connection.execute(select(item).where((item.c.gtin == gtin) | item.c.code.in_(packed)).order_by((item.c.gtin == gtin).desc()).limit(1)).one_or_none()
    if row is None:
        raise UnknownItemError(f"with GTIN {gtin}")
    return row


def items_by_code(connection: Connection, codes: Collection[str]) -> dict[str, Row[Any]]:
    """The rows of items; codes that no item has are left out."""
    return {row.code: row for row in connection.execute(select(item).where(among(connection, item.c.code, sorted(codes))))} if codes else {}


def items_by_gtin(connection: Connection, gtins: Collection[str]) -> dict[str, Row[Any]]:
    """As `item_by_gtin` for each; GTINs that name nothing are left out."""
    if not gtins:
        return {}
    packed = select(barcode.c.code.label("named"), item).join(item, item.c.code == barcode.c.item).where(among(connection, barcode.c.code, sorted(gtins)))
    found = {row.named: row for row in connection.execute(packed.order_by(item.c.code.desc()))}
    return found | {row.gtin: row for row in connection.execute(select(item).where(among(connection, item.c.gtin, sorted(gtins))))}


def named(connection: Connection, code: str) -> Named:
    """What a scanned or typed code names: an item code, a GTIN of 8 to 14 digits (of the item or of a packaging), an alias, a GS1 label.

    Raises: UnknownItemError.
    """
    found = all_named(connection, [code]).get(code)
    if found is None:
        raise UnknownItemError(code)
    return found


resolve = named


def all_named(connection: Connection, codes: Iterable[str]) -> dict[str, Named]:
    """What each of many codes names; those that name nothing are left out."""
    wanted = {code: (index_code(code), gtin_within(code)) for code in codes}
    found: dict[str, Named] = {}
    for part in chunks({key for keys in wanted.values() for key in keys if key}):
        for row in connection.execute(select(barcode).where(barcode.c.code.in_(part))):
            found[row.code] = Named(row.item, row.quantity, row.kind)
    return {code: found[key] for code, keys in wanted.items() if (key := next((each for each in keys if each in found), None)) is not None}


def packagings_of(connection: Connection, items: Iterable[str]) -> dict[str, list[PackagingOf]]:
    """The packagings of each item, largest first; an item without any has an empty list."""
    found: dict[str, list[PackagingOf]] = {code: [] for code in items}
    for code, *values in connection.execute(_packagings(connection.dialect.name), {"items": keys_of(connection, packaging.c.item, found)}):
        found[code].append(PackagingOf(*values))
    return found


@cache
def _packagings(dialect: str) -> Select[Any]:
    query = select(packaging.c.item, *(packaging.c[name] for name in PackagingOf._fields)).where(listed(dialect, packaging.c.item, "items"))
    return query.order_by(packaging.c.item, packaging.c.quantity.desc())


def removal_of(connection: Connection, items: Iterable[str]) -> dict[str, str]:
    """Which stock of each item leaves first: fefo, fifo, lifo, closest or least_packages; unknown items are left out."""
    return {row.code: row.removal for part in chunks(items) for row in connection.execute(select(item.c.code, item.c.removal).where(item.c.code.in_(part)))}


def min_remaining_days(connection: Connection, customer: str, items: Iterable[str]) -> dict[str, int]:
    """How long goods of each item must still keep when they go to a customer, in days: its own rule for the item, else its general one, else 0."""
    general = connection.execute(select(partner.c.min_remaining_days).where(partner.c.code == customer)).scalar() or 0
    found = dict.fromkeys(items, int(general))
    for part in chunks(found):
        query = select(partner_item.c.item, partner_item.c.min_remaining_days).where(partner_item.c.partner == customer, partner_item.c.item.in_(part))
        found |= {row.item: row.min_remaining_days for row in connection.execute(query)}
    return found


def substitutes_of(connection: Connection, code: str) -> list[str]:
    """Items that may be sent instead of one, best first."""
    query = select(item_substitute.c.substitute).where(item_substitute.c.item == code)
    return list(connection.execute(query.order_by(item_substitute.c.priority, item_substitute.c.substitute)).scalars())


def components_of(connection: Connection, kit: str) -> list[Part]:
    """What one unit of a kit is made of; empty for an item that is no kit."""
    query = select(kit_component.c.component, kit_component.c.quantity).where(kit_component.c.kit == kit).order_by(kit_component.c.component)
    return [Part(row.component, row.quantity) for row in connection.execute(query)]


def reason_of(connection: Connection, code: str, kind: ReasonKind) -> Row[Any]:
    """A reason's row (code, kind, name, name_zh). Raises: DomainError `unknown_reason`: no such reason, or one for something else."""
    row = connection.execute(select(reason).where(reason.c.code == code)).one_or_none()
    if row is None or row.kind != kind:
        known: Sequence[str] = connection.execute(select(reason.c.code).where(reason.c.kind == kind).order_by(reason.c.code).limit(20)).scalars().all()
        choice = f"known are {', '.join(known)}" if known else f"add one of kind {kind} first"
        raise DomainError("unknown_reason", f"reason {code!r} is none for {kind}; {choice}")
    return row


def check_partner(connection: Connection, code: str) -> None:
    """Raises: NotFoundError: no partner has this code."""
    if connection.execute(select(partner.c.code).where(partner.c.code == code)).scalar() is None:
        raise NotFoundError("unknown_partner", f"partner {code} is not in the catalog; add it, then send the same again")
