# SPDX-License-Identifier: Apache-2.0
"""Routes of the pack station and the dock: sites, cartons, packages, ship confirm, the progress of an order."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.facts import RequestKey, fact_of
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import advice, dispatch, packing, placement, queries, weigh_check
from central.shipping.answers import AdviceOut, CartonOut, KeptOut, PackageListed, PackageOut, ProgressOut, ShipOutcomeOut, SiteOut, WeighCheckOut
from central.shipping.documents import UUID_PATTERN, CartonType, OpenPackage, PackItem, ShipScan, SiteSettings, TakeOut, Weighed
from central.shipping.packing import package_by_sscc
from central.shipping.requests import OrderId, Said, Sscc, do

router = APIRouter(prefix="/api/v1", tags=["shipping"])

OfOrder = Annotated[str | None, Query(pattern=UUID_PATTERN, description="only packages of this order")]
PackageState = Literal["open", "closed", "loaded", "shipped", "void"]
Cartons = Annotated[list[CartonType], Body(max_length=1000)]


@router.get("/shipping/sites")
def list_sites(database: Database, after: After = None, limit: Limit = 100) -> Page[SiteOut]:
    """How sites ship, by their codes."""
    with reading(database) as connection:
        return queries.sites(connection, after, limit)


@router.put("/shipping/sites")
def put_site(body: SiteSettings, database: Database, news: News) -> SiteOut:
    """Set how a site ships: its SSCC numbers, sender, carrier, printer."""
    in_transaction(database, lambda connection: packing.keep_site(connection, body))
    news.tell()
    return SiteOut.model_validate(body.model_dump())


@router.get("/shipping/cartons")
def list_cartons(database: Database, after: After = None, limit: Limit = 100) -> Page[CartonOut]:
    """Carton types by code."""
    with reading(database) as connection:
        return queries.cartons(connection, after, limit)


@router.put("/shipping/cartons")
def put_cartons(body: Cartons, database: Database, news: News) -> KeptOut:
    """Write carton types; one whose code is known is replaced."""
    in_transaction(database, lambda connection: packing.keep_cartons(connection, body))
    news.tell()
    return KeptOut(kept=len(body))


def _package(engine: Engine, sscc: str) -> PackageOut:
    with reading(engine) as connection:
        found = queries.package_of(connection, sscc)
    if found is None:
        raise NotFoundError("unknown_package", f"package {sscc} is not one of ours; scan the label again")
    return PackageOut.model_validate(found)


def _fact(connection: Connection, fact: Fact, sscc: str) -> Fact:
    """The fact at the site of the package."""
    return replace(fact, site=package_by_sscc(connection, sscc).site)


@router.post("/packages")
def post_package(body: OpenPackage, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Open a package for an order or the tote with its goods, and give it its SSCC."""
    fact = fact_of("PackageOpened", (key,), body, body.actor, now, body.site)
    sscc = in_transaction(database, lambda connection: packing.open_package(connection, fact, body, now))
    news.tell()
    return _package(database, sscc)


@router.get("/packages")
def list_packages(
    database: Database, order_id: OfOrder = None, site: Filter = None, state: PackageState | None = None, after: After = None, limit: Limit = 100
) -> Page[PackageListed]:
    """Packages, newest first."""
    with reading(database) as connection:
        return queries.packages(connection, order_id=order_id, site=site, state=state, after=after, limit=limit)


@router.get("/packages/{sscc}")
def get_package(sscc: Sscc, database: Database) -> PackageOut:
    """One package: what is in it, what its order still has to be packed, its waybill."""
    return _package(database, sscc)


