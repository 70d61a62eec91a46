# SPDX-License-Identifier: Apache-2.0
"""Hardware that is replaced at its place: asked for by a person, told by the gateway, kept with the device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from central.errors import NotFoundError
from central.fleet.service import send
from central.fleet.tables import command as command_table
from central.fleet.tables import device as device_table
from central.ingest.registry import EventContext
from contracts.commands import GATEWAY, SwapDevice
from contracts.events import DeviceSwapped

DEADLINE = timedelta(minutes=10)
"""A gateway that is away for longer is to be asked again: by then somebody else may stand there."""


def swap_device(connection: Connection, gateway: str, swap: SwapDevice, now: datetime) -> Any:
    """Ask a gateway to bind a device's place to other hardware; returns the row of the command. The same id again changes nothing.

    Raises: NotFoundError: neither the gateway nor the device ever said anything. UnknownGatewayError.
    """
    mine = select(command_table).where(command_table.c.id == swap.command_id)
    found = connection.execute(mine).one_or_none()
    if found is not None:
        return found
    known = select(device_table.c.device).where(device_table.c.gateway == gateway, device_table.c.device == swap.device)
    if connection.execute(known).scalar() is None:
        raise NotFoundError("unknown_device", f"device {swap.device} of gateway {gateway} never said that it came or went; look at its id")
    send(connection, gateway, swap, now)
    return connection.execute(mine).one()


def swap_of(command_id: str, device: str, serial: str, host: str, actor: str, now: datetime) -> SwapDevice:
    """The command."""
    return SwapDevice(command_id=command_id, station=GATEWAY, deadline_at=now + DEADLINE, device=device, serial=serial, host=host, actor=actor)


def device_swapped(connection: Connection, context: EventContext, event: DeviceSwapped) -> None:
    """Keep which hardware stands at a device's place since when; a gateway says it once for each swap, in order."""
    mine = (device_table.c.gateway == context.gateway) & (device_table.c.device == event.device)
    values = {"serial": event.new_serial, "serial_before": event.old_serial, "swapped_at": event.event_time, "swapped_by": event.actor}
    if connection.execute(update(device_table).where(mine).values(**values)).rowcount:
        return
    row = {"gateway": context.gateway, "device": event.device, "state": "lost", "changed_at": event.event_time}
    connection.execute(insert(device_table).values(**row, **values))
