# SPDX-License-Identifier: Apache-2.0
"""Routes of lots and pieces: recalls, traces, expiry, kits, serials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from central.catalog import service as catalog
from central.catalog.rules import Code, Lot, Site
from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.ledger import serials
from central.paging import After, Limit, Page, of_list
from central.requests import Database, Filter, News, Now
from central.stock import answers, expiry, kits, naming, queries, recalls, trace
from central.stock.bodies import Actor, Body, Number, Place, Quantity, Reason, Serial, Step, Where
from central.stock.rules import Part

router = APIRouter(prefix="/api/v1", tags=["stock"])

ItemCode = Annotated[str, Path(min_length=1, max_length=64)]
LotCode = Annotated[str, Path(min_length=1, max_length=20)]
_RECALL: dict[str, Any] = {"number": "R-7", "item": "milk", "lot": "L1", "reason": "recall", "note": "supplier found glass", "actor": "li"}
_BUILD: dict[str, Any] = {"kit": "breakfast", "place": "shanghai-1/KITTING", "quantity": 10, "lot": "K1", "actor": "li"}


class RecallOrder(Body):
    """Hold a lot everywhere. The same number with the same content is the same recall."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_RECALL]})

    number: Number
    item: Code
    lot: Annotated[Lot, Field(min_length=1)]
    reason: Reason = "recall"
    note: str = Field("", max_length=500)
    actor: Actor = "api"


class KitBuild(Body):
    """Make kits of components at a place, the first to expire first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_BUILD]})

    kit: Code
    place: Place
    quantity: Annotated[int, Field(gt=0, le=1_000_000)]
    lot: Annotated[Lot, Field(min_length=1, description="of the kits, so that their components can be traced")]
    owner: str = Field("", max_length=64)
    serials: list[Serial] = Field([], max_length=5000, description="of the kits")
    component_serials: dict[Code, list[Serial]] = Field({}, description="by component")
    actor: Actor = "api"


class PartOut(Body):
    """So much of a component's lot."""

    item: Code
    quantity: Quantity
    lot: Lot = ""
    owner: str = Field("", max_length=64)


class KitBreak(KitBuild):
    """Take kits apart; `parts` only for kits that were not assembled here."""

    parts: list[PartOut] | None = Field(None, max_length=500)


class Numbering(Where):
    """Name the serials of pieces that wait for them in inspection, and release them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"place": "shanghai-1/RACK-1", "item": "drill", "status": "inspect", "serials": ["S1", "S2"]}]}
    )

    serials: list[Serial] = Field(min_length=1, max_length=5000)
    actor: Actor = "api"


@router.post("/stock/recalls")
def post_recall(body: RecallOrder, database: Database, now: Now, news: News) -> answers.RecallTaken:
    """Hold a lot, and kits made of it, at all sites at once; reserved goods of it are replaced by others."""
    fact = fact_of("LotRecalled", (body.number,), body, body.actor, now)
    order = recalls.Recall(body.number, body.item, body.lot, body.reason, body.note)
    new = in_transaction(database, lambda connection: recalls.recall_lot(connection, fact, order, now))
    news.tell()
    return answers.RecallTaken(number=body.number, new=new)


@router.get("/stock/recalls", response_model=Page[answers.RecallListed])
def list_recalls(database: Database, state: Literal["open", "released"] | None = None, after: After = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Recalls, newest first."""
    with reading(database) as connection:
        return queries.recalls(connection, state, after, limit)


@router.get("/stock/recalls/{number}", response_model=answers.RecallOut)
def get_recall(number: Annotated[str, Path(max_length=40)], database: Database) -> dict[str, Any]:
    """A recall: what it found, where the lot came from, where it went and is now."""
    with reading(database) as connection:
        return queries.recall_report(connection, recalls.recall_by_number(connection, number)._mapping)  # noqa: SLF001  # SQLAlchemy's public name


