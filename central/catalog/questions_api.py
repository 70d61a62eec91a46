# SPDX-License-Identifier: Apache-2.0
"""Routes that answer questions about the catalog: what a code names, a quantity in packagings, weights, look-alikes, a site's layout and ranks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from central.catalog import rules, service
from central.catalog.rules.duplicates import Known, Likeness, look_alikes
from central.catalog.rules.packing import quantity_text, split_quantity
from central.catalog.rules.ranking import Method
from central.catalog.rules.words import QUANTITY_MAX
from central.catalog.service import weights
from central.catalog.tables import item as item_table
from central.database import in_transaction, reading
from central.examples import answer
from central.facts import RequestKey, document_id
from central.paging import After, Limit, Page, of_list
from central.requests import Database, News, Now

router = APIRouter(prefix="/catalog")

_TEXT = r"^[^\x00]*$"
_Lot = Annotated[str, Query(max_length=20, pattern=_TEXT)]
_Units = Annotated[int, Query(gt=0, le=QUANTITY_MAX)]
_Scan = Annotated[
    str, Query(min_length=1, max_length=200, pattern=_TEXT, description="item code, GTIN, packaging's GTIN, alias or GS1 label", examples=["10614141000019"])
]


_PART = {"packaging": "case", "times": 2, "units": 12}
_AISLE = {"code": "A", "zone": "A", "x_m": 2.0, "y_from_m": 0.0, "y_to_m": 20.0, "direction": "both"}
_PLACE = {
    "place": "shanghai-1/A-01",
    "code": "A-01",
    "kind": "bin",
    "zone": "A",
    "aisle": "A",
    "x_m": 2.0,
    "y_m": 1.5,
    "z_m": 0.0,
    "pick_rank": 10,
}


class NamedOut(BaseModel):
    """What a code names."""

    model_config = answer({"code": "10614141000019", "item": "milk", "quantity": 12, "kind": "packaging"})

    code: str
    item: str
    quantity: int = Field(description="smallest units that one such code stands for")
    kind: str = Field(description="item, gtin, packaging or alias")


class PartOut(BaseModel):
    """So many packagings."""

    model_config = answer(_PART)

    packaging: str
    times: int
    units: int = Field(description="smallest units in one")


class QuantityOut(BaseModel):
    """A quantity in smallest units and in packagings."""

    model_config = answer(
        {"item": "milk", "quantity": 29, "parts": [_PART, {"packaging": "each", "times": 5, "units": 1}], "text": "2 cases + 5 each", "text_zh": "2 箱 + 5 件"}
    )

    item: str
    quantity: int
    parts: list[PartOut]
    text: str = Field(examples=["3 pallets + 2 cases + 5 each"])
    text_zh: str = Field(examples=["3 托 + 2 箱 + 5 件"])


class WeighingIn(BaseModel):
    """Goods of a catch-weight item on a scale together."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"item": "salmon", "lot": "L7", "unit": "006141411234567890", "quantity": 12, "weight_g": 50312}]}
    )

    item: rules.Code
    quantity: int = Field(gt=0, le=QUANTITY_MAX, description="smallest units on the scale")
    weight_g: int = Field(gt=0, le=QUANTITY_MAX, description="net")
    lot: rules.Lot = ""
    unit: str = Field(
        "", max_length=64, pattern=_TEXT, description="handling unit or serial that was weighed; weighed again, the last counts; empty: loose goods"
    )
    actor: str = Field("api", max_length=100, pattern=_TEXT)


class WeighingOut(BaseModel):
    """Whether the weighing is kept new, or was before."""

    model_config = answer({"kept": True})

    kept: bool


class WeightOut(BaseModel):
    """What a quantity weighs, and how that is known."""

    model_config = answer({"item": "salmon", "quantity": 12, "weight_g": 50312, "basis": "weighed", "weighed_quantity": 12})

    item: str
    quantity: int
    weight_g: int | None
    basis: weights.Basis = Field(description="weighed: on a scale as it is; average_of_unit, average_of_lot: by what was weighed; nominal: by the catalog only")
    weighed_quantity: int = Field(description="smallest units on which the figure rests")


class PairOut(BaseModel):
    """Two items that may be one thing."""

    model_config = answer({"one": "milk", "other": "milk-1l", "alike": ["name"]})

    one: str
    other: str
    alike: list[Likeness]


