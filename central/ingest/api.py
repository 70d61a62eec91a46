# SPDX-License-Identifier: Apache-2.0
"""Routes of ingest: the marks, and the quarantine with its bytes."""

from __future__ import annotations

import base64
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from central.database import reading
from central.examples import answer
from central.ingest import queries
from central.paging import After, Limit, Page
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["ingest"])


class MarkOut(BaseModel):
    """How far a lane of a gateway is taken."""

    model_config = answer(
        {
            "gateway": "gate-1",
            "epoch": "0f8b2c6d",
            "lane": "movements",
            "upto": 1204,
            "applied": 1204,
            "excepted": 2,
            "quarantined": 0,
            "duplicates": 3,
            "missing": 0,
            "moved_at": "2026-11-21T08:00:00Z",
        }
    )

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

    model_config = answer(
        {
            "id": 2,
            "gateway": "gate-1",
            "epoch": "0f8b2c6d",
            "lane": "movements",
            "seq": 77,
            "reason": "not a message of this version",
            "body_base64": "e30=",
            "came_at": "2026-11-21T08:00:00Z",
        }
    )

    id: int
    gateway: str
    epoch: str
    lane: str
    seq: int
    reason: str
    body_base64: str = Field(description="the bytes as they came")
    came_at: datetime


@router.get("/marks")
def list_marks(engine: Database, after: After = None, limit: Limit = 1000) -> Page[MarkOut]:
    """How far each lane of each gateway is taken."""
    with reading(engine) as connection:
        return queries.marks(connection, after, limit).of(MarkOut)


@router.get("/quarantine")
def list_quarantined(engine: Database, after: After = None, limit: Limit = 100) -> Page[QuarantinedOut]:
    """What is in quarantine, newest first."""
    with reading(engine) as connection:
        part = queries.quarantine_page(connection, after, limit)
    for row in part.items:
        row["body_base64"] = base64.b64encode(row["body"]).decode()
    return part.of(QuarantinedOut)
