# SPDX-License-Identifier: Apache-2.0
"""Reading what ingest took, refused and set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from central.ingest import gaps
from central.ingest.tables import mark, quarantine
from central.paging import Page, down, page, up


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """Events since the database was made. accepted = applied + quarantined + missing; `excepted` of the applied became work orders."""

    accepted: int
    applied: int
    excepted: int
    quarantined: int
    duplicates: int
    missing: int


def counts(connection: Connection) -> IngestCounts:
    """Sums over all lanes."""
    columns = (mark.c.upto, mark.c.applied, mark.c.excepted, mark.c.quarantined, mark.c.duplicates, mark.c.missing)
    row = connection.execute(select(*(func.coalesce(func.sum(column), 0) for column in columns))).one()
    return IngestCounts(*(int(value) for value in row))


def marks(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """How far each lane is taken and what is missing of it, by gateway. Raises: BadCursorError."""
    part: Page[dict[str, Any]] = page(connection, select(mark), [up(mark.c.gateway), up(mark.c.epoch), up(mark.c.lane)], after, limit)
    missing = gaps.of_gateways(connection, {row["gateway"] for row in part.items})
    for row in part.items:
        row["gaps"] = missing.get((row["gateway"], row["epoch"], row["lane"]), [])
    return part


def quarantine_page(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """What is in quarantine, newest first. Raises: BadCursorError."""
    return page(connection, select(quarantine), [down(quarantine.c.id)], after, limit)


def quarantined(connection: Connection, limit: int = 100) -> Sequence[Any]:
    """The newest things in quarantine."""
    return connection.execute(select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)).all()
