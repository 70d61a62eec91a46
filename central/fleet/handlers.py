# SPDX-License-Identifier: Apache-2.0
"""What the fleet makes of events: answers to commands, links of devices, health of gateways."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from central.fleet.tables import command as command_table
from central.fleet.tables import device as device_table
from central.fleet.tables import gateway as gateway_table
from central.ingest.registry import EventContext, Handler
from contracts.events import CommandAnswered, DeviceLinkChanged, Event, GatewayReported


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """Close the command; an answer to one that is closed or unknown changes nothing."""
    mine = (command_table.c.id == event.command_id) & (command_table.c.gateway == context.gateway) & command_table.c.state.in_(("pending", "unanswered"))
    connection.execute(update(command_table).where(mine).values(state=event.outcome, reason=event.reason, answered_at=context.now))


def device_link_changed(connection: Connection, context: EventContext, event: DeviceLinkChanged) -> None:
    """Keep the last state of each device; one that is backfilled counts unless something later is known already."""
    mine = (device_table.c.gateway == context.gateway) & (device_table.c.device == event.device)
    known_at = connection.execute(select(device_table.c.changed_at).where(mine)).scalar()
    if event.historical and known_at is not None and known_at > event.event_time:
        return
    connection.execute(delete(device_table).where(mine))
    row = {"gateway": context.gateway, "device": event.device, "state": event.state, "reason": event.reason, "changed_at": event.event_time}
    connection.execute(insert(device_table).values(**row))


def gateway_reported(connection: Connection, context: EventContext, event: GatewayReported) -> None:
    """Keep the last health report of a gateway; a backfilled one says nothing of now."""
    if event.historical:
        return
    values = {
        "last_seen_at": context.now,
        "pending_events": event.pending_events,
        "oldest_pending_s": round(event.oldest_pending_s),
        "rss_bytes": event.rss_bytes,
        "disk_free_bytes": event.disk_free_bytes,
        "devices_up": event.devices_up,
        "devices_down": event.devices_down,
    }
    connection.execute(update(gateway_table).where(gateway_table.c.id == context.gateway).values(**values))


HANDLERS: dict[type[Event], Handler] = {
    CommandAnswered: command_answered,
    DeviceLinkChanged: device_link_changed,
    GatewayReported: gateway_reported,
}
