# SPDX-License-Identifier: Apache-2.0
"""Numbers that are missing for good, and why in words: a new outbox, a restored image of one, or a central that was restored itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from central.bulk import among
from central.database import insert_or_leave
from central.ingest.tables import lane_gap

Reason = Literal["outbox_lost", "image_restored", "central_restored"]

EXPLANATIONS: Mapping[Reason, str] = {
    "outbox_lost": "the gateway began a new outbox before these events came: its card was replaced, lost or wiped; they exist nowhere any more",
    "image_restored": "an old image of the gateway's outbox was restored before these events came; they were written after it was made and are lost",
    "central_restored": "central acknowledged these events, the gateway deleted them, and central's database was then restored from an older copy",
}


def reason_of(ended: Collection[str]) -> Reason:
    """Why an epoch ended, from what was noted of its lanes before its successor came."""
    if "image_restored" in ended:
        return "image_restored"
    return "central_restored" if "central_restored" in ended else "outbox_lost"


def note(connection: Connection, gateway: str, epoch: str, lane: str, first: int, last: int, reason: Reason, now: datetime) -> None:
    """Keep that these numbers are missing; the same again changes nothing."""
    row = {"gateway": gateway, "epoch": epoch, "lane": lane, "first_seq": first, "last_seq": last, "reason": reason}
    noted = insert_or_leave(connection, lane_gap).values(**row, explanation=EXPLANATIONS[reason], found_at=now)
    connection.execute(noted.on_conflict_do_nothing())


def of_gateways(connection: Connection, gateways: Collection[str]) -> Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]:
    """What is missing of these gateways, by (gateway, epoch, lane) and number."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in connection.execute(select(lane_gap).where(among(connection, lane_gap.c.gateway, sorted(gateways))).order_by(lane_gap.c.first_seq)):
        found.setdefault((row.gateway, row.epoch, row.lane), []).append(row._asdict())
    return found


def every(connection: Connection) -> Sequence[Any]:
    """All rows, by gateway, epoch, lane and number."""
    return connection.execute(select(lane_gap).order_by(lane_gap.c.gateway, lane_gap.c.epoch, lane_gap.c.lane, lane_gap.c.first_seq)).all()
