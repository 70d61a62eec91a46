# SPDX-License-Identifier: Apache-2.0
"""Routes of receiving: receipts, what is announced in a unit, damage, how a site receives, how often tags are read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from central.catalog.rules import Code, Lot, Site
from central.database import in_transaction, reading
from central.examples import body as body_config
from central.facts import RequestKey, fact_of
from central.inbound import habits, receipts, tag_rates, taking_back
from central.inbound.answers import HabitsOut, ReceiptOut, ReceiptWhole, TagStatisticOut, Told, UnitContents
from central.inbound.documents import QUANTITY_MAX
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now

router = APIRouter()

Sscc = Annotated[str, Path(max_length=40, description="SSCC of the pallet", examples=["006141411234567890"])]
UnitCode = Annotated[str, Path(max_length=40, description="SSCC, or GTIN.serial of a unit with an SGTIN tag", examples=["006141411234567906"])]
SiteCode = Annotated[Site, Path(description="a site", examples=["shanghai-1"])]


class Habit(BaseModel):
    """How a site receives."""

    model_config = body_config({"wrong_door": "ask", "late_notice": "ask"})

    wrong_door: Literal["receive", "ask"] = Field("receive", description="a pallet at another door than announced: receive it there, or ask")
    late_notice: Literal["receive", "ask"] = Field("ask", description="a notice that comes after its pallet: receive the pallet as it was seen, or ask")


class Damaged(BaseModel):
    """Goods of a received pallet that came damaged."""

    model_config = body_config({"item": "milk", "lot": "L1", "quantity": 12, "reason": "crushed corner", "actor": "li"})

    item: Code
    lot: Lot = ""
    quantity: int = Field(gt=0, le=QUANTITY_MAX, description="in the item's unit")
    reason: str = Field(min_length=1, max_length=500, description="what is wrong, in words")
    actor: str = Field("api", min_length=1, max_length=100, description="who found it")


class TakenBack(BaseModel):
    """Why a receipt was wrong."""

    model_config = body_config({"reason": "scanned by mistake, the pallet is not ours", "actor": "li"})

    reason: str = Field(min_length=1, max_length=500, description="in words; kept with the fact")
    actor: str = Field("api", min_length=1, max_length=100, description="who takes it back")


@router.get("/receipts")
def list_receipts(database: Database, site: Filter = None, notice: Filter = None, after: After = None, limit: Limit = 100) -> Page[ReceiptOut]:
    """Pallets that were received, newest first."""
    with reading(database) as connection:
        return receipts.receipts(connection, site, notice, after, limit).of(ReceiptOut)


@router.get("/receipts/{sscc}")
def get_receipt(
    sscc: Sscc, database: Database, notice: Annotated[str | None, Query(max_length=64, description="a pallet may come more than once")] = None
) -> ReceiptWhole:
    """The receipt of a pallet: its lines, what differed and what passed. A pallet that came more than once: the last time, or by its notice."""
    with reading(database) as connection:
        return ReceiptWhole.model_validate(receipts.receipt_of(connection, sscc, notice))


@router.post("/receipts/{sscc}/damages")
def tell_damage(sscc: Sscc, body: Damaged, database: Database, now: Now, news: News, key: RequestKey) -> Told:
    """Say that goods of a received pallet came damaged: they are kept apart, and it is a discrepancy of the notice."""
    fact = fact_of("GoodsCameDamaged", (sscc, key), body, body.actor, now)
    damage = receipts.Damage(body.item, body.quantity, body.lot, body.reason)
    new = in_transaction(database, lambda connection: receipts.tell_damaged(connection, fact, sscc, damage, now))
    news.tell()
    return Told(new=new)


@router.post("/receipts/{sscc}/take-back")
def take_receipt_back(sscc: Sscc, body: TakenBack, database: Database, now: Now, news: News, key: RequestKey) -> Told:
    """Take back a receipt that was wrong: the pallet's goods leave the books, and it can be received anew. Refused when anything of it has moved on."""
    fact = fact_of("ReceiptTakenBack", (sscc, key), body, body.actor, now)
    new = in_transaction(database, lambda connection: taking_back.take_back(connection, fact, sscc, now))
    news.tell()
    return Told(new=new)


@router.get("/announced-units/{code}")
def get_announced_unit(code: UnitCode, database: Database) -> UnitContents:
    """What ship notices say is in a pallet, case, inner or each, at whatever level; the newest notice counts."""
    with reading(database) as connection:
        return UnitContents.model_validate(receipts.announced_unit(connection, code))


@router.get("/receiving-settings/{site}")
def get_habits(site: SiteCode, database: Database) -> HabitsOut:
    """How a site receives."""
    with reading(database) as connection:
        return HabitsOut(site=site, **habits.habits_of(connection, site)._asdict())


@router.put("/receiving-settings/{site}")
def put_habits(site: SiteCode, body: Habit, database: Database, news: News) -> HabitsOut:
    """How a site receives from now on."""
    kept = habits.Habits(body.wrong_door, body.late_notice)
    in_transaction(database, lambda connection: habits.keep_habits(connection, site, kept))
    news.tell()
    return HabitsOut(site=site, **kept._asdict())


@router.get("/tag-statistics")
def list_tag_statistics(
    database: Database, now: Now, item: Filter = None, site: Filter = None, after: After = None, limit: Limit = 100
) -> Page[TagStatisticOut]:
    """How often the tags of each item are read at each door: what tells a weak tag from a missing case."""
    with reading(database) as connection:
        return tag_rates.statistics(connection, item, site, now, after, limit).of(TagStatisticOut)
