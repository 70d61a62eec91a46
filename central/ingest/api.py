# SPDX-License-Identifier: Apache-2.0
"""Routes of ingest: the marks, and the quarantine with its bytes."""

from __future__ import annotations

import base64
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from central.database import reading
from central.ingest import queries
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["ingest"])


class MarkOut(BaseModel):
    """How far a lane of a gateway is taken."""

    model_config = ConfigDict(from_attributes=True)

    gateway: str
    epoch: str
    lane: str
    upto: int
    applied: int
    excepted: int
    quarantined: int
    duplicates: int
    missing: int
    moved_at: datetime


class QuarantinedOut(BaseModel):
    """Something that could not be read or applied, with its bytes as they came."""

    id: int
    gateway: str
    epoch: str
    lane: str
    seq: int
    reason: str
    body_base64: str
    came_at: datetime


@router.get("/marks")
def list_marks(engine: Database) -> list[MarkOut]:
    """All lanes of all gateways."""
    with reading(engine) as connection:
        return [MarkOut.model_validate(row) for row in queries.marks(connection)]


@router.get("/quarantine")
def list_quarantined(engine: Database) -> list[QuarantinedOut]:
    """The newest hundred things in quarantine."""
    with reading(engine) as connection:
        rows = queries.quarantined(connection)
    return [
        QuarantinedOut(
            id=row.id,
            gateway=row.gateway,
            epoch=row.epoch,
            lane=row.lane,
            seq=row.seq,
            reason=row.reason,
            body_base64=base64.b64encode(row.body).decode(),
            came_at=row.came_at,
        )
        for row in rows
    ]
