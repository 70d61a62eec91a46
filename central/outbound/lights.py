# SPDX-License-Identifier: Apache-2.0
"""Pick lights: commands that light and put out, lamps that fail, lamp tests. Each function runs inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import msgspec
from sqlalchemy import Connection, insert, select, update

from central.catalog import service as catalog
from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import service as fleet
from central.fleet.tables import command as command_table
from central.ingest.registry import EventContext
from central.ledger import service as ledger
from central.outbound.picking_tables import lamp_test, put_task
from central.outbound.tables import pick_task
from contracts import wire
from contracts.commands import CancelTasks, LampTest, LightTasks, PickTask
from contracts.events import LampsTested, LightFailed

LIGHT_DEADLINE = timedelta(hours=1)
"""A gateway that is away longer than this gets the order from the list instead: the zone is picked by hand by then (guessed)."""
TEST_DEADLINE = timedelta(seconds=30)
LIGHT_PREFIX = "light:"
CANCEL_PREFIX = "cancel:"
TEST_PREFIX = "lamps:"
_TASKS_MAX = 500
"""Tasks in one command: a message may not be over 1 MiB."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A light to be lit: at which gateway and station, and what the command says."""

    gateway: str
    station: str
    task: PickTask


def light(connection: Connection, fact_id: str, lamps: Iterable[Lamp], now: datetime) -> None:
    """Ask the gateways to light these."""
    ordered = sorted(lamps, key=lambda lamp: (lamp.gateway, lamp.station, lamp.task.tour, lamp.task.sequence, lamp.task.bin, lamp.task.task_id))
    for (gateway, station), group in groupby(ordered, key=lambda lamp: (lamp.gateway, lamp.station)):
        tasks = [lamp.task for lamp in group]
        for start in range(0, len(tasks), _TASKS_MAX):
            part = tasks[start : start + _TASKS_MAX]
            command_id = f"{LIGHT_PREFIX}{fact_id}:{station}:{_digest(part)}"
            command = LightTasks(command_id=command_id, station=station, deadline_at=now + LIGHT_DEADLINE, tasks=part)
            fleet.send(connection, gateway, command, now)


def _digest(tasks: Sequence[PickTask]) -> str:
    """One fact may light more than once at a station: a short pick somewhere, and then the next walk."""
    return hashlib.sha256(msgspec.json.encode(tasks)).hexdigest()[:12]


def put_out(connection: Connection, fact_id: str, lamps: Iterable[tuple[str, str, str]], now: datetime) -> None:
    """Ask the gateways to put out lights: (gateway, station, task id)."""
    for (gateway, station), group in groupby(sorted(lamps), key=lambda lamp: lamp[:2]):
        ids = [task_id for _, _, task_id in group]
        command = CancelTasks(command_id=f"{CANCEL_PREFIX}{fact_id}:{station}", station=station, deadline_at=now + LIGHT_DEADLINE, task_ids=ids)
        fleet.send(connection, gateway, command, now)


def light_failed(connection: Connection, context: EventContext, event: LightFailed) -> None:
    """Show the tasks of a dead lamp on the screens at once, and ask for the lamp to be mended. Answered meanwhile: nothing to show."""
    mine = pick_task.c.id.in_(event.task_ids) & (pick_task.c.site == context.site) & (pick_task.c.state == "lit")
    listed = connection.execute(update(pick_task).where(mine).values(state="listed", lamp_dead=True).returning(pick_task.c.id)).all()
    dark = len(listed) + _puts_dark(connection, context.site, event.task_ids)
    what = f"{event.station}/{event.bin or event.device}"
    if event.node:
        told = message("lamp_dead", station=event.station, bin=event.bin, reason=event.reason, count=dark)
    else:
        told = message("lamps_away", station=event.station, device=event.device, reason=event.reason, count=dark)
    exceptions.ask_person(connection, told, what, context.fact_id, context.now, site=context.site, station=event.station, priority=4)


