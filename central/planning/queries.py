# SPDX-License-Identifier: Apache-2.0
"""Reading proposals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.paging import Page, down, page
from central.planning.tables import proposal


def proposals(connection: Connection, state: str | None = "open", after: str | None = None, limit: int = 100) -> Page[dict[str, Any]]:
    """Proposals with their reasons, newest first; `state` None for all. Raises: BadCursorError."""
    query = select(proposal)
    if state is not None:
        query = query.where(proposal.c.state == state)
    return page(connection, query, [down(proposal.c.id)], after, limit)


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what planning did."""
    return {"replenishment_proposals": int(connection.execute(select(func.count()).select_from(proposal)).scalar_one())}
