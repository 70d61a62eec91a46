# SPDX-License-Identifier: Apache-2.0
"""Routes of stock: opening stock and corrections, moves, statuses, owners, losses, limits."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field

from central.catalog.rules import Code, Lot
from central.database import in_transaction, reading
from central.errors import DomainError
from central.facts import RequestKey, fact_of
from central.idempotency import REPLAYED, keeps_own_answer
from central.ledger.rules import Account, Status
from central.paging import After, Limit, Page
from central.requests import Database, News, Now
from central.stock import answers, losses, moves, queries, reasons
from central.stock.bodies import Actor, Body, OptionalCode, OptionalSite, Place, Quantity, Reason, Serial, Unit, Where
from central.stock.move_trains import Asked, Moved, move_together
from central.stock.rules import Limits
from central.train import SEATS_OF_LISTS, Train, line_of

router = APIRouter(prefix="/api/v1", tags=["stock"])
_AGAIN = {name.decode(): value.decode() for name, value in [REPLAYED]}

MOVES_AT_ONCE_MAX = 500
LIMITS_AT_ONCE_MAX = 10_000
_LINE: dict[str, Any] = {"place": "shanghai-1/A-01", "item": "milk", "quantity": 48, "lot": "L1", "expiry": "2026-12-01"}
_MOVE: dict[str, Any] = {"place": "shanghai-1/A-01", "item": "milk", "lot": "L1", "quantity": 12, "to_place": "shanghai-1/A-02"}
_HERE: dict[str, Any] = {"place": "shanghai-1/A-01", "item": "milk", "lot": "L1"}


class CorrectionLine(Body):
    """Opening stock or a correction at one place; `quantity` is what is there more (or, negative, less) than in the books."""

    place: Place
    item: Code
    quantity: int = Field(ge=-(2**53), le=2**53, description="in the item's smallest unit; negative: less is there")
    lot: Lot = ""
    expiry: date | None = Field(None, description="last day of use, for a lot that is not known yet")
    status: Status = "available"
    owner: str = Field("", max_length=64, description="partner who owns the goods; empty: the house")
    unit: Unit = Field("", description="handling unit that they lie in")
    serials: list[Serial] = Field([], max_length=5000, description="of each piece, for an item tracked by serial")


class Corrections(Body):
    """Opening stock or corrections, all of them or none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "opening", "actor": "li", "lines": [_LINE]}]})

    reason: str = Field("opening", max_length=200)
    actor: Actor = "api"
    lines: list[CorrectionLine] = Field(min_length=1, max_length=5000)


class Move(Where):
    """Move stock to another place, another status (e.g. from inspection to available after a count), or both; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_MOVE]})

    quantity: Quantity
    to_place: Place | None = None
    to_status: Status | None = None
    to_unit: Unit = Field("", description="handling unit at the new place; goods moved to another place leave theirs")
    with_reservations: bool = Field(False, description="reserved goods go too: whole reservations along with them, and their tasks ask at the new place")
    serials: list[Serial] = Field([], max_length=5000, description="of each piece, for an item tracked by serial")
    actor: Actor = "api"

    @property
    def target(self) -> Account:
        """Where the goods go."""
        stays = self.to_place in (None, self.place)
        unit = self.unit if stays and not self.to_unit else self.to_unit
        return Account(self.to_place or self.place, self.item, self.lot, self.owner, self.to_status or self.status, unit)


class Moves(Body):
    """Moves of many goods."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"moves": [_MOVE]}]})

    moves: list[Move] = Field(min_length=1, max_length=MOVES_AT_ONCE_MAX)


class StatusChange(Where):
    """Goods turn out damaged, held, expired, or good again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_HERE, "quantity": 2, "to_status": "damaged", "reason": "broken"}]})

    quantity: Quantity
    to_status: Status
    reason: Reason = Field(description="of the catalog, or of the house: broken, leaking, quality, inspected ...")
    serials: list[Serial] = Field([], max_length=5000)
    actor: Actor = "api"


class OwnerChange(Where):
    """Goods change hands where they lie."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_HERE, "owner": "dairy", "quantity": 24, "to_owner": ""}]})

    quantity: Quantity
    to_owner: str = Field(max_length=64, description="partner; empty: the house buys them")
    serials: list[Serial] = Field([], max_length=5000)
    actor: Actor = "api"


class LossReport(Where):
    """Goods that are gone or useless."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_HERE, "quantity": 3, "reason": "broken", "note": "dropped", "actor": "li"}]})

    quantity: Quantity
    reason: Reason = Field(description="of the catalog, or of the house: missing, stolen, broken, spoiled, scrapped ...")
    note: str = Field("", max_length=500)
    serials: list[Serial] = Field([], max_length=5000)
    actor: Actor = "api"


class Decision(Body):
    """What a second person says to a loss above the limit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"approve": True, "actor": "wang"}]})

    approve: bool
    actor: Actor


