# SPDX-License-Identifier: Apache-2.0
"""Routes of handling units: make, fill, nest, move, split, merge, unpack, close; what is in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from central.catalog.rules import Code, Lot
from central.database import in_transaction, reading
from central.facts import RequestKey, fact_of
from central.ledger.rules import Fact, Status
from central.paging import After, Limit, Page
from central.requests import Database, News, Now
from central.stock import answers, handling, numbers, queries
from central.stock.bodies import Actor, Body, OptionalSite, Place, Quantity, Serial, Step, Unit

router = APIRouter(prefix="/api/v1", tags=["stock"])

Sscc = Annotated[str, Path(min_length=1, max_length=40, description="SSCC, or the unit's name of the house")]
_GOODS: dict[str, Any] = {"item": "milk", "lot": "L1", "quantity": 24}


class UnitMade(Body):
    """A new, empty handling unit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "pallet", "place": "shanghai-1/RECEIVING"}]})

    kind: Literal["pallet", "case", "tote", "carton"]
    place: Place
    sscc: Unit = Field("", description="18 digits with their check digit, or a name of the house; empty: one of our own numbers")
    parent: Unit = Field("", description="unit at the same place that it stands in")
    actor: Actor = "api"


class GoodsOf(Body):
    """So much of what lies in a unit, or loose beside it."""

    item: Code
    quantity: Quantity
    lot: Lot = ""
    owner: str = Field("", max_length=64)
    status: Status = "available"
    serials: list[Serial] = Field([], max_length=5000)

    def goods(self) -> handling.Goods:
        """As the use case takes it."""
        return handling.Goods(self.item, self.quantity, self.lot, self.owner, self.status, tuple(self.serials))


class Filling(Body):
    """Goods that go in or come out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"goods": [_GOODS]}]})

    goods: list[GoodsOf] = Field(min_length=1, max_length=500)
    from_unit: Unit = Field("", description="unit at the same place that they lie in; empty: they lie loose (only for putting in)")
    actor: Actor = "api"


class Splitting(Body):
    """Goods that go into a new unit of the same kind."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"goods": [_GOODS], "sscc": ""}]})

    goods: list[GoodsOf] = Field(min_length=1, max_length=500)
    sscc: Unit = Field("", description="of the new unit; empty: one of our own numbers")
    actor: Actor = "api"


class Nesting(Body):
    """What the unit stands in from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"parent": "006141411234567890"}]})

    parent: Unit = Field(description="unit at the same place; empty: it stands by itself")
    actor: Actor = "api"


class UnitMove(Body):
    """Where the unit goes with everything in it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to_place": "shanghai-1/RACK-3"}]})

    to_place: Place
    with_reservations: bool = Field(False, description="goods in it that are reserved go too, and their tasks ask at the new place")
    actor: Actor = "api"


class Merging(Body):
    """Which unit everything goes into."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": "006141411234567906"}]})

    into: Unit = Field(min_length=1, description="unit at the same place")
    actor: Actor = "api"


class OwnNumbers(Body):
    """From which numbers our SSCCs are made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"site": "", "prefix": "00614141"}]})

    site: OptionalSite = Field("", description="empty: all sites without their own")
    prefix: str = Field(pattern=r"^[0-9]{5,13}$", description="extension digit and GS1 company prefix")


@router.put("/stock/sscc-ranges")
def put_range(body: OwnNumbers, database: Database) -> answers.RangeKept:
    """Tell which SSCCs are ours to give."""
    in_transaction(database, lambda connection: numbers.keep_range(connection, body.site, body.prefix))
    return answers.RangeKept(site=body.site, prefix=body.prefix)


@router.post("/stock/units")
def post_unit(body: UnitMade, database: Database, now: Now, news: News, key: RequestKey) -> answers.UnitNamed:
    """Make a handling unit; answers its SSCC."""
    fact = fact_of("UnitMade", (key,), body, body.actor, now, body.place.partition("/")[0])
    code = in_transaction(database, lambda connection: handling.make_unit(connection, fact, body.kind, body.place, now, body.sscc, body.parent or None))
    news.tell()
    return answers.UnitNamed(sscc=code)


