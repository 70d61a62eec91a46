# SPDX-License-Identifier: Apache-2.0
"""Events of gateways whose clock nobody had set are dated once it is synchronised; what they said stays (docs/decisions/0031).

A machine without a battery-backed clock begins in 1970 or where it was switched off. Its monotonic clock counts right all the same, so one event that is
stamped `synced` dates all others of the same boot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Row, Table, func, select, update

from central.database import insert_or_leave
from central.fleet.tables import clock_setting, dated_event
from central.ingest.registry import EventContext
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import ClockSet, Event, lane_of

_WORTH_S = 0.5
"""Chosen: what is less wrong than this is left as it was said."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Setting:
    """A clock that was synchronised: the wall time of one monotonic second of a boot."""

    id: str
    set_at: datetime
    monotonic_s: float

    def date(self, event: Event) -> datetime | None:
        """When an event of the same boot happened; None: when it says, or near enough."""
        at = self.set_at + timedelta(seconds=event.monotonic_s - self.monotonic_s)
        return at if event.clock == "unsynced" and abs((at - event.event_time).total_seconds()) >= _WORTH_S else None


def clock_set(connection: Connection, context: EventContext, event: ClockSet) -> None:
    """Keep that a clock was set; if it is synchronised now, date what was said before."""
    row = {"event_id": context.fact_id, "gateway": context.gateway, "boot_id": event.boot_id, "monotonic_s": event.monotonic_s}
    row |= {"set_at": event.event_time, "offset_s": event.offset_s, "clock": event.clock, "reason": event.reason}
    connection.execute(insert_or_leave(connection, clock_setting).values(**row).on_conflict_do_nothing())
    if event.clock != "synced":
        return
    setting = Setting(context.fact_id, event.event_time, event.monotonic_s)
    keep(connection, setting, [(row.id, said) for row, said in _said_before(connection, context, event)])


def keep(connection: Connection, setting: Setting, said: Sequence[tuple[str, Event]]) -> None:
    """Keep both times of those events that the setting dates; each once."""
    rows = [{"event_id": fact_id, "setting": setting.id, "said_at": event.event_time, "dated_at": at} for fact_id, event in said if (at := setting.date(event))]
    if rows:
        connection.execute(insert_or_leave(connection, dated_event).on_conflict_do_nothing(), rows)


def setting_of(connection: Connection, gateway: str, boot_id: str) -> Setting | None:
    """What is known of the clock of a boot; None: it was not synchronised as far as is known here."""
    mine = (clock_setting.c.gateway == gateway) & (clock_setting.c.boot_id == boot_id) & (clock_setting.c.clock == "synced")
    row = connection.execute(select(clock_setting).where(mine).order_by(clock_setting.c.monotonic_s).limit(1)).one_or_none()
    return None if row is None else Setting(row.event_id, row.set_at, row.monotonic_s)


def redate(connection: Connection, context: EventContext, table: Table, event_id: Column[Any], instant: Column[Any]) -> None:
    """For other areas, from their own handler of ClockSet: set the instant of rows whose event was dated by it."""
    mine = dated_event.c.setting == context.fact_id
    dated_at = select(dated_event.c.dated_at).where(dated_event.c.event_id == event_id, mine).scalar_subquery()
    said = select(dated_event.c.event_id).where(mine)
    connection.execute(update(table).where(event_id.in_(said)).values({instant: dated_at}))


def redate_as_said(connection: Connection, context: EventContext, table: Table, *instants: Column[Any]) -> None:
    """The same for rows that keep what was said last and not by which event: they have a `gateway`, and their instant is one that an event said."""
    mine = dated_event.c.setting == context.fact_id
    for instant in instants:
        dated_at = select(func.max(dated_event.c.dated_at)).where(dated_event.c.said_at == instant, mine).scalar_subquery()
        said = select(dated_event.c.said_at).where(mine)
        connection.execute(update(table).where(table.c.gateway == context.gateway, instant.in_(said)).values({instant: dated_at}))


def _said_before(connection: Connection, context: EventContext, now: ClockSet) -> Iterator[tuple[Row[Any, Any, Any], Event]]:
    """Events of the same boot in all lanes of this epoch, newest first. A lane is in the order of time, but for backfilled telemetry."""
    for lane in ("movements", "telemetry"):
        source = f"{context.gateway}/{context.epoch}/{lane}"
        before = context.seq if lane == lane_of(now) else None
        while rows := _earlier(connection, source, before):
            for row in rows:
                said = _read(row.body)
                if said is not None and said.boot_id == now.boot_id:
                    yield row, said
            oldest = _read(rows[-1].body)
            if oldest is not None and oldest.boot_id != now.boot_id and not oldest.historical:
                break
            before = rows[-1].source_seq


def _earlier(connection: Connection, source: str, before: int | None) -> Sequence[Row[Any, Any, Any]]:
    query = select(event_table.c.id, event_table.c.source_seq, event_table.c.body).where(event_table.c.source == source)
    if before is not None:
        query = query.where(event_table.c.source_seq < before)
    return connection.execute(query.order_by(event_table.c.source_seq.desc()).limit(_CHUNK)).all()


def _read(body: bytes) -> Event | None:
    try:
        return wire.decode_event(body)
    except wire.WireError:
        return None  # what could not be read then lies in quarantine and has no date to mend


def dated(event: Event, at: datetime) -> Event:
    """The same event with the time at which it happened."""
    return msgspec.structs.replace(event, event_time=at)
