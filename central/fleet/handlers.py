# SPDX-License-Identifier: Apache-2.0
"""What the fleet makes of events: answers to commands, links of devices, health of gateways."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Connection, bindparam, update

from central.database import insert_for
from central.fleet import clocks, configurations
from central.fleet.conditions import condition_changed, forget_conditions
from central.fleet.swaps import device_swapped
from central.fleet.tables import command as command_table
from central.fleet.tables import configuration
from central.fleet.tables import device as device_table
from central.fleet.tables import gateway as gateway_table
from central.ingest.registry import EventContext, Handler, HandlerMany
from contracts.commands import GATEWAY
from contracts.events import ClockSet, CommandAnswered, ConfigurationChanged, DeviceConditionChanged, DeviceLinkChanged, DeviceSwapped, Event, GatewayReported


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
    """See `device_links_changed`."""
    device_links_changed(connection, [(context, event)])


def device_links_changed(connection: Connection, said: Sequence[tuple[EventContext, DeviceLinkChanged]]) -> None:
    """Keep the last state of each device; one that is backfilled counts unless something later is known already."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for context, event in said:
        key = (context.gateway, event.device)
        known = last.get(key)
        if event.historical and known is not None and known["changed_at"] > event.event_time:
            continue
        is_live = not event.historical or (known is not None and known["is_live"])
        row = {"state": event.state, "reason": event.reason, "changed_at": event.event_time, "is_live": is_live}
        last[key] = {"gateway": context.gateway, "device": event.device, **row}
    connection.execute(_keep_links(connection.dialect.name), list(last.values()))
    forget_conditions(connection, [(row["gateway"], row["device"], row["changed_at"]) for row in last.values() if row["state"] == "connected"])


@cache
def _keep_links(dialect: str) -> Any:
    kept = insert_for(dialect, device_table)
    values = {name: kept.excluded[name] for name in ("state", "reason", "changed_at")}
    counts = bindparam("is_live", type_=Boolean) | (device_table.c.changed_at <= kept.excluded.changed_at)
    return kept.on_conflict_do_update(index_elements=list(device_table.primary_key.columns), set_=values, where=counts)


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
    DeviceConditionChanged: condition_changed,
    DeviceLinkChanged: device_link_changed,
    DeviceSwapped: device_swapped,
    GatewayReported: gateway_reported,
}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {DeviceLinkChanged: device_links_changed}
