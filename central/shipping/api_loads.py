# SPDX-License-Identifier: Apache-2.0
"""Routes of loads: what goes onto a vehicle, and whether it did."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.examples import body as taken
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import dispatch, loads, queries
from central.shipping.answers import LoadListed, LoadOut
from central.shipping.documents import UUID_PATTERN, LoadPlan, SsccText
from central.shipping.requests import EXAMPLE_ID, EXAMPLE_SSCC, Said, Sscc, do

router = APIRouter(prefix="/api/v1", tags=["shipping"])

LoadId = Annotated[str, Path(pattern=UUID_PATTERN, description="the load's id", examples=[EXAMPLE_ID])]


class CloseLoad(Said):
    """The vehicle leaves."""

    model_config = taken({"incomplete": True, "actor": "li"})

    incomplete: bool = Field(False, description="also when packages of the plan are missing; they become a work order")


class OneMore(Said):
    """A package that goes onto a load, too."""

    model_config = taken({"sscc": EXAMPLE_SSCC, "actor": "li"})

    sscc: SsccText


@router.post("/loads")
def post_load(body: LoadPlan, database: Database, now: Now, news: News) -> LoadOut:
    """Plan what goes onto a vehicle. The same plan again is the same load, another one under its number is refused (409)."""
    fact = fact_of("LoadPlanned", (body.site, body.number), body, body.actor, now, body.site)
    load_id = in_transaction(database, lambda connection: loads.plan_load(connection, fact, body, now))
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
        row, state = loads.load_by_id(connection, load_id), loads.load_state(connection, load_id)
    return LoadOut.model_validate({**row._mapping, "loaded": state.loaded, "missing": state.missing})  # noqa: SLF001  # SQLAlchemy's public name


@router.get("/loads/{load_id}")
def get_load(load_id: LoadId, database: Database) -> LoadOut:
    """One load: what is on the vehicle and what is missing."""
    return _load(database, load_id)


@router.post("/loads/{load_id}/packages")
def post_load_package(load_id: LoadId, body: OneMore, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """Put one more package on an open load's plan."""
    fact = fact_of("LoadExtended", (load_id, key), body, body.actor, now)
    do(database, news, lambda connection: dispatch.plan_one_more(connection, fact, load_id, body.sscc, now))
    return _load(database, load_id)


@router.post("/loads/{load_id}/close")
def post_load_close(load_id: LoadId, body: CloseLoad, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """The vehicle leaves; with packages missing only when `incomplete` says so."""
    fact = fact_of("LoadClosed", (load_id, key), body, body.actor, now)
    do(database, news, lambda connection: dispatch.depart(connection, fact, load_id, now, incomplete=body.incomplete))
    return _load(database, load_id)


@router.post("/loads/{load_id}/packages/{sscc}/take-off")
def post_load_take_off(load_id: LoadId, sscc: Sscc, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """Take a package off an open load's plan, e.g. to put it on another one; one that is on the vehicle stays (409)."""
    fact = fact_of("LoadShortened", (load_id, sscc, key), body, body.actor, now)
    do(database, news, lambda connection: loads.take_off(connection, fact, load_id, sscc, now))
    return _load(database, load_id)


@router.post("/loads/{load_id}/cancel")
def post_load_cancel(load_id: LoadId, body: Said, database: Database, now: Now, news: News, key: RequestKey) -> LoadOut:
    """The vehicle does not come: the packages may go onto another load. Refused when some are on the vehicle (409)."""
    fact = fact_of("LoadCancelled", (load_id, key), body, body.actor, now)
    do(database, news, lambda connection: loads.cancel(connection, fact, load_id, now))
    return _load(database, load_id)
