# SPDX-License-Identifier: Apache-2.0
"""Reading proposals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.planning.tables import proposal


def proposals(connection: Connection, state: str | None = "open", limit: int = 100) -> list[dict[str, Any]]:
    """Proposals with their reasons, newest first; `state` None for all."""
    query = select(proposal).order_by(proposal.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(proposal.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what planning did."""
    return {"replenishment_proposals": int(connection.execute(select(func.count()).select_from(proposal)).scalar_one())}