class RankingIn(BaseModel):
    """How to rank the places of a site."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"method": "serpentine", "dry_run": True}]})

    method: Method = Field("serpentine", description="serpentine: up one aisle and down the next; distance: nearest to the start first")
    dry_run: bool = Field(False, description="only say what would change")


class RankingOut(BaseModel):
    """Places in the order in which they are passed."""

    model_config = answer({"order": ["A-01", "A-02"], "changed": 2, "unplaced": ["STAGE-1"]})

    order: list[str]
    changed: int = Field(description="places whose rank differs from before")
    unplaced: list[str] = Field(description="places without coordinates; they keep their ranks")


class LayoutOut(BaseModel):
    """The ways of a site; metres."""

    model_config = answer({"aisles": [_AISLE], "cross_aisles": [], "places": [_PLACE]})

    aisles: list[service.AisleAt]
    cross_aisles: list[service.CrossAisleAt]
    places: list[service.PlaceAt]


@router.get("/named")
def name_code(code: _Scan, database: Database) -> NamedOut:
    """What a scanned or typed code names, and how many units it stands for."""
    with reading(database) as connection:
        found = service.named(connection, code)
    return NamedOut(code=code, item=found.item, quantity=found.quantity, kind=found.kind)


@router.get("/quantities")
def convert_quantity(
    item: _Scan, text: Annotated[str, Query(min_length=1, max_length=200, pattern=_TEXT, examples=["2 cases + 5"])], database: Database
) -> QuantityOut:
    """A quantity as people write it, in smallest units and in packagings; a bare number counts smallest units."""
    with reading(database) as connection:
        code = service.named(connection, item).item
        quantity = service.quantity_said(connection, code, text)
        sizes = service.sizes_of(connection, code)
    parts = [PartOut(packaging=each.packaging, times=each.times, units=each.units) for each in split_quantity(quantity, sizes)]
    return QuantityOut(item=code, quantity=quantity, parts=parts, text=quantity_text(quantity, sizes), text_zh=quantity_text(quantity, sizes, "zh"))


@router.post("/weights")
def record_weight(body: WeighingIn, database: Database, now: Now, key: RequestKey) -> WeighingOut:
    """Record what goods of a catch-weight item really weighed; once for its Idempotency-Key."""
    weighing = weights.Weighing(**body.model_dump())
    return WeighingOut(kept=in_transaction(database, lambda connection: weights.record_weight(connection, document_id("Weighed", key), weighing, now)))


@router.get("/weights")
def weigh_quantity(
    item: _Scan, quantity: _Units, database: Database, lot: _Lot = "", unit: Annotated[str, Query(max_length=64, pattern=_TEXT)] = ""
) -> WeightOut:
    """What a quantity of an item weighs: as weighed when it came in, else by the average of its lot, else nominally, and it says which."""
    with reading(database) as connection:
        code = service.named(connection, item).item
        weight = weights.weight_of(connection, code, quantity, lot, unit)
    return WeightOut(item=code, quantity=quantity, weight_g=weight.weight_g, basis=weight.basis, weighed_quantity=weight.weighed_quantity)


@router.get("/duplicates")
def find_duplicates(database: Database, after: After = None, limit: Limit = 100) -> Page[PairOut]:
    """Items that look like one thing under two codes, for a person to judge: by code, name, GTIN, or name and size together."""
    with reading(database) as connection:
        pairs = look_alikes(_known(connection))
    return of_list(
        [PairOut(one=each.one, other=each.other, alike=list(each.alike)) for each in pairs], lambda each: (each.one, each.other), after, limit, ("one", "other")
    )


def _known(connection: Connection) -> list[Known]:
    columns = [item_table.c[name] for name in ("code", "gtin", "name", "name_zh", "length_mm", "width_mm", "height_mm", "unit_weight_g")]
    return [Known(code, gtin, name, name_zh, tuple(size)) for code, gtin, name, name_zh, *size in connection.execute(select(*columns))]


@router.get("/sites/{code}/layout")
def show_layout(code: Annotated[str, Path(max_length=64, pattern=_TEXT)], database: Database) -> LayoutOut:
    """Aisles, cross aisles and places of a site with their coordinates in metres."""
    with reading(database) as connection:
        layout = service.layout_of(connection, code)
    return LayoutOut.model_validate(layout)


@router.post("/sites/{code}/ranks")
def rank_places(code: Annotated[str, Path(max_length=64, pattern=_TEXT)], body: RankingIn, database: Database, news: News) -> RankingOut:
    """Give bins and storage places their pick ranks from their coordinates, beginning at the place of kind start."""
    ranking = in_transaction(database, lambda connection: service.rank_places(connection, code, body.method, body.dry_run))
    news.tell()
    return RankingOut(order=list(ranking.order), changed=ranking.changed, unplaced=list(ranking.unplaced))
