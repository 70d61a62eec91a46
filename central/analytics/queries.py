# SPDX-License-Identifier: Apache-2.0
"""Figures over all areas, each counted from what is stored and not kept beside it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from central.coldchain import queries as coldchain
from central.exceptions import queries as exceptions
from central.inbound import queries as inbound
from central.ingest.queries import counts as ingest_counts
from central.ledger.verify import verify
from central.outbound import queries as outbound
from central.planning import queries as planning


def figures(connection: Connection, *, verified: bool = True) -> dict[str, Any]:
    """Counts since the beginning. `events_applied` went through their use cases or became a work order; the rest of `events_accepted` is in quarantine.

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
    taken = ingest_counts(connection)
    return {"events_accepted": taken.accepted, "events_applied": taken.applied, "duplicates_refused": taken.duplicates}