@router.post("/stock/recalls/{number}/release", response_model=answers.RecallOut)
def release_recall(number: Annotated[str, Path(max_length=40)], body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """The lot is good after all: what is on hold of it is free again."""
    fact = fact_of("RecallReleased", (number, key), body, body.actor, now)
    in_transaction(database, lambda connection: recalls.release_recall(connection, fact, number, now))
    news.tell()
    return get_recall(number, database)


@router.get("/stock/lots/{item}/{lot}/trace", response_model=answers.TraceOut)
def trace_lot(item: ItemCode, lot: LotCode, database: Database) -> dict[str, Any]:
    """Where a lot came from (`up`) and where it went (`down`)."""
    with reading(database) as connection:
        return {"up": trace.trace_up(connection, item, lot), "down": trace.trace_down(connection, item, lot)}


@router.get("/stock/near-expiry")
def list_near_expiry(
    database: Database,
    now: Now,
    site: Filter = None,
    days: Annotated[int | None, Query(ge=0, le=36500, description="for all; else the limits")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[answers.NearExpiryOut]:
    """Goods near their last day of use, the first to expire first."""
    with reading(database) as connection:
        near = expiry.near_expiry(connection, now, site, days)
    return of_list(near, lambda each: (each.expiry, each.site, each.item, each.lot), after, limit, ("expiry", "site", "item", "lot")).of(answers.NearExpiryOut)


@router.post("/stock/expiry-runs")
def run_expiry(database: Database, now: Now, news: News) -> answers.Expired:
    """Turn what is past its last day to expired now, and ask about what is near it; the service does so by itself every quarter of an hour."""
    expired = expiry.watch_once(database, now)
    news.tell()
    return answers.Expired(expired=expired)


@router.get("/stock/kits/{kit}/available", response_model=answers.KitsAvailable)
def available_kits(kit: ItemCode, site: Site, database: Database, now: Now, owner: str = "") -> dict[str, Any]:
    """How many kits could be assembled at a site now."""
    with reading(database) as connection:
        return kits.available_to_assemble(connection, site, kit, catalog.days_at(connection, [site], now)[site], owner)


@router.post("/stock/kits/assemble")
def assemble_kits(body: KitBuild, database: Database, now: Now, news: News, key: RequestKey) -> answers.KitsDone:
    """Assemble kits; answers the lots that went in."""
    fact = fact_of("KitsAssembled", (key,), body, body.actor, now, body.place.partition("/")[0])
    build = _build(body)
    parts = in_transaction(database, lambda connection: kits.assemble(connection, fact, build, now))
    news.tell()
    return _done(fact.id, parts)


@router.post("/stock/kits/break")
def break_kits(body: KitBreak, database: Database, now: Now, news: News, key: RequestKey) -> answers.KitsDone:
    """Take kits apart; answers the lots that came out."""
    fact = fact_of("KitsBroken", (key,), body, body.actor, now, body.place.partition("/")[0])
    build = _build(body, None if body.parts is None else tuple(Part(part.item, part.lot, part.owner, part.quantity) for part in body.parts))
    parts = in_transaction(database, lambda connection: kits.break_kits(connection, fact, build, now))
    news.tell()
    return _done(fact.id, parts)


def _build(body: KitBuild, parts: tuple[Part, ...] | None = None) -> kits.Build:
    numbers = {item: tuple(each) for item, each in body.component_serials.items()}
    return kits.Build(body.kit, body.place, body.quantity, body.lot, body.owner, tuple(body.serials), numbers, parts)


def _done(fact_id: str, parts: Sequence[Part]) -> answers.KitsDone:
    return answers.KitsDone(id=fact_id, parts=[answers.PartOfKit.model_validate(part) for part in parts])


@router.get("/stock/kit-builds", response_model=Page[answers.KitBuildOut])
def list_kit_builds(database: Database, site: str | None = None, kit: str | None = None, after: After = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Kits assembled and broken, newest first."""
    with reading(database) as connection:
        return queries.kit_builds(connection, site=site, kit=kit, after=after, limit=limit)


@router.get("/stock/serials", response_model=Page[answers.PieceOut])
def list_serials(
    database: Database,
    item: Annotated[str, Query(max_length=64)],
    state: Literal["in_stock", "returned", "shipped", "lost", "built_in"] | None = None,
    place: str | None = None,
    lot: str | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Pieces of an item by serial: where each is, or where it went."""
    with reading(database) as connection:
        return queries.serials_of(connection, item=item, state=state, place=place, lot=lot, after=after, limit=limit)


@router.get("/stock/serials/{item}/{number}", response_model=answers.PiecePath)
def get_serial(item: ItemCode, number: LotCode, database: Database) -> dict[str, Any]:
    """The path of a piece, oldest first."""
    with reading(database) as connection:
        return {"item": item, "serial": number, "path": serials.path_of(connection, item, number)}


@router.post("/stock/serials")
def number_pieces(body: Numbering, database: Database, now: Now, news: News, key: RequestKey) -> answers.PiecesNamed:
    """Scan the serials of pieces that came without them; they leave inspection."""
    fact = fact_of("PiecesNumbered", (key,), body, body.actor, now, body.account.site)
    named = in_transaction(database, lambda connection: naming.name_pieces(connection, fact, body.account, body.serials, now))
    news.tell()
    return answers.PiecesNamed(named=named)
