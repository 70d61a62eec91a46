# SPDX-License-Identifier: Apache-2.0
"""Routes of pickers and their walks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import ConflictError, NotFoundError
from central.facts import RequestKey, fact_of
from central.ledger import service as ledger
from central.outbound import answers, mispicks, pickers, totes, tour_queries, tours, walking
from central.outbound.confirm_api import TourId
from central.outbound.pick_answers import PickerAccuracyOut, PickerLeft, PickerOut, PickListOut
from central.outbound.tour_answers import ScanRight, StopAnswer, ToteFull, TourGivenBack, TourListed, TourMapOut, TourOut, ToursPlanned, TourTaken
from central.outbound.tour_rules import Cart, Mode
from central.paging import After, Limit, Page, of_list
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["picking"])

Name = Annotated[str, Field(min_length=1, max_length=64)]
_encoder = msgspec.json.Encoder()
TourState = Literal["ready", "picking", "done", "cancelled"]


class CartSize(BaseModel):
    """What one walk carries; what is left out is as usual for the mode."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"totes": 8, "weight_g": 120000}]})

    totes: int | None = Field(None, ge=1, le=200, description="orders on one walk")
    weight_g: int | None = Field(None, ge=1, description="grams")
    volume_cm3: int | None = Field(None, ge=1, description="cubic centimetres")
    picks: int | None = Field(None, ge=1, le=1000, description="stops on one walk")

    def of(self, mode: Mode) -> Cart:
        """The cart, with the mode's usual values where nothing is said."""
        return tours.cart_of({"cart": self.model_dump()}, mode)


class Joins(BaseModel):
    """Somebody begins to pick."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"picker": "wang.fang", "site": "shanghai-1", "zone": "A"}]})

    picker: Name = Field(description="who")
    site: Name = Field(description="where")
    zone: str = Field("", max_length=64, description="one zone; empty: the whole site")
    auto: bool = Field(False, description="gets walks without asking for them: for work at lights, without a screen")


class Leaves(BaseModel):
    """Somebody goes home."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "wang.fang"}]})

    actor: str = Field("", max_length=64, description="who says so; empty: the picker")


class Plans(BaseModel):
    """Walks are planned of the open picks that have none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"site": "shanghai-1", "mode": "cluster", "cart": {"totes": 6}}]})

    site: Name = Field(description="where")
    mode: Mode = Field(description="order, batch, cluster, zone or wall")
    zone: str = Field("", max_length=64, description="only picks of this zone; empty: of all")
    orders: list[str] | None = Field(None, max_length=1000, description="only these orders (ids); left out: all")
    cart: CartSize = Field(default_factory=lambda: CartSize.model_validate({}), description="what one walk carries")
    actor: str = Field("api", max_length=64, description="who plans")


class Takes(BaseModel):
    """A picker wants the next walk."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"picker": "wang.fang", "mode": "cluster"}]})

    picker: Name = Field(description="who; must have joined")
    mode: Mode = Field("order", description="how walks are planned when none is ready and picks wait")
    cart: CartSize = Field(default_factory=lambda: CartSize.model_validate({}), description="what one walk carries")


class Scans(BaseModel):
    """What a picker scanned at a stop: a bin, the goods or a tote."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"task": "3f0c…", "text": "A-01-2", "actor": "wang.fang"}]})

    task: str = Field(description="id of the pick task")
    text: str = Field(min_length=1, max_length=200, description="as the scanner sends it")
    actor: str = Field("api", max_length=64, description="who")


class ToteCode(BaseModel):
    """A tote."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tote": "T-0815"}]})

    tote: Name = Field(description="its code")
    actor: str = Field("api", max_length=64, description="who")


def _picker(row: tours.Picker) -> dict[str, Any]:
    return {"picker": row.name, "site": row.site, "zone": row.zone, "colour": row.colour}


