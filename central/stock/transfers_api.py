# SPDX-License-Identifier: Apache-2.0
"""Routes of transfers between sites."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy import Connection

from central.catalog.rules import Code, Lot, Site
from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.ledger.rules import Account, Status
from central.paging import After, Limit, Page
from central.requests import Database, News, Now
from central.stock import answers, places, queries, transfers
from central.stock.bodies import Actor, Body, Number, Quantity, Reason, Serial, Step, Unit

router = APIRouter(prefix="/api/v1", tags=["stock"])

TransferNumber = Annotated[str, Path(min_length=1, max_length=40)]
State = Literal["requested", "approved", "reserved", "in_transit", "cancelled"]
_REQUEST: dict[str, Any] = {"number": "T-1001", "from_site": "shanghai-1", "to_site": "hangzhou-1", "lines": [{"item": "milk", "quantity": 48}]}


class LineWanted(Body):
    """So much of an item."""

    item: Code
    quantity: Quantity
    owner: str = Field("", max_length=64, description="partner who owns the goods; empty: the house")
    min_expiry: date | None = Field(None, description="what is sent expires on this day or later")


class TransferRequest(Body):
    """Goods wanted at one site from another. The same number with the same content is the same request."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_REQUEST]})

    number: Number
    from_site: Site
    to_site: Site
    lines: list[LineWanted] = Field(min_length=1, max_length=500)
    reason: str = Field("", max_length=200)
    needs_approval: bool = Field(False, description="a second person approves it before anything is reserved")
    expected_at: AwareDatetime | None = Field(None, description="when it should arrive")
    actor: Actor = "api"


class Shipping(Body):
    """What is reserved goes on the truck."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"sscc": "006141411234567890", "actor": "li"}]})

    sscc: Unit = Field("", description="pallet for what is not a whole handling unit by itself; empty: one of our own numbers")
    serials: dict[Code, list[Serial]] = Field({}, description="by item, of pieces that are not on a whole handling unit")
    actor: Actor = "api"


class LostInTransit(Body):
    """Goods of a transfer that will not arrive."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"item": "milk", "lot": "L1", "reason": "lost_in_transit", "actor": "wang"}]})

    item: Code
    lot: Lot = ""
    owner: str = Field("", max_length=64)
    status: Status = "available"
    unit: Unit = Field("", description="handling unit that they are on; empty: none")
    reason: Reason
    serials: list[Serial] = Field([], max_length=5000)
    actor: Actor = "api"


@router.post("/stock/transfers")
def post_transfer(body: TransferRequest, database: Database, now: Now, news: News) -> answers.TransferTaken:
    """Ask for goods of another site; the same again changes nothing, another one under the same number is refused (409)."""
    fact = fact_of("TransferRequested", (body.number,), body, body.actor, now, body.to_site)
    lines = tuple(transfers.Wanted(line.item, line.quantity, line.owner, line.min_expiry) for line in body.lines)
    wanted = transfers.Request(body.number, body.from_site, body.to_site, lines, body.reason, body.needs_approval, body.expected_at)
    new = in_transaction(database, lambda connection: transfers.request_transfer(connection, fact, wanted, now))
    news.tell()
    return answers.TransferTaken(number=body.number, new=new)


@router.get("/stock/transfers", response_model=Page[answers.TransferListed])
def list_transfers(database: Database, state: State | None = None, site: str | None = None, after: After = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Transfers, newest first; `site` is where they come from or go to."""
    with reading(database) as connection:
        return queries.transfer_list(connection, state=state, site=site, after=after, limit=limit)


@router.get("/stock/transfers/{number}", response_model=answers.TransferOut)
def get_transfer(number: TransferNumber, database: Database) -> dict[str, Any]:
    """A transfer with its lines, what is in transit, what differs, and its time line."""
    with reading(database) as connection:
        return queries.transfer_of(connection, number)


def _do(database: Database, news: News, number: str, work: Callable[[Connection], Any]) -> dict[str, Any]:
    in_transaction(database, work)
    news.tell()
    return get_transfer(number, database)


@router.post("/stock/transfers/{number}/approve", response_model=answers.TransferOut)
def approve_transfer(number: TransferNumber, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Agree to a transfer; somebody else than who asked for it."""
    fact = fact_of("TransferApproved", (number, key), body, body.actor, now)
    return _do(database, news, number, lambda connection: transfers.approve(connection, fact, number, now))


@router.post("/stock/transfers/{number}/reserve", response_model=answers.TransferOut)
def reserve_transfer(number: TransferNumber, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Reserve its goods at the source, first expiry first; what is short may be tried again."""
    fact = fact_of("TransferReserved", (number, key), body, body.actor, now)
    return _do(database, news, number, lambda connection: transfers.reserve(connection, fact, number, now))


@router.post("/stock/transfers/{number}/ship", response_model=answers.TransferOut)
def ship_transfer(number: TransferNumber, body: Shipping, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """What is reserved leaves; the other site gets a ship notice and receives it at its door."""
    fact = fact_of("TransferShipped", (number, key), body, body.actor, now)
    load = transfers.Load(body.sscc, body.serials)
    return _do(database, news, number, lambda connection: transfers.ship(connection, fact, number, load, now))


@router.post("/stock/transfers/{number}/lost", response_model=answers.TransferOut)
def lose_in_transit(number: TransferNumber, body: LostInTransit, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Write off what is still in transit of an item and lot, with a reason."""
    fact = fact_of("TransferLost", (number, key), body, body.actor, now)

    def work(connection: Connection) -> bool:
        site = transfers.transfer_by_number(connection, number).to_site
        goods = Account(places.transit_of(site), body.item, body.lot, body.owner, body.status, body.unit)
        return transfers.lose(connection, fact, number, goods, body.reason, now, body.serials)

    return _do(database, news, number, work)


@router.post("/stock/transfers/{number}/cancel", response_model=answers.TransferOut)
def cancel_transfer(number: TransferNumber, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Give back what is reserved; what was shipped already still arrives."""
    fact = fact_of("TransferCancelled", (number, key), body, body.actor, now)
    return _do(database, news, number, lambda connection: transfers.cancel(connection, fact, number, now))