class LimitsOf(Body):
    """Limits of an item at a site; empty `site` or `item`: of all. What is left out is as the more general row says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"item": "milk", "near_expiry_days": 5, "loss_quantity_max": 20}]})

    site: OptionalSite = ""
    item: OptionalCode = ""
    near_expiry_days: int | None = Field(None, ge=0, le=36500, description="warn so many days before the last day of use")
    loss_quantity_max: int | None = Field(None, ge=0, le=2**53, description="a loss of more waits for a second person")
    loss_value_minor_max: int | None = Field(None, ge=0, le=2**53, description="a loss worth more waits for a second person")


@router.post("/stock/corrections")
def post_corrections(body: Corrections, database: Database, now: Now, news: News, key: RequestKey) -> answers.Posted:
    """Post opening stock or corrections against the virtual place of count differences."""
    site = body.lines[0].place.partition("/")[0]
    fact = fact_of("StockCorrected", (key,), body, body.actor, now, site)
    lines = [moves.Correction(**{**line.model_dump(), "serials": tuple(line.serials)}) for line in body.lines if line.quantity]
    posted = in_transaction(database, lambda connection: moves.correct_stock(connection, fact, lines, now))
    news.tell()
    return answers.Posted(posted=posted)


async def _train(request: Request) -> Train[Asked, Moved]:
    return line_of(request, "moves", move_together, SEATS_OF_LISTS)


MoveTrain = Annotated[Train[Asked, Moved], Depends(_train)]


@router.post("/stock/moves", response_model=answers.MovedOut)
@keeps_own_answer
async def post_move(body: Move, now: Now, key: RequestKey, train: MoveTrain) -> Response:
    """Move stock within a site."""
    moved = await train.ride(_asked(body, (key,), now))
    return Response(moved.answer, media_type="application/json", headers=_AGAIN if moved.again else None)


def _asked(body: Move, key: tuple[str, ...], now: datetime) -> Asked:
    source = body.account
    fact = fact_of("StockMoved", key, body, body.actor, now, source.site)
    return Asked(fact, source, body.target, body.quantity, body.with_reservations, body.serials)


@router.post("/stock/move-batches")
async def post_moves(body: Moves, now: Now, key: RequestKey, train: MoveTrain) -> answers.MovesMade:
    """Move many goods within their sites. Each move is answered for itself: one that is refused spoils none of the others.

    They may be made together with those of others, so send a move that waits for another one with the next request.
    """
    asked = [_asked(each, (key, str(n)), now) for n, each in enumerate(body.moves)]
    results = await asyncio.gather(*map(train.ride, asked), return_exceptions=True)
    refused = []
    for n, result in enumerate(results):
        if isinstance(result, DomainError):
            refused.append(answers.MoveRefused(n=n, status=result.status, code=result.code, detail=result.message))
        elif isinstance(result, BaseException):
            raise result
    return answers.MovesMade(moved=len(results) - len(refused), refused=refused)


@router.post("/stock/status-changes")
def post_status_change(body: StatusChange, database: Database, now: Now, news: News, key: RequestKey) -> answers.Changed:
    """Change the status of goods, with a reason."""
    account = body.account
    fact = fact_of("StockStatusChanged", (key,), body, body.actor, now, account.site)
    changed = in_transaction(
        database, lambda connection: losses.change_status(connection, fact, account, body.to_status, body.quantity, body.reason, now, body.serials)
    )
    news.tell()
    return answers.Changed(changed=changed)


@router.post("/stock/owner-changes")
def post_owner_change(body: OwnerChange, database: Database, now: Now, news: News, key: RequestKey) -> answers.Changed:
    """Give goods another owner where they lie: consigned goods are bought, or sold and kept."""
    account = body.account
    fact = fact_of("StockOwnerChanged", (key,), body, body.actor, now, account.site)
    changed = in_transaction(database, lambda connection: moves.change_owner(connection, fact, account, body.to_owner, body.quantity, now, body.serials))
    news.tell()
    return answers.Changed(changed=changed)


@router.post("/stock/losses")
def post_loss(body: LossReport, database: Database, now: Now, news: News, key: RequestKey) -> answers.LossState:
    """Report goods as lost or useless; above the limit they wait on hold for a second person."""
    fact = fact_of("LossReported", (key,), body, body.actor, now, body.account.site)
    loss = losses.Loss(body.account, body.quantity, body.reason, body.note, tuple(body.serials))
    state = in_transaction(database, lambda connection: losses.report_loss(connection, fact, loss, now))
    news.tell()
    return answers.LossState.model_validate({"id": fact.id, "state": state})


@router.get("/stock/losses", response_model=Page[answers.LossOut])
def list_losses(
    database: Database, state: Literal["posted", "waiting", "approved", "refused"] | None = None, after: After = None, limit: Limit = 100
) -> Page[dict[str, Any]]:
    """Loss reports, newest first."""
    with reading(database) as connection:
        return queries.loss_reports(connection, state, after, limit)


@router.post("/stock/losses/{report}/decision")
def decide_loss(report: queries.FactId, body: Decision, database: Database, now: Now, news: News, key: RequestKey) -> answers.LossState:
    """Approve or refuse a waiting loss; somebody else than who reported it."""
    fact = fact_of("LossDecided", (report, key), body, body.actor, now)
    state = in_transaction(database, lambda connection: losses.decide_loss(connection, fact, report, now, approve=body.approve))
    news.tell()
    return answers.LossState.model_validate({"id": report, "state": state})


@router.put("/stock/limits")
def put_limits(rows: Annotated[list[LimitsOf], Field(max_length=LIMITS_AT_ONCE_MAX)], database: Database, news: News) -> answers.LimitsKept:
    """Add or change limits, all of them or none."""
    kept = [(row.site, row.item, Limits(row.near_expiry_days, row.loss_quantity_max, row.loss_value_minor_max)) for row in rows]
    in_transaction(database, lambda connection: reasons.keep_limits(connection, kept))
    news.tell()
    return answers.LimitsKept(kept=len(rows))


@router.get("/stock/limits", response_model=Page[answers.LimitsOut])
def list_limits(database: Database, after: After = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Limits by site and item."""
    with reading(database) as connection:
        return queries.limits(connection, after, limit)