@router.post("/pickers", response_model=PickerOut)
def join(body: Joins, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Begin to pick: gives the colour of one's lights. Again changes nothing, elsewhere moves."""
    fact = fact_of("PickerJoined", (body.picker, key), body, body.picker, now, body.site)
    joined = in_transaction(database, lambda connection: pickers.join(connection, fact, body.picker, body.site, body.zone, now, auto=body.auto))
    news.tell()
    return _picker(joined)


@router.get("/pickers", response_model=Page[PickerOut])
def list_pickers(database: Database, site: str, after: After = None, limit: Limit = 200) -> Page[dict[str, Any]]:
    """Who picks at a site now, by name."""
    with reading(database) as connection:
        return tour_queries.pickers_here(connection, site, after, limit)


@router.get("/pickers/accuracy", response_model=Page[PickerAccuracyOut])
def picker_accuracy(database: Database, site: str, after: After = None, limit: Limit = 200) -> Page[dict[str, Any]]:
    """Lines, mispicks that a check stopped, and the share of right lines, by picker."""
    with reading(database) as connection:
        found = tour_queries.accuracy(connection, site)
    return of_list(found, lambda row: (row["picker"],), after, limit, ("picker",))


@router.post("/pickers/{picker}/leave", response_model=PickerLeft)
def leave(picker: str, body: Leaves, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Go home: what is left of the walk in work is planned anew for others."""
    fact = fact_of("PickerLeft", (picker, key), body, body.actor or picker, now)
    made = in_transaction(database, lambda connection: pickers.leave(connection, fact, picker, now))
    news.tell()
    return {"picker": picker, "ready": made}


@router.post("/tours/plan", response_model=ToursPlanned)
def plan_tours(body: Plans, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Plan walks over the open picks that have none."""
    fact = fact_of("ToursPlanned", (body.site, key), body, body.actor, now, body.site)

    def work(connection: Connection) -> list[str]:
        if ledger.record(connection, fact, now).already:
            return []
        made = tours.plan(connection, fact.id, body.site, body.mode, body.cart.of(body.mode), now, zone=body.zone, order_ids=body.orders)
        tours.dispatch(connection, fact.id, body.site, now)
        return made

    made = in_transaction(database, work)
    news.tell()
    return {"tours": made}


@router.get("/tours", response_model=Page[TourListed])
def list_tours(database: Database, site: str | None = None, state: TourState | None = None, after: After = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Walks, in the order in which they were planned."""
    with reading(database) as connection:
        return tour_queries.tours(connection, site, state, after, limit)


@router.post("/tours/next", response_model=TourTaken)
def next_tour(body: Takes, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Take the next walk: the one in work, else the most urgent that is ready, else one planned now. `tour` is null when nothing is to be picked."""
    fact = fact_of("TourTaken", (body.picker, key), body, body.picker, now)

    def work(connection: Connection) -> str | None:
        picker = pickers.session_of(connection, body.picker)
        if picker is None:
            raise ConflictError("not_joined", f"{body.picker} does not pick anywhere now; join a site first")
        ledger.record(connection, fact, now)
        return tours.next_tour(connection, fact.id, picker, now, body.mode, body.cart.of(body.mode))

    tour_id = in_transaction(database, work)
    news.tell()
    return {"tour": None if tour_id is None else _tour(database, tour_id)}


def _tour(engine: Engine, tour_id: str) -> dict[str, Any]:
    with reading(engine) as connection:
        found = tour_queries.tour_of(connection, tour_id)
    if found is None:
        raise NotFoundError("unknown_tour", f"tour {tour_id} is not known")
    return found


@router.get("/tours/{tour_id}", response_model=TourOut)
def get_tour(tour_id: TourId, database: Database) -> dict[str, Any]:
    """A walk with its stops in order (the pick list) and its totes."""
    return _tour(database, tour_id)


@router.get("/tours/{tour_id}/stop", response_model=StopAnswer)
def current_stop(tour_id: TourId, database: Database) -> Response:
    """Where to go now, what to take, into which slot, and what comes next; `stop` is null when nothing is left."""
    with reading(database) as connection:
        stop = tour_queries.stop_of(connection, tour_id)
    if stop is None:
        _tour(database, tour_id)
    return Response(_encoder.encode({"stop": stop}), media_type="application/json")


@router.get("/tours/{tour_id}/map", response_model=TourMapOut)
def tour_map(tour_id: TourId, database: Database) -> dict[str, Any]:
    """The floor's coordinates and the walk, for a drawing."""
    with reading(database) as connection:
        found = tour_queries.map_of(connection, tour_id)
    if found is None:
        raise NotFoundError("unknown_tour", f"tour {tour_id} is not known")
    return found


@router.post("/tours/{tour_id}/scan", response_model=ScanRight)
def scan_at_stop(tour_id: TourId, body: Scans, database: Database, now: Now, key: RequestKey) -> dict[str, Any]:
    """Check a scan against a stop. What is wrong is refused (409: wrong_bin, wrong_item, wrong_lot, wrong_tote) and counted as a mispick."""
    fact = fact_of("PickScanned", (tour_id, key), body, body.actor, now)
    found = in_transaction(database, lambda connection: answers.scan(connection, fact, body.task, body.text))
    if found.wrong:
        raise mispicks.WrongScanError(found.wrong, found.expected, body.text)
    return {"task": body.task, "matches": found.matches, "quantity": found.quantity}


@router.post("/tours/{tour_id}/give-back", response_model=TourGivenBack)
def give_back(tour_id: TourId, body: Leaves, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Stop: what is left becomes a walk that is ready for somebody else; `ready` is its id, null when nothing is left."""
    fact = fact_of("TourGivenBack", (tour_id, key), body, body.actor or "api", now)

    def work(connection: Connection) -> str | None:
        ledger.record(connection, fact, now)
        return walking.give_back(connection, fact.id, tour_id, now)

    ready = in_transaction(database, work)
    news.tell()
    return {"tour": tour_id, "ready": ready}


@router.put("/tours/{tour_id}/totes/{slot}", response_model=TourOut)
def set_tote(tour_id: TourId, slot: str, body: ToteCode, database: Database) -> dict[str, Any]:
    """Say which tote stands in a slot (`-` for the only one)."""
    in_transaction(database, lambda connection: totes.set_tote(connection, tour_id, _slot(slot), body.tote))
    return _tour(database, tour_id)


@router.post("/tours/{tour_id}/totes/{slot}/full", response_model=ToteFull)
def tote_full(tour_id: TourId, slot: str, body: ToteCode, database: Database, now: Now, news: News) -> dict[str, Any]:
    """A tote is full: what is left goes into another one, in a slot of its own."""
    fresh = in_transaction(database, lambda connection: totes.tote_full(connection, tour_id, _slot(slot), body.tote, now))
    news.tell()
    return {"slot": fresh, "tour": _tour(database, tour_id)}


def _slot(word: str) -> str:
    return "" if word == "-" else word


@router.get("/orders/{order_id}/pick-list", response_model=PickListOut)
def pick_list(order_id: str, database: Database) -> dict[str, Any]:
    """The pick list of an order, in the order in which it is walked."""
    with reading(database) as connection:
        found = tour_queries.pick_list_of_order(connection, order_id)
    if found is None:
        raise NotFoundError("unknown_order", f"order {order_id} is not known")
    return found
