# SPDX-License-Identifier: Apache-2.0
"""What the fleet makes of events: answers to commands, links of devices, health of gateways."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from central.fleet import clocks, configurations
from central.fleet.swaps import device_swapped
from central.fleet.tables import command as command_table
from central.fleet.tables import configuration
from central.fleet.tables import device as device_table
from central.fleet.tables import gateway as gateway_table
from central.ingest.registry import EventContext, Handler
from contracts.commands import GATEWAY
from contracts.events import ClockSet, CommandAnswered, ConfigurationChanged, DeviceLinkChanged, DeviceSwapped, Event, GatewayReported


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """Close the command; an answer to one that is closed or unknown changes nothing."""
    mine = (command_table.c.id == event.command_id) & (command_table.c.gateway == context.gateway) & command_table.c.state.in_(("pending", "unanswered"))
    connection.execute(update(command_table).where(mine).values(state=event.outcome, reason=event.reason, answered_at=context.now))
    if event.station == GATEWAY and event.outcome == "refused":
        _configuration_refused(connection, context, event)


def _configuration_refused(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """A gateway that takes no configurations, or not this one, says so in its answer."""
    word, gateway, version, _ = (event.command_id.split(":") + [""] * 4)[:4]
    if word == "configure" and gateway == context.gateway and version.isdecimal():
        mine = (configuration.c.gateway == gateway) & (configuration.c.version == int(version)) & (configuration.c.state == "sent")
        connection.execute(update(configuration).where(mine).values(state="refused", reason=event.reason, ended_at=event.event_time))


def device_link_changed(connection: Connection, context: EventContext, event: DeviceLinkChanged) -> None:
    """Keep the last state of each device; one that is backfilled counts unless something later is known already."""
    mine = (device_table.c.gateway == context.gateway) & (device_table.c.device == event.device)
    known_at = connection.execute(select(device_table.c.changed_at).where(mine)).scalar()
    if event.historical and known_at is not None and known_at > event.event_time:
        return
    values = {"state": event.state, "reason": event.reason, "changed_at": event.event_time}
    if known_at is None:
        connection.execute(insert(device_table).values(gateway=context.gateway, device=event.device, **values))
    else:
        connection.execute(update(device_table).where(mine).values(**values))


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
        "devices_given_up": event.devices_given_up,
        "payload_bytes": event.payload_bytes,
        "written_bytes": event.written_bytes,
        "card_life_days": event.card_life_days,
        "config_version": event.config_version,
        "config_fault": event.config_fault,
        "certificate_until": event.certificate_until,
        "clock": event.clock,
    }
    mine = gateway_table.c.id == context.gateway
    connection.execute(update(gateway_table).where(mine).values(**values))
    # Births and ConfigurationChanged say what is in force; a report that was made before one of them may come after it.
    same = mine & (gateway_table.c.config_version == event.config_version)
    connection.execute(update(gateway_table).where(same).values(config_fault=event.config_fault))


HANDLERS: dict[type[Event], Handler] = {
    ClockSet: clocks.clock_set,
    CommandAnswered: command_answered,
    ConfigurationChanged: configurations.configuration_changed,
    DeviceLinkChanged: device_link_changed,
    DeviceSwapped: device_swapped,
    GatewayReported: gateway_reported,
}
