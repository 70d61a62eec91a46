# SPDX-License-Identifier: Apache-2.0
"""Routes of orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.facts import fact_of
from central.outbound import queries, service
from central.outbound.documents import Order
from central.outbound.rules import Promise
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["outbound"])

Limit = Annotated[int, Query(ge=1, le=1000)]
OrderState = Literal["open", "released", "picked", "shipped", "unfilled", "cancelled"]


class Said(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid")

    actor: str = "api"


def _order_answer(order_id: str, promises: tuple[Promise, ...]) -> dict[str, Any]:
    lines = [
        {"n": each.n, "item": each.item, "quantity": each.quantity, "promised": each.promised, "short": each.short, "state": each.state} for each in promises
    ]
    return {"id": order_id, "lines": lines}


@router.post("/orders")
def post_order(order: Order, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Take an order and promise each line at once. The same order again gets the same answer, another one under the same number is refused (409)."""
    fact = fact_of("OrderTaken", (order.channel, order.number), order, "api", now, order.site)
    promises = in_transaction(database, lambda connection: service.take_order(connection, fact, order, now))
    news.tell()
    return _order_answer(fact.id, promises)


@router.get("/orders")
def list_orders(database: Database, state: OrderState | None = None, limit: Limit = 100) -> list[dict[str, Any]]:
    """Orders, newest first."""
    with reading(database) as connection:
        return queries.orders(connection, state, limit)


def _order(engine: Engine, order_id: str) -> dict[str, Any]:
    with reading(engine) as connection:
        order = queries.order_of(connection, order_id)
    if order is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return order


@router.get("/orders/{order_id}")
def get_order(order_id: str, database: Database) -> dict[str, Any]:
    """One order with its lines and pick tasks."""
    return _order(database, order_id)


def _do(engine: Engine, news: News, work: Callable[[Connection], object]) -> None:
    in_transaction(engine, work)
    news.tell()


@router.post("/orders/{order_id}/ship")
def ship_order(order_id: str, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Ship a picked order."""
    fact = fact_of("OrderShipped", (order_id,), body, body.actor, now)
    _do(database, news, lambda connection: service.ship_order(connection, fact, order_id, now))
    return _order(database, order_id)


@router.post("/orders/{order_id}/cancel")
def cancel_order(order_id: str, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Cancel an order that is not shipped."""
    fact = fact_of("OrderCancelled", (order_id,), body, body.actor, now)
    _do(database, news, lambda connection: service.cancel_order(connection, fact, order_id, now))
    return _order(database, order_id)
