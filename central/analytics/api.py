# SPDX-License-Identifier: Apache-2.0
"""Routes of analytics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from central.analytics.answers import Figures
from central.analytics.hazards import dangerous_goods
from central.analytics.queries import figures
from central.database import reading
from central.metrics import Metrics
from central.paging import After, Limit, Page, of_list
from central.requests import Database, Filter

router = APIRouter(prefix="/api/v1", tags=["analytics"])


class DangerousOut(BaseModel):
    """Dangerous goods at a place."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "site": "shanghai-1",
                    "place": "shanghai-1/H-01",
                    "zone": "H",
                    "item": "bleach",
                    "name": "Bleach 5 l",
                    "hazard_class": "5.1",
                    "quantity": 12,
                    "weight_g": 62400,
                    "faults": ["apart_in_place"],
                    "against": ["3"],
                }
            ]
        },
    )

    site: str
    place: str
    zone: str
    item: str
    name: str
    hazard_class: str = Field(description="UN class or division")
    quantity: int = Field(description="all lots and statuses, smallest units")
    weight_g: int | None = Field(description="by the catalog's weight of a unit; null: it has none")
    faults: list[str] = Field(description="class_not_allowed: the place does not allow the class; apart_in_place, apart_in_zone: too near to other classes")
    against: list[str] = Field(description="the classes that are too near")


@router.get("/dangerous-goods")
def list_dangerous_goods(
    database: Database,
    site: Filter = None,
    only_faults: Annotated[bool, Query(description="only what must not lie where it lies")] = False,
    after: After = None,
    limit: Limit = 100,
) -> Page[DangerousOut]:
    """Dangerous goods in stock by place, with what is wrong about where they lie."""
    with reading(database) as connection:
        rows = [row for row in dangerous_goods(connection, site) if row.faults or not only_faults]
    return of_list(rows, lambda row: (row.place, row.item), after, limit, ("place", "item")).of(DangerousOut)


@router.get("/figures")
def get_figures(request: Request, database: Database, verify: bool = True) -> Figures:
    """All figures, with the verifier's answer unless `verify` is false, and the recent latency from device bytes to the committed ledger."""
    with reading(database) as connection:
        answer = figures(connection, verified=verify)
    metrics: Metrics = request.app.state.metrics
    return Figures.model_validate({**answer, "latency_ms": {"p50": metrics.lag_ms(0.5), "p99": metrics.lag_ms(0.99)}})
