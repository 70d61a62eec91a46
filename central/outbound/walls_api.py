# SPDX-License-Identifier: Apache-2.0
"""Routes of put-to-light walls and of lamp tests."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.facts import RequestKey, fact_of
from central.outbound import answers, lights, tour_queries, walls
from central.outbound.wall_answers import LampTestAsked, LampTestOut, SlotLeft, WallOut, WallScanned
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["picking"])

Name = Annotated[str, Field(min_length=1, max_length=64)]


class WallTable(BaseModel):
    """A wall: its slots, and the station that lights them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"gateway": "dock-1", "station": "wall-1", "slots": ["1-1", "1-2", "2-1", "2-2"]}]}
    )

    gateway: str = Field("", max_length=64, description="gateway of its lights; empty: none")
    station: str = Field("", max_length=64, description="pick zone station whose bins are the slots")
    slots: list[Name] = Field(min_length=1, max_length=1000, description="their names, as on the wall")


class WallScan(BaseModel):
    """Goods in somebody's hand."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "00614141000012", "colour": "blue"}]})

    text: str = Field(min_length=1, max_length=200, description="what was scanned on the goods")
    colour: str = Field(walls.DEFAULT_COLOUR, pattern="^(red|green|orange|blue|pink|cyan)$", description="colour of whoever sorts")
    actor: str = Field("api", max_length=64, description="who")


class PutAnswer(BaseModel):
    """What was put into a slot."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"quantity": 2}]})

    quantity: int = Field(ge=0, le=2**53, description="smallest units; fewer than asked becomes a work order")
    actor: str = Field("api", max_length=64, description="who")


class SlotClosed(BaseModel):
    """An order leaves its slot for packing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tote": "T-0815"}]})

    tote: str = Field("", max_length=64, description="what it leaves in; empty: stays as it is")
    actor: str = Field("api", max_length=64, description="who")


class Asks(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li.na"}]})

    actor: str = Field("api", max_length=64, description="who")


@router.put("/walls/{site}/{wall}", response_model=WallOut)
def keep_wall(site: str, wall: str, body: WallTable, database: Database) -> dict[str, Any]:
    """Have a wall with these slots."""
    in_transaction(database, lambda connection: walls.keep(connection, site, wall, body.gateway, body.station, body.slots))
    return get_wall(site, wall, database)


@router.get("/walls/{site}/{wall}", response_model=WallOut)
def get_wall(site: str, wall: str, database: Database) -> dict[str, Any]:
    """A wall: what each slot holds, waits for, and whether it is complete."""
    with reading(database) as connection:
        found = tour_queries.wall_of(connection, site, wall)
    if found is None:
        raise NotFoundError("unknown_wall", f"site {site} has no wall {wall}; add it first")
    return found


@router.post("/walls/{site}/{wall}/scan", response_model=WallScanned)
def scan_at_wall(site: str, wall: str, body: WallScan, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Goods are scanned: every slot that wants some lights with its quantity."""
    fact = fact_of("WallScanned", (site, wall, key), body, body.actor, now, site)
    puts = in_transaction(database, lambda connection: answers.scan_at_wall(connection, fact, wall, body.text, body.colour, now))
    news.tell()
    return {"puts": [{"id": each.id, "order": each.order, "slot": each.slot, "item": each.item, "quantity": each.quantity} for each in puts]}


@router.post("/walls/{site}/{wall}/puts/{put_id}/confirm", response_model=WallOut)
def confirm_put(site: str, wall: str, put_id: str, body: PutAnswer, database: Database, now: Now, news: News) -> dict[str, Any]:
    """Answer a put from a screen; the same answer again changes nothing."""
    fact = fact_of("PutConfirmed", (put_id, str(body.quantity)), body, body.actor, now, site)
    in_transaction(database, lambda connection: answers.put_from_screen(connection, fact, put_id, body.quantity, now))
    news.tell()
    return get_wall(site, wall, database)


@router.post("/walls/{site}/{wall}/slots/{slot}/close", response_model=SlotLeft)
def close_slot(site: str, wall: str, slot: str, body: SlotClosed, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """An order that is complete leaves its slot for packing; `order` is empty when the slot was free already."""
    fact = fact_of("SlotClosed", (site, wall, slot, key), body, body.actor, now, site)
    order_id = in_transaction(database, lambda connection: answers.close_slot(connection, fact, wall, slot, body.tote, now))
    news.tell()
    return {"order": order_id}


@router.post("/zones/{site}/{zone}/lamp-test", status_code=202, response_model=LampTestAsked)
def lamp_test(site: str, zone: str, body: Asks, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Light all lamps of a zone for a moment; the result names the dead ones."""
    fact = fact_of("LampTestAsked", (site, zone, key), body, body.actor, now, site)
    command_id = in_transaction(database, lambda connection: lights.ask_lamp_test(connection, fact, site, zone, now))
    news.tell()
    return {"lamp_test": command_id}


@router.get("/lamp-tests/{lamp_test_id}", response_model=LampTestOut)
def get_lamp_test(lamp_test_id: str, database: Database) -> dict[str, Any]:
    """A lamp test: asked, done or failed; `dead` are the bins whose lamps stayed dark."""
    with reading(database) as connection:
        found = tour_queries.lamp_test_of(connection, lamp_test_id)
    if found is None:
        raise NotFoundError("unknown_lamp_test", f"lamp test {lamp_test_id} is not known")
    return found