@router.get("/stock/units", response_model=Page[answers.UnitListed])
def list_units(
    database: Database,
    site: str | None = None,
    place: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Handling units by SSCC."""
    with reading(database) as connection:
        return queries.handling_units(connection, site=site, place=place, kind=kind, state=state, after=after, limit=limit)


@router.get("/stock/units/{sscc}", response_model=answers.UnitOut)
def get_unit(sscc: Sscc, database: Database) -> dict[str, Any]:
    """A unit with everything in it, as it is nested, and the quantities in packagings."""
    with reading(database) as connection:
        return queries.unit_contents(connection, sscc)


def _do(database: Database, news: News, sscc: str, work: Callable[[Connection], Any]) -> dict[str, Any]:
    in_transaction(database, work)
    news.tell()
    return get_unit(sscc, database)


def _fact(kind: str, sscc: str, key: str, body: Body, now: Now) -> Fact:
    return fact_of(kind, (sscc, key), body, body.actor, now)  # type: ignore[attr-defined]  # every body of these routes has one


@router.post("/stock/units/{sscc}/put", response_model=answers.UnitOut)
def put_into_unit(sscc: Sscc, body: Filling, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Put goods into a unit."""
    fact, goods = _fact("UnitFilled", sscc, key, body, now), [each.goods() for each in body.goods]
    return _do(database, news, sscc, lambda connection: handling.put_in(connection, fact, sscc, goods, now, body.from_unit))


@router.post("/stock/units/{sscc}/take-out", response_model=answers.UnitOut)
def take_out_of_unit(sscc: Sscc, body: Filling, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Take goods out of a unit; they lie loose beside it."""
    fact, goods = _fact("UnitEmptied", sscc, key, body, now), [each.goods() for each in body.goods]
    return _do(database, news, sscc, lambda connection: handling.take_out(connection, fact, sscc, goods, now))


@router.post("/stock/units/{sscc}/nest", response_model=answers.UnitOut)
def nest_unit(sscc: Sscc, body: Nesting, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Stand a unit in another one, or by itself."""
    fact = _fact("UnitNested", sscc, key, body, now)
    return _do(database, news, sscc, lambda connection: handling.nest_unit(connection, fact, sscc, body.parent or None, now))


@router.post("/stock/units/{sscc}/move", response_model=answers.UnitOut)
def move_unit(sscc: Sscc, body: UnitMove, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Move a unit with everything in it within its site."""
    fact = _fact("UnitMoved", sscc, key, body, now)
    options = {"with_reservations": body.with_reservations}
    return _do(database, news, sscc, lambda connection: handling.move_unit(connection, fact, sscc, body.to_place, now, **options))


@router.post("/stock/units/{sscc}/split")
def split_unit(sscc: Sscc, body: Splitting, database: Database, now: Now, news: News, key: RequestKey) -> answers.UnitNamed:
    """Put a part of a unit's goods into a new unit beside it; answers the new SSCC."""
    fact, goods = _fact("UnitSplit", sscc, key, body, now), [each.goods() for each in body.goods]
    code = in_transaction(database, lambda connection: handling.split_unit(connection, fact, sscc, goods, now, body.sscc))
    news.tell()
    return answers.UnitNamed(sscc=code)


@router.post("/stock/units/{sscc}/merge", response_model=answers.UnitOut)
def merge_unit(sscc: Sscc, body: Merging, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Put everything of a unit into another one; the empty one is gone."""
    fact = _fact("UnitMerged", sscc, key, body, now)
    return _do(database, news, body.into, lambda connection: handling.merge_units(connection, fact, sscc, body.into, now))


@router.post("/stock/units/{sscc}/dissolve", response_model=answers.UnitOut)
def dissolve_unit(sscc: Sscc, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Unpack a unit: what was in it stands loose, or in what it stood in."""
    fact = _fact("UnitDissolved", sscc, key, body, now)
    return _do(database, news, sscc, lambda connection: handling.dissolve_unit(connection, fact, sscc, now))


@router.post("/stock/units/{sscc}/close", response_model=answers.UnitOut)
def close_unit(sscc: Sscc, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Close a unit: nothing goes in or comes out."""
    fact = _fact("UnitClosed", sscc, key, body, now)
    return _do(database, news, sscc, lambda connection: handling.close_unit(connection, fact, sscc, now, closed=True))


@router.post("/stock/units/{sscc}/open", response_model=answers.UnitOut)
def open_unit(sscc: Sscc, body: Step, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Open a closed unit again."""
    fact = _fact("UnitOpened", sscc, key, body, now)
    return _do(database, news, sscc, lambda connection: handling.close_unit(connection, fact, sscc, now, closed=False))
