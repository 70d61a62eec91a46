# SPDX-License-Identifier: Apache-2.0
"""Use cases of kits (X3): assemble them from components and break them again, with the lots that went in and out. Each runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from central.catalog import service as catalog
from central.catalog.tables import lot as catalog_lot
from central.errors import ConflictError, DomainError, InsufficientStockError, NotFoundError
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import PRODUCTION, TRANSIT, Account
from central.ledger.tables import balance
from central.stock import rules
from central.stock.rules import Part
from central.stock.tables import kit_build, kit_build_component


@dataclass(frozen=True)
class Build:
    """Make or break `quantity` kits at a place. `lot` is the kits' lot; serials are those of the kits, and by item those of components."""

    kit: str
    place: str
    quantity: int
    lot: str
    owner: str = ""
    serial_numbers: tuple[str, ...] = ()
    component_serials: Mapping[str, tuple[str, ...]] | None = None
    parts: tuple[Part, ...] | None = None

    @property
    def site(self) -> str:
        """The site of the place."""
        return self.place.partition("/")[0]

    @property
    def account(self) -> Account:
        """Where the kits are."""
        return Account(self.place, self.kit, self.lot, self.owner)


def bill_of(connection: Connection, kit: str) -> dict[str, int]:
    """Smallest units of each component in one kit. Raises: UnknownItemError. NotFoundError: the item has no components."""
    catalog.item_by_code(connection, kit)
    needed = {part.component: int(part.quantity) for part in catalog.components_of(connection, kit)}
    if not needed:
        raise NotFoundError("no_kit", f"item {kit} has no components; add its bill of material first")
    return needed


def assemble(connection: Connection, fact: ledger.Fact, build: Build, now: datetime) -> list[Part]:
    """Take components strictly by first expiry from the site's bins and storage and make kits of them; returns what went in.

    The kits are good as long as the first of their components. Raises: NotFoundError: no kit, no such place. InsufficientStockError: a component is
    short; then nothing is done. ConflictError: the kit's lot is known with another expiry, or is recalled.
    """
    if ledger.record(connection, fact, now).already:
        return parts_of(connection, fact.id)
    needed = bill_of(connection, build.kit)
    ledger.lock(connection, {(build.site, item) for item in (build.kit, *needed)})
    _check_place(connection, build)
    used = _use_components(connection, fact.id, build, needed, now)
    _learn_kit_lot(connection, build, rules.kit_expiry(used))
    source = Account(PRODUCTION, build.kit, build.lot, build.owner)
    ledger.post(connection, fact.id, [ledger.Leg(source, -build.quantity), ledger.Leg(build.account, build.quantity)])
    serials.follow(connection, fact.id, source, build.account, build.quantity, build.serial_numbers, now)
    _remember(connection, fact, build, "assembled", used, now)
    return used


def _check_place(connection: Connection, build: Build) -> None:
    catalog.location_by_place(connection, build.place)
    if not build.lot:
        raise DomainError("lot_wanted", f"kit {build.kit} needs a lot, so that its components can be traced")
    if catalog.held_lot(connection, build.kit, build.lot):
        raise ConflictError("lot_recalled", f"lot {build.lot} of kit {build.kit} is recalled; give the new kits another lot")


def _use_components(connection: Connection, fact_id: str, build: Build, needed: Mapping[str, int], now: datetime) -> list[Part]:
    demand = [ledger.Demand(f"kit:{fact_id}/{item}", build.site, item, each * build.quantity, owner=build.owner) for item, each in sorted(needed.items())]
    reserved = ledger.reserve(connection, fact_id, demand, now, pickable_only=False)
    for line in demand:
        got = sum(each.quantity for each in reserved if each.line_id == line.line_id)
        if got < line.quantity:
            raise InsufficientStockError(f"{build.site}: component {line.item} of kit {build.kit}", line.quantity, got)
    left = {item: list(numbers) for item, numbers in (build.component_serials or {}).items()}
    for each in reserved:
        ledger.take(connection, each.id, each.quantity, PRODUCTION, fact_id)
        _take_serials(connection, fact_id, each, left, now)
    return [Part(each.account.item, each.account.lot, each.account.owner, each.quantity, each.expiry) for each in reserved]


def _take_serials(connection: Connection, fact_id: str, each: ledger.Reservation, left: dict[str, list[str]], now: datetime) -> None:
    account = each.account
    if not serials.is_tracked(connection, account.item):
        return
    there = set(serials.at_account(connection, account))
    mine = [number for number in left.get(account.item, []) if number in there][: each.quantity]
    left[account.item] = [number for number in left.get(account.item, []) if number not in mine]
    serials.follow(connection, fact_id, account, Account(PRODUCTION, account.item, account.lot, account.owner), each.quantity, mine, now)


def _learn_kit_lot(connection: Connection, build: Build, expiry: date | None) -> None:
    known = connection.execute(select(catalog_lot.c.expiry).where(catalog_lot.c.item == build.kit, catalog_lot.c.lot == build.lot)).one_or_none()
    if known is not None and known.expiry != expiry:
        text = f"lot {build.lot} of kit {build.kit} is known with expiry {known.expiry}, its components now last until {expiry}; give these kits another lot"
        raise ConflictError("lot_expiry_differs", text)
    catalog.learn_lot(connection, build.kit, build.lot, expiry)