def _puts_dark(connection: Connection, site: str, put_ids: Sequence[str]) -> int:
    """The lights of puts at a wall do not burn; returns how many are open. The page of the wall asks for them all the same."""
    mine = put_task.c.id.in_(put_ids) & (put_task.c.site == site) & (put_task.c.state == "lit")
    return len(connection.execute(update(put_task).where(mine).values(lamp_dead=True).returning(put_task.c.id)).all())


def not_lit(connection: Connection, context: EventContext, command_id: str) -> None:
    """A gateway did not light the tasks of a command: they are for the screens."""
    mine = (command_table.c.id == command_id) & (command_table.c.gateway == context.gateway) & (command_table.c.kind == LightTasks.__name__)
    body = connection.execute(select(command_table.c.body).where(mine)).scalar()
    if body is not None:
        show_on_screens(connection, context.site, body)


def show_on_screens(connection: Connection, site: str, body: bytes) -> None:
    """The open tasks of a command (LightTasks, encoded) that was not carried out are for the screens."""
    command = wire.decode_command(body)
    assert isinstance(command, LightTasks)
    ids = [task.task_id for task in command.tasks]
    waiting = pick_task.c.id.in_(ids) & (pick_task.c.site == site) & (pick_task.c.state == "lit")
    connection.execute(update(pick_task).where(waiting).values(state="listed", lamp_dead=True))
    _puts_dark(connection, site, ids)


def ask_lamp_test(connection: Connection, fact: ledger.Fact, site: str, zone_id: str, now: datetime) -> str:
    """Light all lamps of a zone for a moment; returns the id of the command, under which `lamp_tests` gives the result.

    Raises: NotFoundError: no such zone. ConflictError: it has no lights.
    """
    command_id = f"{TEST_PREFIX}{fact.id}"
    if ledger.record(connection, fact, now).already:
        return command_id
    zone = catalog.zone_of(connection, site, zone_id)
    if zone is None:
        raise NotFoundError("unknown_zone", f"zone {zone_id} of {site} is not in the catalog")
    if not zone.gateway or not zone.station:
        raise ConflictError("zone_without_lights", f"zone {zone_id} of {site} has no gateway and station; there are no lamps to test")
    row = {"command_id": command_id, "site": site, "zone": zone_id, "gateway": zone.gateway, "station": zone.station}
    connection.execute(insert(lamp_test).values(**row, asked_by=fact.actor, asked_at=now))
    fleet.send(connection, zone.gateway, LampTest(command_id=command_id, station=zone.station, deadline_at=now + TEST_DEADLINE), now)
    return command_id


def lamps_tested(connection: Connection, context: EventContext, event: LampsTested) -> None:
    """Keep the result of a lamp test; dead lamps become one work order of their zone, and a test without any settles it."""
    mine = (lamp_test.c.command_id == event.command_id) & (lamp_test.c.gateway == context.gateway)
    values = {"state": "failed" if event.fault else "done", "tested": event.tested, "dead": event.dead_bins, "reason": event.fault, "answered_at": context.now}
    connection.execute(update(lamp_test).where(mine).values(**values))
    if event.dead_bins:
        told = message("lamps_dead", station=event.station, count=len(event.dead_bins), tested=event.tested, bins=", ".join(event.dead_bins[:10]))
        exceptions.ask_person(connection, told, event.station, context.fact_id, context.now, site=context.site, station=event.station, priority=4)
    elif not event.fault:
        exceptions.settle(connection, ("lamps_dead",), event.station, context.site, "all lamps lit", context.now)


def lamp_test_failed(connection: Connection, command_id: str, reason: str, now: datetime) -> None:
    """A gateway refused a lamp test or was too late."""
    open_test = (lamp_test.c.command_id == command_id) & (lamp_test.c.state == "asked")
    connection.execute(update(lamp_test).where(open_test).values(state="failed", reason=reason, answered_at=now))
