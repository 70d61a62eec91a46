# SPDX-License-Identifier: Apache-2.0
"""Lights whose gateway was away: what it was never told. Each function runs inside the caller's transaction.

What should have been lit and got no answer in time is shown on the screens. What should have been put out is told again once the gateway is back, for a
light of a cancelled task must not go on burning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, text, update

from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import service as fleet
from central.fleet.tables import LIGHTS_UNANSWERED, command, gateway
from central.ingest.registry import EventContext
from central.outbound import lights
from contracts import wire
from contracts.commands import CancelTasks, LightTasks

AT_ONCE_MAX = 100


def look_after(connection: Connection, now: datetime) -> int:
    """Give up lights that were never lit, and put out again what should be dark; returns how many commands were looked after."""
    query = select(command, gateway.c.site, gateway.c.online).join(gateway, gateway.c.id == command.c.gateway).where(text(LIGHTS_UNANSWERED))
    dark = (command.c.kind == LightTasks.__name__) | gateway.c.online
    rows = connection.execute(query.where(dark).order_by(command.c.made_at, command.c.id).limit(AT_ONCE_MAX).with_for_update(of=command)).all()
    for row in rows:
        if row.kind == LightTasks.__name__:
            _give_up(connection, row, now)
        else:
            _again(connection, row, now)
    return len(rows)


def _give_up(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Should the gateway have lit them all the same, both may be answered: then a person is asked."""
    lights.show_on_screens(connection, row.site, row.body)
    told = message("lights_unanswered", station=row.station, gateway=row.gateway, count=len(_tasks_of(row.body)))
    exceptions.ask_person(connection, told, f"{row.gateway}/{row.station}", None, now, site=row.site, station=row.station)
    _close(connection, [row.id], "given up: its tasks are on the screens")


def _tasks_of(body: bytes) -> Sequence[Any]:
    asked = wire.decode_command(body)
    return asked.tasks if isinstance(asked, LightTasks) else ()


def came_too_late(connection: Connection, context: EventContext, command_id: str) -> None:
    """A gateway that was away got a command to put out lights after its deadline: it gets a new one. (Before the deadline its clock is wrong.)"""
    mine = (command.c.id == command_id) & (command.c.gateway == context.gateway) & (command.c.deadline_at <= context.now)
    row = connection.execute(select(command).where(mine)).one_or_none()
    if row is not None:
        _again(connection, row, context.now)


def _again(connection: Connection, row: Row[Any], now: datetime) -> None:
    asked = wire.decode_command(row.body)
    assert isinstance(asked, CancelTasks)
    new_id = f"{row.id.partition('@')[0]}@{round(now.timestamp() * 1000)}"
    fleet.send(connection, row.gateway, msgspec.structs.replace(asked, command_id=new_id, deadline_at=now + lights.LIGHT_DEADLINE), now)
    _close(connection, [row.id], f"sent again as {new_id}")


def _close(connection: Connection, command_ids: Sequence[str], reason: str) -> None:
    connection.execute(update(command).where(command.c.id.in_(command_ids), command.c.state == "unanswered").values(state="expired", reason=reason))