def _remember(connection: Connection, fact: ledger.Fact, build: Build, kind: str, parts: Sequence[Part], now: datetime) -> None:
    values = {"id": fact.id, "kind": kind, "site": build.site, "place": build.place, "kit": build.kit, "kit_lot": build.lot, "owner": build.owner}
    connection.execute(insert(kit_build).values(**values, quantity=build.quantity, actor=fact.actor, made_at=now))
    numbers = build.component_serials or {}
    rows = [
        {
            "build": fact.id,
            "n": n,
            "item": part.item,
            "lot": part.lot,
            "owner": part.owner,
            "quantity": part.quantity,
            "serials": list(numbers.get(part.item, ())),
        }
        for n, part in enumerate(parts)
    ]
    connection.execute(insert(kit_build_component), rows)


def break_kits(connection: Connection, fact: ledger.Fact, build: Build, now: datetime) -> list[Part]:
    """Take kits apart: the component lots that went into their lot come back to the place; returns what came out.

    `build.parts` says it where the kits were not assembled here. Raises: NotFoundError: no kit. InsufficientStockError: fewer kits are there and free.
    DomainError: the books do not know what went in, or the parts given are not those of so many kits.
    """
    if ledger.record(connection, fact, now).already:
        return parts_of(connection, fact.id)
    needed = bill_of(connection, build.kit)
    ledger.lock(connection, {(build.site, item) for item in (build.kit, *needed)})
    parts = list(build.parts) if build.parts is not None else _recorded_parts(connection, build, needed)
    _must_fit(build, needed, parts)
    gone = Account(PRODUCTION, build.kit, build.lot, build.owner)
    legs = [ledger.Leg(build.account, -build.quantity), ledger.Leg(gone, build.quantity)]
    for part in parts:
        account = _returned_to(connection, build, part)
        legs += [ledger.Leg(Account(PRODUCTION, part.item, part.lot, part.owner), -part.quantity), ledger.Leg(account, part.quantity)]
    ledger.post(connection, fact.id, legs)
    serials.follow(connection, fact.id, build.account, gone, build.quantity, build.serial_numbers, now)
    _return_serials(connection, fact.id, build, parts, now)
    _remember(connection, fact, build, "broken", parts, now)
    return parts


def _returned_to(connection: Connection, build: Build, part: Part) -> Account:
    held = catalog.held_lot(connection, part.item, part.lot)
    return Account(build.place, part.item, part.lot, part.owner, "hold" if held else "available")


def _return_serials(connection: Connection, fact_id: str, build: Build, parts: Sequence[Part], now: datetime) -> None:
    left = {item: list(numbers) for item, numbers in (build.component_serials or {}).items()}
    for part in parts:
        if serials.is_tracked(connection, part.item):
            mine, left[part.item] = left.get(part.item, [])[: part.quantity], left.get(part.item, [])[part.quantity :]
            source = Account(PRODUCTION, part.item, part.lot, part.owner)
            serials.follow(connection, fact_id, source, _returned_to(connection, build, part), part.quantity, mine, now)


def _recorded_parts(connection: Connection, build: Build, needed: Mapping[str, int]) -> list[Part]:
    built, broken = (_parts_of_lot(connection, build, kind) for kind in ("assembled", "broken"))
    return rules.parts_of_broken(built, broken, needed, build.quantity)


def _must_fit(build: Build, needed: Mapping[str, int], parts: Sequence[Part]) -> None:
    for item, each in needed.items():
        came = sum(part.quantity for part in parts if part.item == item)
        if came != each * build.quantity:
            raise DomainError("parts_do_not_fit", f"{build.quantity} kits {build.kit} hold {each * build.quantity} of {item}, {came} are given")
    strange = sorted({part.item for part in parts} - needed.keys())
    if strange:
        raise DomainError("parts_do_not_fit", f"kit {build.kit} holds no {', '.join(strange)}")


def _parts_of_lot(connection: Connection, build: Build, kind: str) -> list[Part]:
    query = select(kit_build_component).join(kit_build, kit_build.c.id == kit_build_component.c.build)
    mine = query.where(kit_build.c.kit == build.kit, kit_build.c.kit_lot == build.lot, kit_build.c.owner == build.owner, kit_build.c.kind == kind)
    rows = connection.execute(mine.order_by(kit_build.c.made_at, kit_build.c.id, kit_build_component.c.n))
    return [Part(row.item, row.lot, row.owner, row.quantity) for row in rows]


def parts_of(connection: Connection, fact_id: str) -> list[Part]:
    """What went into, or came out of, the kits of one fact."""
    rows = connection.execute(select(kit_build_component).where(kit_build_component.c.build == fact_id).order_by(kit_build_component.c.n))
    return [Part(row.item, row.lot, row.owner, row.quantity) for row in rows]


def available_to_assemble(connection: Connection, site: str, kit: str, today: date, owner: str = "") -> dict[str, Any]:
    """How many kits could be assembled at a site now, and which component is the bottleneck. Raises: as `bill_of`."""
    needed = bill_of(connection, kit)
    mine = (balance.c.site == site) & balance.c.item.in_(needed) & (balance.c.owner == owner) & (balance.c.status == "available")
    usable = (balance.c.expiry >= today) & (balance.c.place != f"{site}/{TRANSIT}")
    query = select(balance.c.item, func.sum(balance.c.on_hand - balance.c.reserved).label("free")).where(mine, usable).group_by(balance.c.item)
    free = {row.item: int(row.free) for row in connection.execute(query)}
    kits = rules.buildable(needed, free)
    short = [item for item, each in needed.items() if free.get(item, 0) // each == kits]
    return {"site": site, "kit": kit, "kits": kits, "needed": needed, "free": {item: free.get(item, 0) for item in needed}, "bottleneck": short}
