# SPDX-License-Identifier: Apache-2.0
"""One view of stock over all sites (R22, R23): what is on hand in which state, reserved, promised, picked, on its way and coming, in one query."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import BigInteger, Connection, RowMapping, Select, and_, case, cast, func, literal, select, union_all

from central import paging
from central.inbound.queries import supply_expected
from central.ledger.rules import TRANSIT
from central.ledger.tables import balance
from central.stock.listeners import listeners

FIGURES: Final = ("on_hand", "reserved", "available", "inspect", "hold", "damaged", "expired", "in_transit", "picked", "promised", "incoming")
"""`on_hand` is all that has arrived, `available` what of it has that status; `in_transit` comes from other sites, `incoming` from suppliers."""
_BY_STATUS = ("available", "inspect", "hold", "damaged", "expired")

By = Literal["site", "item"]


def states(
    connection: Connection, *, site: str | None = None, item: str | None = None, by: By = "site", after: str | None = None, limit: int = 100
) -> paging.Page[dict[str, Any]]:
    """A page of figures by site and item, or (`by="item"`) by item over all sites.

    `free` is what nobody has claimed: available, less reserved, less picked and waiting to leave. `to_promise` is free less what is promised.
    """
    every = union_all(_held(), _expected(), *_of_others()).subquery()
    keys = [every.c.item] if by == "item" else [every.c.site, every.c.item]
    query = select(*keys, *(cast(func.sum(every.c[name]), BigInteger).label(name) for name in FIGURES)).group_by(*keys)
    if site is not None:
        query = query.where(every.c.site == site)
    if item is not None:
        query = query.where(every.c.item == item)
    rows = query.subquery()
    return paging.page(connection, select(rows), [paging.up(rows.c[key.name]) for key in keys], after, limit, _shaped)


def _shaped(row: RowMapping) -> dict[str, Any]:
    figures = {name: int(row[name] or 0) for name in FIGURES}
    free = figures["available"] - figures["reserved"] - figures["picked"]
    return {"site": row.get("site", ""), "item": row["item"], **figures, "free": free, "to_promise": free - figures["promised"]}


def _held() -> Select[Any]:
    travels = balance.c.place == balance.c.site + f"/{TRANSIT}"

    def total(condition: Any, value: Any = balance.c.on_hand) -> Any:
        return func.sum(case((condition, value), else_=0))

    figures = {name: total(and_(~travels, balance.c.status == name)) for name in _BY_STATUS}
    figures |= {"on_hand": total(~travels), "reserved": total(~travels, balance.c.reserved), "in_transit": total(travels)}
    return _row(balance.c.site, balance.c.item, figures).group_by(balance.c.site, balance.c.item)


def _expected() -> Select[Any]:
    expected = supply_expected().subquery()
    return _row(expected.c.site, expected.c.item, {"incoming": expected.c.quantity})


def _of_others() -> list[Select[Any]]:
    found = []
    for listener in listeners():
        for name, query in listener.figures.items():
            rows = query().subquery()
            found.append(_row(rows.c.site, rows.c.item, {name: rows.c.quantity}))
    return found


def _row(site: Any, item: Any, figures: dict[str, Any]) -> Select[Any]:
    return select(site.label("site"), item.label("item"), *(cast(figures.get(name, literal(0)), BigInteger).label(name) for name in FIGURES))
