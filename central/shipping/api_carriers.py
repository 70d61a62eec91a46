# SPDX-License-Identifier: Apache-2.0
"""Routes of carriers: accounts, orders with their steps and one-touch answers to trouble, quotes, and what carriers push."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import httpx
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.errors import DomainError, ForbiddenError, NotFoundError
from central.examples import body as taken
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import courier, placement, queries
from central.shipping.answers import AccountOut, CarrierOrderListed, CarrierOrderShown, QuoteOut
from central.shipping.carriers import http
from central.shipping.carriers.faults import CarrierError, PushRefusedError
from central.shipping.carriers.protocol import Push
from central.shipping.carriers.registry import carrier_of, read_push
from central.shipping.documents import UUID_PATTERN, CarrierAccount, DeliveryAddress
from central.shipping.requests import EXAMPLE_ID, Said, Sscc, do

router = APIRouter(prefix="/api/v1", tags=["carriers"])

CarrierOrderId = Annotated[str, Path(pattern=UUID_PATTERN, description="id of the carrier's order", examples=[EXAMPLE_ID])]
CarrierCode = Annotated[str, Query(min_length=1, max_length=64, description="code of the carrier's account", examples=["sf"])]
CarrierOrderState = Literal["requested", "placed", "labelled", "in_transit", "delivered", "cancelled", "refused"]
_PUSH_BYTES_MAX = 1_000_000


class CarrierFaultError(DomainError):
    """The carrier did not do what was asked at once."""

    status = 502

    def __init__(self, error: CarrierError) -> None:
        super().__init__("carrier_fault", f"{error.message}; try again later, or look at the carrier's account")


class Corrected(Said):
    """Where the package goes instead."""

    model_config = taken({"address": {"name": "王芳", "phone": "13800000000", "city": "上海市", "street": "世纪大道 1 号"}, "actor": "li"})

    address: DeliveryAddress


@router.get("/shipping/carriers")
def list_carriers(database: Database, after: After = None, limit: Limit = 100) -> Page[AccountOut]:
    """Carriers' accounts by their codes, without what is secret."""
    with reading(database) as connection:
        return queries.accounts(connection, after, limit)


@router.put("/shipping/carriers")
def put_carrier(body: CarrierAccount, database: Database, news: News) -> AccountOut:
    """Set how we speak with a carrier."""
    do(database, news, lambda connection: placement.keep_account(connection, body))
    return AccountOut.model_validate(body, from_attributes=True)


@router.get("/carrier-orders")
def list_carrier_orders(
    database: Database, state: CarrierOrderState | None = None, carrier: Filter = None, after: After = None, limit: Limit = 100
) -> Page[CarrierOrderListed]:
    """Carriers' orders, newest first."""
    with reading(database) as connection:
        return queries.carrier_orders(connection, state, carrier, after, limit)


def _order(engine: Engine, carrier_order_id: str) -> CarrierOrderShown:
    with reading(engine) as connection:
        found = queries.carrier_order_of(connection, carrier_order_id)
    if found is None:
        raise NotFoundError("unknown_carrier_order", f"carrier order {carrier_order_id} is not known")
    return CarrierOrderShown.model_validate(found)


@router.get("/carrier-orders/{carrier_order_id}")
def get_carrier_order(carrier_order_id: CarrierOrderId, database: Database) -> CarrierOrderShown:
    """One carrier's order with its steps."""
    return _order(database, carrier_order_id)


@router.get("/carrier-orders/{carrier_order_id}/label", response_class=Response)
def get_waybill_label(carrier_order_id: CarrierOrderId, database: Database) -> Response:
    """The carrier's own label, as it made it."""
    with reading(database) as connection:
        found = queries.waybill_label(connection, carrier_order_id)
    if found is None:
        raise NotFoundError("no_label", f"carrier order {carrier_order_id} has no label of the carrier yet")
    return Response(found[0], media_type=found[1])


@router.post("/carrier-orders/{carrier_order_id}/address")
def post_address(carrier_order_id: CarrierOrderId, body: Corrected, database: Database, now: Now, news: News, key: RequestKey) -> CarrierOrderShown:
    """Answer a refused address with another one: the order goes out again."""
    fact = fact_of("CarrierAddressCorrected", (carrier_order_id, key), body, body.actor, now)
    do(database, news, lambda connection: placement.correct_address(connection, fact, carrier_order_id, body.address, now))
    return _order(database, carrier_order_id)


@router.post("/carrier-orders/{carrier_order_id}/retry")
def post_retry(carrier_order_id: CarrierOrderId, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> CarrierOrderShown:
    """Send a refused or cancelled order again."""
    fact = fact_of("CarrierOrderRetried", (carrier_order_id, key), body, body.actor, now)
    do(database, news, lambda connection: placement.try_again(connection, fact, carrier_order_id, now))
    return _order(database, carrier_order_id)


@router.post("/carrier-orders/{carrier_order_id}/cancel")
def post_cancel(carrier_order_id: CarrierOrderId, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> CarrierOrderShown:
    """Take an order back from the carrier."""
    fact = fact_of("CarrierOrderCancelled", (carrier_order_id, key), body, body.actor, now)
    do(database, news, lambda connection: placement.cancel(connection, fact, carrier_order_id, now))
    return _order(database, carrier_order_id)


@router.get("/packages/{sscc}/quotes")
def get_quotes(sscc: Sscc, carrier: CarrierCode, database: Database, now: Now) -> list[QuoteOut]:
    """What carrying a package would cost; the carrier is asked at once."""
    with reading(database) as connection:
        account, shipment = courier.shipment_for_quote(connection, sscc, carrier)
    with httpx.Client(timeout=http.TIMEOUT_S) as client:
        try:
            found = carrier_of(account, client, lambda: now).quote(shipment)
        except CarrierError as error:
            raise CarrierFaultError(error) from error
    return [QuoteOut(service=each.service, price_minor=each.price_minor, arrives_at=each.arrives_at) for each in found]


@router.post("/carriers/{code}/push", include_in_schema=False)
async def take_push(code: str, request: Request, database: Database, now: Now, news: News) -> JSONResponse:
    """What a carrier sends by itself; it proves itself in its own way, not by an API key."""
    body = await request.body()
    if len(body) > _PUSH_BYTES_MAX:
        raise DomainError("push_too_large", f"the push has {len(body)} bytes, {_PUSH_BYTES_MAX} are taken; send fewer steps at a time")
    push = Push(dict(request.query_params), dict(request.headers), body)

    def work() -> dict[str, object]:
        with reading(database) as connection:
            account = placement.account_of(connection, code)
        told = read_push(account, push)
        in_transaction(database, lambda connection: placement.pushed(connection, code, told.steps, now))
        return dict(told.answer)

    try:
        answer = await asyncio.to_thread(work)
    except PushRefusedError as error:
        raise ForbiddenError("push_refused", f"{error.message}; check the carrier's account") from error
    news.tell()
    return JSONResponse(answer)
