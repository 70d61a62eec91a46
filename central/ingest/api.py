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


class GapOut(BaseModel):
    """Numbers that never came and will not come."""

    model_config = answer(
        {
            "first_seq": 1191,
            "last_seq": 1204,
            "reason": "outbox_lost",
            "explanation": "the gateway began a new outbox before these events came: its card was replaced, lost or wiped; they exist nowhere any more",
            "found_at": "2026-11-21T08:00:00Z",
        }
    )

    first_seq: int
    last_seq: int = Field(description="the last number that is known to be missing")
    reason: str = Field(description="outbox_lost, image_restored or central_restored")
    explanation: str
    found_at: datetime


class MarkOut(BaseModel):
    """How far a lane of a gateway is taken, and what is missing of it."""

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
            "said_upto": 1204,
            "ended": "",
            "ended_at": None,
            "gaps": [],
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
    said_upto: int = Field(description="the last number that the gateway said to have given before it was sent; 0: none beyond the mark")
    ended: str = Field(description="why the epoch ended: outbox_lost, image_restored, central_restored; empty: it goes on")
    ended_at: datetime | None
    gaps: list[GapOut] = Field(description="what never came, and why")


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
