# SPDX-License-Identifier: Apache-2.0
"""What shipping makes of events: packages weighed, scanned at the dock, seen by a door. Steps of other areas are left to them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.fleet import clocks
from central.ingest.registry import EventContext, Handler, HandlerMany
from central.shipping import dispatch, door_lists, door_passes, door_rules, print_jobs, scan_checks, scan_lists, scan_points, weigh_check
from central.shipping.dispatch import Dock
from central.shipping.scans import sscc_in
from central.shipping.tables import door_pass, scan_check
from contracts.events import ClockSet, CommandAnswered, Event, ItemScanned, LabelPrinted, PalletPassed, WeightRecorded


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """A scan point of the shipping side read a label: the package is loaded. What carries no SSCC stays a record.

    Then what a scan point's lamps showed is compared with the plan.
    """
    sscc = event.identifiers.sscc or sscc_in(event.text) if event.biz_step in door_rules.LEAVING else None
    if sscc:
        dispatch.seen_leaving(connection, Dock(context.fact_id, context.site, event.station, context.now), sscc)
    scan_checks.item_scanned(connection, context, event)


def items_scanned(connection: Connection, said: Sequence[tuple[EventContext, ItemScanned]]) -> None:
    """Scans in turn; where nothing leaves and no scan point was set up there is nothing to do."""
    points = scan_points.set_up(connection, {(context.site, event.station) for context, event in said})
    for context, event in said:
        if event.biz_step in door_rules.LEAVING or (context.site, event.station) in points:
            item_scanned(connection, context, event)


def weight_recorded(connection: Connection, context: EventContext, event: WeightRecorded) -> None:
    """Something was weighed: its package is judged by its weight, and what was scanned for it as at a scan point."""
    weigh_check.weight_recorded(connection, context, event)
    scan_checks.weight_recorded(connection, context, event)


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """A gateway that does not take the list of a door or scan point: nothing is checked there, and a person should know."""
    said: dict[str, str | int | float] = {"station": event.station, "gateway": context.gateway, "reason": event.reason}
    if event.command_id.startswith(scan_lists.PREFIX):
        _list_answered(connection, context, event, message("scans_not_checked", **said))
    elif event.command_id.startswith(door_lists.PREFIX):
        _list_answered(connection, context, event, message("door_not_checked", **said))
    elif event.command_id.startswith(print_jobs.PREFIX):
        print_jobs.command_answered(connection, context, event)


def _list_answered(connection: Connection, context: EventContext, event: CommandAnswered, told: Message) -> None:
    if event.outcome == "refused":
        exceptions.ask_person(connection, told, event.station, context.fact_id, context.now, site=context.site, station=event.station, priority=3)
    elif event.outcome == "done":
        exceptions.settle(connection, (told.code,), event.station, context.site, "the gateway took the list", context.now)


def clock_set(connection: Connection, context: EventContext, _: ClockSet) -> None:
    """Passes and scans of a machine without a clock stand where they belong once its clock is synchronised."""
    clocks.redate(connection, context, door_pass, door_pass.c.event_id, door_pass.c.passed_at)
    clocks.redate(connection, context, scan_check, scan_check.c.event_id, scan_check.c.scanned_at)


HANDLERS: dict[type[Event], Handler] = {
    ClockSet: clock_set,
    PalletPassed: door_passes.passed,
    ItemScanned: item_scanned,
    WeightRecorded: weight_recorded,
    CommandAnswered: command_answered,
    LabelPrinted: print_jobs.label_printed,
}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PalletPassed: door_passes.passed_many, ItemScanned: items_scanned}
