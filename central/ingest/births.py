# SPDX-License-Identifier: Apache-2.0
"""Births and deaths of gateways: what they tell of the numbers that were given, and which of them will never come."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, select, update

from central.database import insert_for
from central.exceptions.messages import message
from central.fleet import service as fleet
from central.fleet.tables import gateway as gateway_table
from central.ingest import gaps
from central.ingest.gaps import Reason
from central.ingest.service import Door
from central.ingest.tables import mark
from contracts.events import LANES
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Before:
    """What was known of gateways before their births: their standing, the epoch of each, its lanes by (gateway, epoch), and what befell its outbox."""

    standing: fleet.Standing
    epochs: dict[str, str]
    lanes: dict[tuple[str, str], dict[str, Any]]
    outboxes: dict[str, str]


def look_up(connection: Connection, addresses: Collection[GatewayAddress]) -> Before:
    """Some looks for all births of a group."""
    ids = sorted({address.gateway for address in addresses})
    columns = (gateway_table.c.id, gateway_table.c.epoch, gateway_table.c.outbox)
    known = connection.execute(select(*columns).where(gateway_table.c.id.in_(ids))).all()
    epochs, outboxes = {row.id: row.epoch for row in known}, {row.id: row.outbox for row in known}
    lanes: dict[tuple[str, str], dict[str, Any]] = {}
    for row in connection.execute(select(*_LANE).where(mark.c.gateway.in_(ids))):
        lanes.setdefault((row.gateway, row.epoch), {})[row.lane] = row
    return Before(fleet.standing_of(connection, addresses), epochs, lanes, outboxes)


def take_state(connection: Connection, address: GatewayAddress, state: GatewayState, door: Door, now: datetime, *, is_retained: bool, before: Before) -> None:
    """Take a birth or death. `is_retained`: the broker kept it from before, so that it may be old.

    Raises: DomainError: it is not believed (`central.fleet`).
    """
    if not state.online or not state.epoch:
        fleet.gateway_state_changed(connection, address, state, now, before.standing)
        return
    gateway, epoch = address.gateway, before.epochs.get(address.gateway, "")
    lanes = before.lanes.get((gateway, state.epoch), {})
    if is_retained and epoch != state.epoch and any(row.ended for row in lanes.values()):
        return  # it was replaced by another one since
    fleet.gateway_state_changed(connection, address, state, now, before.standing)
    before.epochs[gateway] = state.epoch
    if state.outbox and state.outbox != before.outboxes.get(gateway):
        _tell_harm(connection, address, state, door, now)
    before.outboxes[gateway] = state.outbox
    _note_said(connection, gateway, state, lanes, now)
    if not is_retained and any(state.last_seq.get(lane, row.upto) < row.upto for lane, row in lanes.items()):
        _end(connection, gateway, state.epoch, "image_restored", now)
    if epoch and epoch != state.epoch:
        _epoch_ended(connection, address, epoch, door, now)


_LANE = (mark.c.gateway, mark.c.epoch, mark.c.lane, mark.c.upto, mark.c.said_upto, mark.c.ended)


def _lanes(connection: Connection, gateway: str, epoch: str) -> Mapping[str, Any]:
    return {row.lane: row for row in connection.execute(select(*_LANE).where(mark.c.gateway == gateway, mark.c.epoch == epoch))}


def _note_said(connection: Connection, gateway: str, state: GatewayState, lanes: Mapping[str, Any], now: datetime) -> None:
    """Keep which numbers the gateway has given that are not here yet: should its outbox be lost, they are what is missing."""
    rows: list[dict[str, Any]] = []
    for lane in LANES:
        said, known = state.last_seq.get(lane, 0), lanes.get(lane)
        if said > (0 if known is None else max(known.said_upto, known.upto)):
            rows.append({"gateway": gateway, "epoch": state.epoch, "lane": lane, "upto": 0, "said_upto": said, "moved_at": now})
    if rows:
        connection.execute(_keep_said(connection.dialect.name), rows)


@cache
def _keep_said(dialect: str) -> Any:
    noted = insert_for(dialect, mark)
    said = noted.excluded.said_upto
    return noted.on_conflict_do_update(index_elements=list(mark.primary_key.columns), set_={"said_upto": said}, where=mark.c.said_upto < said)


def _end(connection: Connection, gateway: str, epoch: str, reason: str, now: datetime) -> None:
    mine = (mark.c.gateway == gateway) & (mark.c.epoch == epoch) & (mark.c.ended == "")
    connection.execute(update(mark).where(mine).values(ended=reason, ended_at=now))


def _epoch_ended(connection: Connection, address: GatewayAddress, epoch: str, door: Door, now: datetime) -> None:
    """The gateway began to count anew: say once which numbers of the epoch before never came, why, and what to do."""
    lanes = _lanes(connection, address.gateway, epoch)
    reason = gaps.reason_of({row.ended for row in lanes.values()})
    _end(connection, address.gateway, epoch, reason, now)
    missing = {lane: (row.upto + 1, row.said_upto) for lane, row in sorted(lanes.items()) if row.said_upto > row.upto}
    if not missing or reason == "central_restored":  # then what it still had came in the new epoch, and what it had deleted was told
        return
    for lane, (first, last) in missing.items():
        gaps.note(connection, address.gateway, epoch, lane, first, last, reason, now)
    _ask_person(connection, address, epoch, missing, reason, door, now)


def _tell_harm(connection: Connection, address: GatewayAddress, state: GatewayState, door: Door, now: datetime) -> None:
    """Each birth of a run of the program says the same; it is told once."""
    said = message("gateway_outbox_harmed", gateway=address.gateway, what=state.outbox)
    door.raise_work_order(connection, said.code, f"{address.gateway}/{state.boot_id}/{state.epoch}", said, None, now)


def _ask_person(
    connection: Connection, address: GatewayAddress, epoch: str, missing: Mapping[str, tuple[int, int]], reason: Reason, door: Door, now: datetime
) -> None:
    numbers = ", ".join(f"{lane} {first} to {last}" for lane, (first, last) in missing.items())
    last_moved: datetime | None = connection.execute(
        select(mark.c.moved_at).where(mark.c.gateway == address.gateway, mark.c.epoch == epoch, mark.c.upto > 0).order_by(mark.c.moved_at.desc()).limit(1)
    ).scalar()
    since = "ever" if last_moved is None else f"{last_moved:%Y-%m-%d %H:%M} UTC"
    log.error("events are missing", extra={"gateway": address.gateway, "epoch": epoch, "numbers": numbers, "reason": reason})
    words = {"gateway": address.gateway, "numbers": numbers, "since": since}
    said = message("gateway_image_restored", **words) if reason == "image_restored" else message("gateway_outbox_lost", **words)
    door.raise_work_order(connection, said.code, f"{address.gateway}/{epoch}", said, None, now)
