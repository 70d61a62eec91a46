# SPDX-License-Identifier: Apache-2.0
"""Use cases of replenishment: propose, accept, reject. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update

from central.bulk import among, keys_of, listed
from central.catalog import service as catalog
from central.catalog.tables import location, stock_level
from central.errors import ConflictError, NotFoundError
from central.inbound import service as inbound
from central.inbound.queries import incoming
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.tables import balance, entry
from central.planning import rules
from central.planning.tables import proposal

_HELD_KINDS = ("bin", "storage", "dock")
"""Where stock of a site counts as its own; what stands at a stage is on its way to a customer."""


def propose(connection: Connection, site: str, items: Collection[str] | None, now: datetime) -> int:
    """Compare stock with its limits and keep one open proposal for each place that is below its minimum; returns how many are open then.

    `items` None means all of the site. A proposal that nobody needs any more is withdrawn.
    """
    mine = or_(stock_level.c.place == site, stock_level.c.place.startswith(f"{site}/", autoescape=True))
    query = select(stock_level).where(mine).order_by(stock_level.c.item, stock_level.c.place)
    if items is not None:
        query = query.where(stock_level.c.item.in_(items))
    levels = connection.execute(query).all()
    ledger.lock(connection, {(site, level.item) for level in levels})
    states, known = _states(connection, site, levels), _open_proposals(connection, site, levels)
    return sum(_propose_one(connection, site, level, states[level.item, level.place], known, now) for level in levels)


def after_posting(connection: Connection, fact_id: str, site: str, now: datetime) -> None:
    """Propose again for whatever a fact has moved."""
    after_postings(connection, [fact_id], site, now)


def after_postings(connection: Connection, fact_ids: Sequence[str], site: str, now: datetime) -> None:
    """As `after_posting`, once for many facts of a site. Most items have no limits."""
    moved = connection.execute(_limited(connection.dialect.name), {"facts": keys_of(connection, entry.c.event_id, fact_ids)}).scalars().all()
    if moved:
        propose(connection, site, moved, now)


@cache
def _limited(dialect: str) -> Select[Any]:
    query = select(entry.c.item).distinct().join(stock_level, stock_level.c.item == entry.c.item)
    return query.where(listed(dialect, entry.c.event_id, "facts"))


_Key = tuple[str, str]
"""Item and place: of one limit, and of the one open proposal that it may have."""


def _propose_one(connection: Connection, site: str, level: Row[Any], state: rules.Level, known: Mapping[_Key, int], now: datetime) -> bool:
    quantity, number = state.wanted, known.get((level.item, level.place))
    if not quantity and number is None:
        return False
    kind = "purchase" if level.place == site else "shelf"
    why: dict[str, Any] = {name: getattr(state, name) for name in ("on_hand", "reserved", "incoming", "minimum", "maximum", "projected")}
    if kind == "shelf" and quantity:
        pulls = rules.fill_from(quantity, _sources(connection, site, level.item, now))
        why["sources"] = [{"place": pull.source.place, "lot": pull.source.lot, "quantity": pull.quantity} for pull in pulls]
        why["wanted"] = quantity
        quantity = sum(pull.quantity for pull in pulls)
    _keep(connection, number, {"kind": kind, "site": site, "item": level.item, "place": level.place}, quantity, why, now)
    return quantity > 0


def _states(connection: Connection, site: str, levels: Sequence[Row[Any]]) -> dict[_Key, rules.Level]:
    """What each place holds against its limits, read together. The site itself has what its own places hold, and what is on its way to it."""
    coming = incoming(connection, site, sorted({level.item for level in levels if level.place == site}))
    sums = [func.sum(balance.c.on_hand).label("on_hand"), func.sum(balance.c.reserved).label("reserved")]
    held = select(balance.c.item, balance.c.place, location.c.kind, *sums).join(location, location.c.place == balance.c.place)
    mine = held.where(balance.c.site == site, balance.c.status == "available", among(connection, balance.c.item, sorted({level.item for level in levels})))
    stock: dict[_Key, tuple[int, int]] = {}
    for row in connection.execute(mine.group_by(balance.c.item, balance.c.place, location.c.kind)):
        for place in (row.place, *([site] if row.kind in _HELD_KINDS else ())):
            on_hand, reserved = stock.get((row.item, place), (0, 0))
            stock[row.item, place] = (on_hand + int(row.on_hand), reserved + int(row.reserved))
    return {
        (level.item, level.place): rules.Level(
            *stock.get((level.item, level.place), (0, 0)), coming.get(level.item, 0) if level.place == site else 0, level.minimum, level.maximum
        )
        for level in levels
    }


def _open_proposals(connection: Connection, site: str, levels: Sequence[Row[Any]]) -> dict[_Key, int]:
    mine = (proposal.c.site == site) & (proposal.c.state == "open") & among(connection, proposal.c.item, sorted({level.item for level in levels}))
    return {(row.item, row.place): row.id for row in connection.execute(select(proposal.c.id, proposal.c.item, proposal.c.place).where(mine))}


def _sources(connection: Connection, site: str, item: str, now: datetime) -> Sequence[rules.Source]:
    today = catalog.days_at(connection, [site], now)[site]
    query = (
        select(balance)
        .join(location, location.c.place == balance.c.place)
        .where(balance.c.site == site, balance.c.item == item, balance.c.status == "available", balance.c.expiry >= today)
        .where(location.c.kind == "storage", balance.c.on_hand > balance.c.reserved)
        .order_by(balance.c.expiry, balance.c.in_date, balance.c.pick_rank, balance.c.id)
    )
    return [rules.Source(row.place, row.lot, row.owner, row.unit, row.on_hand - row.reserved) for row in connection.execute(query)]


def _keep(connection: Connection, number: int | None, key: dict[str, str], quantity: int, why: dict[str, Any], now: datetime) -> None:
    """Make, change or (with nothing to move) withdraw the open proposal, `number` if there is one."""
    if number is None:
        if quantity:
            connection.execute(insert(proposal).values(**key, quantity=quantity, why=why, created_at=now, changed_at=now))
        return
    values = {"quantity": quantity, "why": why} if quantity else {"state": "withdrawn"}
    connection.execute(update(proposal).where(proposal.c.id == number).values(**values, changed_at=now))


def accept(connection: Connection, fact: ledger.Fact, number: int, actor: str, now: datetime) -> str:
    """Do what a proposal says: move goods to the shelf, or buy them. Returns what was done; accepted already changes nothing.

    Raises: NotFoundError. ConflictError: rejected or withdrawn, nothing left to move, or an item without a supplier.
    """
    row = _locked(connection, number)
    if row.state == "accepted":
        return "accepted before"
    _must_be_open(row)
    ledger.record(connection, fact, now)
    done = _fill_shelf(connection, fact.id, row, now) if row.kind == "shelf" else _buy(connection, row, now)
    connection.execute(update(proposal).where(proposal.c.id == number).values(state="accepted", decided_by=actor, decided_at=now, changed_at=now))
    propose(connection, row.site, [row.item], now)
    return done


def reject(connection: Connection, number: int, actor: str, now: datetime) -> None:
    """Refuse a proposal; the next run may make it again. Rejected already changes nothing. Raises: NotFoundError. ConflictError."""
    row = _locked(connection, number)
    if row.state == "rejected":
        return
    _must_be_open(row)
    connection.execute(update(proposal).where(proposal.c.id == number).values(state="rejected", decided_by=actor, decided_at=now, changed_at=now))


def _locked(connection: Connection, number: int) -> Row[Any]:
    query = select(proposal).where(proposal.c.id == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("unknown_proposal", f"proposal {number} is not known")
    ledger.lock(connection, [(row.site, row.item)])
    return connection.execute(query).one()


def _must_be_open(row: Row[Any]) -> None:
    if row.state != "open":
        raise ConflictError("proposal_closed", f"proposal {row.id} is {row.state} already; run the proposals again")


def _fill_shelf(connection: Connection, fact_id: str, row: Row[Any], now: datetime) -> str:
    pulls = rules.fill_from(row.quantity, _sources(connection, row.site, row.item, now))
    if not pulls:
        raise ConflictError("nothing_to_move", f"no storage place of {row.site} holds free stock of item {row.item} any more; run the proposals again")
    moved = []
    for pull in pulls:
        source = pull.source
        at = ledger.Account(source.place, row.item, source.lot, source.owner, "available", source.unit)
        # On the shelf goods do not lie on their pallet any more.
        moved.append((at, ledger.Account(row.place, row.item, source.lot, source.owner), pull.quantity))
    serials.post_along(connection, fact_id, moved, now)
    return f"moved {sum(pull.quantity for pull in pulls)} to {row.place}"


def _buy(connection: Connection, row: Row[Any], now: datetime) -> str:
    supplier = catalog.item_by_code(connection, row.item).supplier
    if not supplier:
        raise ConflictError("item_without_supplier", f"item {row.item} names no supplier; set it in the catalog, then accept again")
    line = inbound.order_purchase(connection, supplier, row.item, row.site, row.quantity, now)
    return f"purchase line {line}: {row.quantity} from {supplier}"
