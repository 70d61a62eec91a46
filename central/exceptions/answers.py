# SPDX-License-Identifier: Apache-2.0
"""What routes of work orders answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.examples import answer

_ACTION = {"code": "backorder_rest", "label": "Send the rest later"}


class ActionOut(BaseModel):
    """What settles a work order at one touch."""

    model_config = answer(_ACTION)

    code: str
    label: str


class WorkOrderOut(BaseModel):
    """What the floor told us and no use case could settle by itself."""

    model_config = answer(
        {
            "id": 17,
            "kind": "order_short",
            "subject": "shop-1/SO-1001/1",
            "message": "order SO-1001: 2 of 6 of item milk cannot be reserved at shanghai-1; replenish or tell the customer",
            "params": {"order": "SO-1001", "short": 2},
            "about": {"order": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"},
            "site": "shanghai-1",
            "station": "",
            "priority": 3,
            "event_id": None,
            "state": "open",
            "owner": "",
            "resolution": "",
            "resolved_with": "",
            "created_at": "2026-11-21T08:00:00Z",
            "due_at": "2026-11-21T16:00:00Z",
            "resolved_at": None,
            "resolved_by": "",
            "age_s": 600,
            "late": False,
            "actions": [_ACTION],
        }
    )

    id: int
    kind: str = Field(description="stable code of its message")
    subject: str
    message: str = Field(description="what happened, where, and what to do; English")
    params: dict[str, Any]
    about: dict[str, str] = Field(description="ids for programs")
    site: str
    station: str
    priority: int = Field(description="1 is the most urgent of 4")
    event_id: str | None
    state: Literal["open", "resolved"]
    owner: str = Field(description="who has it in hand; empty: nobody")
    resolution: str
    resolved_with: str = Field(description="code of the action that closed it; empty: words")
    created_at: datetime
    due_at: datetime | None = Field(description="until when it must be settled")
    resolved_at: datetime | None
    resolved_by: str
    age_s: int
    late: bool
    actions: list[ActionOut]