@router.post("/packages/{sscc}/items")
def post_item(sscc: Sscc, body: PackItem, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Put goods into an open package; wrong goods, a wrong lot or too many are refused with what belongs there (409)."""
    fact = fact_of("ItemPacked", (sscc, key), body, body.actor, now)
    do(database, news, lambda connection: packing.pack_item(connection, _fact(connection, fact, sscc), sscc, body, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/take-out")
def post_take_out(sscc: Sscc, body: TakeOut, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Take goods out of an open package."""
    fact = fact_of("ItemTakenOut", (sscc, key), body, body.actor, now)
    content = (body.item, body.lot)
    do(database, news, lambda connection: packing.take_out(connection, _fact(connection, fact, sscc), sscc, content, body.quantity, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/close")
def post_close(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Close a package; where the site wants it so, its carrier's order is placed now."""
    fact = fact_of("PackageClosed", (sscc, key), body, body.actor, now)

    def work(connection: Connection) -> None:
        if packing.close_package(connection, _fact(connection, fact, sscc), sscc, now):
            box = package_by_sscc(connection, sscc)
            placement.request_when_packed(connection, box.order_id, sscc, now)
            dispatch.ship_when_packed(connection, dispatch.Dock(fact.id, box.site, box.station, now), box.order_id)

    do(database, news, work)
    return _package(database, sscc)


@router.post("/packages/{sscc}/reopen")
def post_reopen(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Open a closed package again."""
    fact = fact_of("PackageReopened", (sscc, key), body, body.actor, now)
    do(database, news, lambda connection: packing.reopen_package(connection, _fact(connection, fact, sscc), sscc, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/void")
def post_void(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Throw a package away; its goods are to be packed anew."""
    fact = fact_of("PackageVoided", (sscc, key), body, body.actor, now)
    do(database, news, lambda connection: packing.void_package(connection, _fact(connection, fact, sscc), sscc, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/weigh")
def post_weight(sscc: Sscc, body: Weighed, database: Database, now: Now, news: News, key: RequestKey) -> WeighCheckOut:
    """Compare a weight with what should be on the scale: right, wrong (a work order), or cannot_decide with the reason."""
    fact = fact_of("PackageWeighed", (sscc, key), body, body.actor, now)
    check = in_transaction(database, lambda connection: weigh_check.weigh_package(connection, _fact(connection, fact, sscc), sscc, body, now))
    news.tell()
    return WeighCheckOut(sscc=sscc, **asdict(check))


@router.post("/ship-scans")
def post_ship_scan(body: ShipScan, database: Database, now: Now, news: News, key: RequestKey) -> ShipOutcomeOut:
    """Scan a package's label at the dock: it is loaded; with the last one the order is shipped and its carrier's orders are placed."""
    fact = fact_of("PackageScannedOut", (key,), body, body.actor, now, body.site)

    def work(connection: Connection) -> dispatch.ShipOutcome:
        ledger.record(connection, fact, now)
        return dispatch.confirm_scan(connection, dispatch.Dock(fact.id, body.site, body.station, now), body.text)

    outcome = in_transaction(database, work)
    news.tell()
    return ShipOutcomeOut.model_validate(asdict(outcome))


@router.get("/orders/{order_id}/progress")
def get_progress(order_id: OrderId, database: Database) -> ProgressOut:
    """How far an order is: accepted, released, picked, packed, shipped, and every step of its carriers."""
    with reading(database) as connection:
        found = queries.progress(connection, order_id)
    if found is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return ProgressOut.model_validate(found)


@router.get("/orders/{order_id}/packing-advice")
def get_advice(
    order_id: OrderId, database: Database, transit_h: Annotated[float, Query(gt=0, le=240, description="hours on the way, for cold goods")] = 24
) -> AdviceOut:
    """Which cartons to take for an order, how to fill them and why, and what goes in beside the goods; or which items must be measured first."""
    with reading(database) as connection:
        found = advice.advice_for_order(connection, order_id, transit_h)
    placed = [{**asdict(each), "placed": [piece._asdict() for piece in each.placed]} for each in found.cartons]
    return AdviceOut.model_validate({"possible": found.possible, "cartons": placed, "missing": found.missing, "too_large": found.too_large})
