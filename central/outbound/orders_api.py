# SPDX-License-Identifier: Apache-2.0
"""Routes of orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.etags import Precondition, Seen
from central.examples import answer
from central.facts import RequestKey, fact_of
from central.ledger.rules import Fact
from central.outbound import intake, order_changes, queries, service
from central.outbound.documents import EXAMPLE_ORDER, EXAMPLE_TAKEN, Order, OrderChange, OrderTaken
from central.outbound.order_answers import OrderOut, OrderWhole, SourcingOut
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.train import Train, line_of

router = APIRouter(prefix="/api/v1", tags=["outbound"])

OrderState = Literal["open", "released", "picked", "shipped", "unfilled", "cancelled", "split"]
OrderId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="the order's id", examples=["0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"])
]


_REFUSED = {"channel": "shop-1", "number": "SO-1002", "status": 404, "code": "unknown_item", "detail": "item ghosts is not in the catalog"}


class Said(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li"}]})

    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class Hold(Said):
    """Why an order is to wait."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "address in doubt", "actor": "li"}]})

    reason: str = Field(min_length=1, max_length=200, description="told to whoever wants to release it")


class Orders(BaseModel):
    """Orders of one or many channels."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"orders": [EXAMPLE_ORDER]}]})

    orders: list[Order] = Field(min_length=1, max_length=200)


class OrderRefused(BaseModel):
    """Why an order was not taken."""

    model_config = answer(_REFUSED)

    channel: str
    number: str
    status: int
    code: str
    detail: str


class OrdersTaken(BaseModel):
    """What became of each order."""

    model_config = answer({"taken": [EXAMPLE_TAKEN], "refused": [_REFUSED]})

    taken: list[OrderTaken]
    refused: list[OrderRefused]


async def _train(request: Request) -> Train[tuple[Fact, Order], OrderTaken]:
    return line_of(request, "orders", _take_together)


def _take_together(connection: Connection, asked: Sequence[tuple[Fact, Order]]) -> list[OrderTaken | DomainError]:
    return intake.take_orders(connection, asked, asked[0][0].occurred_at)


@router.post("/orders")
async def post_order(order: Order, now: Now, train: Annotated[Train[tuple[Fact, Order], OrderTaken], Depends(_train)]) -> OrderTaken:
    """Take an order and promise each line at once, for a day. The same order again gets the same answer, another one under the same number is refused (409).

    Without a site the order goes to the sites that can send it in the fewest shipments; what is expected later follows with a backorder.
    """
    return await train.ride((fact_of("OrderTaken", (order.channel, order.number), order, "api", now, order.site or ""), order))


@router.post("/order-batches")
def post_orders(body: Orders, database: Database, now: Now, news: News) -> OrdersTaken:
    """Take many orders in one go; each is answered for itself, in the order given. The same orders again get the same answers."""
    asked = [(fact_of("OrderTaken", (order.channel, order.number), order, "api", now, order.site or ""), order) for order in body.orders]
    results = in_transaction(database, lambda connection: intake.take_orders(connection, asked, now))
    news.tell()
    taken: list[OrderTaken] = []
    refused: list[OrderRefused] = []
    for order, result in zip(body.orders, results, strict=True):
        if isinstance(result, OrderTaken):
            taken.append(result)
        else:
            about = {"channel": order.channel, "number": order.number}
            refused.append(OrderRefused(status=result.status, code=result.code, detail=result.message, **about))
    return OrdersTaken(taken=taken, refused=refused)


@router.get("/orders", response_model=Page[OrderOut])
def list_orders(
    database: Database,
    state: OrderState | None = None,
    site: Filter = None,
    channel: Filter = None,
    number: Filter = None,
    partner: Filter = None,
    role: Literal["order", "share", "backorder"] | None = None,
    wave: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Orders of all channels, newest first."""
    wanted = {"state": state, "site": site, "channel": channel, "number": number, "partner": partner, "role": role, "wave_id": wave}
    with reading(database) as connection:
        return queries.orders(connection, wanted, after, limit)


def _order(engine: Engine, order_id: str) -> dict[str, Any]:
    with reading(engine) as connection:
        return _known(queries.order_of(connection, order_id), order_id)


def _known(order: dict[str, Any] | None, order_id: str) -> dict[str, Any]:
    if order is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return order


@router.get("/orders/{order_id}", response_model=OrderWhole)
def get_order(order_id: OrderId, database: Database, seen: Seen) -> dict[str, Any]:
    """One order with its lines, pick tasks, shares and backorders, and how far all of it is."""
    return seen.answer(_order(database, order_id))


@router.get("/orders/{order_id}/sourcing", response_model=SourcingOut)
def get_sourcing(order_id: OrderId, database: Database) -> dict[str, Any]:
    """Why these sites send the order: the candidates with what each could send, how far it is and how busy."""
    with reading(database) as connection:
        return order_changes.sourcing_of(connection, order_id)


def _do(engine: Engine, news: News, work: Callable[[Connection], object]) -> None:
    in_transaction(engine, work)
    news.tell()


@router.patch("/orders/{order_id}", response_model=OrderWhole)
def change_order(order_id: OrderId, body: OrderChange, database: Database, now: Now, news: News, key: RequestKey, precondition: Precondition) -> dict[str, Any]:
    """Change an order that is not released yet; new lines are promised anew. With If-Match only if it is still as it was read (412 otherwise)."""
    fact = fact_of("OrderChanged", (order_id, key), body, "api", now)

    def check(connection: Connection) -> None:
        if precondition.any:
            precondition.check(queries.order_of(connection, order_id))

    _do(database, news, lambda connection: order_changes.change_order(connection, fact, order_id, body, now, check))
    return _order(database, order_id)


@router.post("/orders/{order_id}/hold", response_model=OrderWhole)
def hold_order(order_id: OrderId, body: Hold, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Keep an order from being released; its promises stand."""
    fact = fact_of("OrderHeld", (order_id, key), body, body.actor, now)
    _do(database, news, lambda connection: order_changes.hold_order(connection, fact, order_id, body.reason, now))
    return _order(database, order_id)


@router.post("/orders/{order_id}/unhold", response_model=OrderWhole)
def unhold_order(order_id: OrderId, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Let a held order go."""
    fact = fact_of("OrderLetGo", (order_id, key), body, body.actor, now)
    _do(database, news, lambda connection: order_changes.let_go(connection, fact, order_id, now))
    return _order(database, order_id)


@router.post("/orders/{order_id}/ship", response_model=OrderWhole)
def ship_order(order_id: OrderId, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Ship a picked order; what of it was not picked follows with a backorder or is dropped, as the order says."""
    fact = fact_of("OrderShipped", (order_id,), body, body.actor, now)
    _do(database, news, lambda connection: service.ship_order(connection, fact, order_id, now))
    return _order(database, order_id)


@router.post("/orders/{order_id}/cancel", response_model=OrderWhole)
def cancel_order(order_id: OrderId, body: Said, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Cancel an order that is not shipped, with its shares and backorders."""
    fact = fact_of("OrderCancelled", (order_id,), body, body.actor, now)
    _do(database, news, lambda connection: service.cancel_order(connection, fact, order_id, now))
    return _order(database, order_id)
