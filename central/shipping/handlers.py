# SPDX-License-Identifier: Apache-2.0
"""What shipping makes of events: packages weighed, scanned at the dock, seen by a door. Steps of other areas are left to them."""

from __future__ import annotations

from sqlalchemy import Connection

from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext, Handler, HandlerMany
from central.shipping import dispatch, door_lists, door_passes, door_rules, weigh_check
from central.shipping.dispatch import Dock
from central.shipping.scans import sscc_in
from contracts.events import CommandAnswered, Event, ItemScanned, PalletPassed, WeightRecorded


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """A scan point of the shipping side read a label: the package is loaded. What carries no SSCC stays a record."""
    if event.biz_step not in door_rules.LEAVING:
        return
    sscc = event.identifiers.sscc or sscc_in(event.text)
    if sscc:
        dispatch.seen_leaving(connection, Dock(context.fact_id, context.site, event.station, context.now), sscc)


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """A gateway that does not take a door's list: that door is not checked, and a person should know."""
    if not event.command_id.startswith(door_lists.PREFIX):
        return
    if event.outcome == "refused":
        told = message("door_not_checked", station=event.station, gateway=context.gateway, reason=event.reason)
        exceptions.ask_person(connection, told, event.station, context.fact_id, context.now, site=context.site, station=event.station, priority=3)
    elif event.outcome == "done":
        exceptions.settle(connection, ("door_not_checked",), event.station, context.site, "the gateway took the list", context.now)


HANDLERS: dict[type[Event], Handler] = {
    PalletPassed: door_passes.passed,
    ItemScanned: item_scanned,
    WeightRecorded: weigh_check.weight_recorded,
    CommandAnswered: command_answered,
}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PalletPassed: door_passes.passed_many}
