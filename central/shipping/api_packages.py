# SPDX-License-Identifier: Apache-2.0
"""Routes of the pack station and the dock: sites, cartons, packages, ship confirm, loads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.facts import RequestKey, fact_of
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import advice, dispatch, packing, placement, queries, weigh_check
from central.shipping.answers import (
    AdviceOut,
    CartonOut,
    LoadListed,
    LoadOut,
    PackageListed,
    PackageOut,
    ProgressOut,
    ShipOutcomeOut,
    SiteOut,
    WeighCheckOut,
)
from central.shipping.documents import UUID_PATTERN, CartonType, LoadPlan, OpenPackage, PackItem, ShipScan, SiteSettings, SsccText, TakeOut, Weighed
from central.shipping.packing import package_by_sscc

router = APIRouter(prefix="/api/v1", tags=["shipping"])

Sscc = Annotated[str, Path(pattern=r"^[0-9]{18}$", description="SSCC of the package", examples=["006141410000000005"])]
OrderId = Annotated[str, Path(pattern=UUID_PATTERN, description="the order's id", examples=["0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"])]
LoadId = Annotated[str, Path(pattern=UUID_PATTERN, description="the load's id", examples=["0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"])]
OfOrder = Annotated[str | None, Query(pattern=UUID_PATTERN, description="only packages of this order")]
PackageState = Literal["open", "closed", "loaded", "shipped", "void"]


class Said(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li"}]})

    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


class CloseLoad(Said):
    """The vehicle leaves."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"incomplete": True, "actor": "li"}]})

    incomplete: bool = Field(False, description="also when packages of the plan are missing; they become a work order")


class OneMore(Said):
    """A package that goes onto a load, too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"sscc": "006141410000000005", "actor": "li"}]})

    sscc: SsccText


@router.get("/shipping/sites")
def list_sites(database: Database) -> list[SiteOut]:
    """How sites ship."""
    with reading(database) as connection:
        return [SiteOut.model_validate(row) for row in queries.sites(connection)]


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
def put_cartons(body: list[CartonType], database: Database, news: News) -> dict[str, int]:
    """Write carton types; one whose code is known is replaced."""
    in_transaction(database, lambda connection: packing.keep_cartons(connection, body))
    news.tell()
    return {"kept": len(body)}


def _package(engine: Engine, sscc: str) -> PackageOut:
    with reading(engine) as connection:
        found = queries.package_of(connection, sscc)
    if found is None:
        raise NotFoundError("unknown_package", f"package {sscc} is not one of ours; scan the label again")
    return PackageOut.model_validate(found)


def _do(engine: Engine, news: News, work: Callable[[Connection], object]) -> None:
    in_transaction(engine, work)
    news.tell()


def _fact(connection: Connection, fact: Fact, sscc: str) -> Fact:
    """The fact at the site of the package."""
    return Fact(fact.id, fact.source, None, fact.kind, fact.body, fact.actor, fact.occurred_at, package_by_sscc(connection, sscc).site)


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
    _do(database, news, lambda connection: packing.pack_item(connection, _fact(connection, fact, sscc), sscc, body, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/take-out")
def post_take_out(sscc: Sscc, body: TakeOut, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Take goods out of an open package."""
    fact = fact_of("ItemTakenOut", (sscc, key), body, body.actor, now)
    content = (body.item, body.lot)
    _do(database, news, lambda connection: packing.take_out(connection, _fact(connection, fact, sscc), sscc, content, body.quantity, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/close")
def post_close(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Close a package; where the site wants it so, its carrier's order is placed now."""
    fact = fact_of("PackageClosed", (sscc, key), body, body.actor, now)

    def work(connection: Connection) -> None:
        packing.close_package(connection, _fact(connection, fact, sscc), sscc, now)
        box = package_by_sscc(connection, sscc)
        placement.request_when_packed(connection, box.order_id, sscc, now)
        dispatch.ship_when_packed(connection, dispatch.Dock(fact.id, box.site, box.station, now), box.order_id)

    _do(database, news, work)
    return _package(database, sscc)


@router.post("/packages/{sscc}/reopen")
def post_reopen(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Open a closed package again."""
    fact = fact_of("PackageReopened", (sscc, key), body, body.actor, now)
    _do(database, news, lambda connection: packing.reopen_package(connection, _fact(connection, fact, sscc), sscc, now))
    return _package(database, sscc)


@router.post("/packages/{sscc}/void")
def post_void(sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> PackageOut:
    """Throw a package away; its goods are to be packed anew."""
    fact = fact_of("PackageVoided", (sscc, key), body, body.actor, now)
    _do(database, news, lambda connection: packing.void_package(connection, _fact(connection, fact, sscc), sscc, now))
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


@router.post("/loads")
def post_load(body: LoadPlan, database: Database, now: Now, news: News) -> LoadOut:
    """Plan what goes onto a vehicle. The same plan again is the same load, another one under its number is refused (409)."""
    fact = fact_of("LoadPlanned", (body.site, body.number), body, body.actor, now, body.site)
    load_id = in_transaction(database, lambda connection: dispatch.plan_load(connection, fact, body, now))
    news.tell()
    return _load(database, load_id)


@router.get("/loads")
def list_loads(
    database: Database, site: Filter = None, state: Literal["open", "closed", "cancelled"] | None = None, after: After = None, limit: Limit = 100
) -> Page[LoadListed]:
    """Loads, newest first."""
    with reading(database) as connection:
        return queries.loads(connection, site, state, after, limit)


def _load(engine: Engine, load_id: str) -> LoadOut:
    with reading(engine) as connection:
        row, state = dispatch.load_by_id(connection, load_id), dispatch.load_state(connection, load_id)
    return LoadOut.model_validate({**row._mapping, "loaded": state.loaded, "missing": state.missing})  # noqa: SLF001  # SQLAlchemy's public name


@router.get("/loads/{load_id}")
def get_load(load_id: LoadId, database: Database) -> LoadOut:
    """One load: what is on the vehicle and what is missing."""
    return _load(database, load_id)


@router.post("/loads/{load_id}/packages")
def post_load_package(load_id: LoadId, body: OneMore, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """Put one more package on an open load's plan."""
    fact = fact_of("LoadExtended", (load_id, key), body, body.actor, now)
    _do(database, news, lambda connection: dispatch.add_to_load(connection, fact, load_id, body.sscc, now))
    return _load(database, load_id)


@router.post("/loads/{load_id}/close")
def post_load_close(load_id: LoadId, body: CloseLoad, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """The vehicle leaves; with packages missing only when `incomplete` says so."""
    fact = fact_of("LoadClosed", (load_id, key), body, body.actor, now)
    _do(database, news, lambda connection: dispatch.close_load(connection, fact, load_id, now, incomplete=body.incomplete))
    return _load(database, load_id)
