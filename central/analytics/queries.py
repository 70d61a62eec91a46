# SPDX-License-Identifier: Apache-2.0
"""Figures over all areas, each counted from what is stored and not kept beside it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from central.coldchain import queries as coldchain
from central.exceptions import queries as exceptions
from central.inbound import queries as inbound
from central.ingest.tables import mark
from central.ledger.verify import verify
from central.outbound import queries as outbound
from central.planning import queries as planning


def figures(connection: Connection, *, verified: bool = True) -> dict[str, Any]:
    """Counts since the beginning. `events_applied` are all events taken for good, whether they went through or became a work order or were set aside.

    `ledger_verified` is the verifier's own answer over the whole ledger, which takes seconds on a large one; None without `verified`.
    """
    return {
        **inbound.figures(connection),
        **outbound.figures(connection),
        **coldchain.figures(connection),
        **planning.figures(connection),
        **_ingest(connection),
        "exceptions": sum(exceptions.counts(connection).values()),
        "ledger_verified": verify(connection).sound if verified else None,
    }


def _ingest(connection: Connection) -> dict[str, int]:
    row = connection.execute(select(func.sum(mark.c.upto).label("applied"), func.sum(mark.c.duplicates).label("duplicates"))).one()
    return {"events_applied": int(row.applied or 0), "duplicates_refused": int(row.duplicates or 0)}
