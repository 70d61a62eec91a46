# SPDX-License-Identifier: Apache-2.0
"""What outbound makes of events: answers at lights, unexpected presses, weights, and lights that could not be lit."""

from __future__ import annotations

from sqlalchemy import Connection

from central.errors import NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext, Handler
from central.outbound import answers, lights, mispicks, picking, service, walls
from central.outbound.weigh_check import weight_recorded
from contracts.events import CommandAnswered, Event, LampsTested, LightFailed, PickConfirmed, UnexpectedPress, WeightRecorded


def pick_confirmed(connection: Connection, context: EventContext, event: PickConfirmed) -> None:
    """Post a pick, or a put at a wall."""
    spot = picking.Place(context.fact_id, context.site, event.station, context.now)
    try:
        service.confirm_pick(connection, spot, event.task_id, event.quantity.value)
    except NotFoundError:
        if not walls.is_put(connection, event.task_id):
            raise
        answers.confirm_put(connection, spot, event.task_id, event.quantity.value)


def unexpected_press(connection: Connection, context: EventContext, event: UnexpectedPress) -> None:
    """A button was pressed at a dark light: a person should look into the bin."""
    told = message("mispick", station=event.station, node=event.node, device=event.device)
    subject = f"{event.station}/{event.device}/{event.node}"
    exceptions.ask_person(connection, told, subject, context.fact_id, context.now, site=context.site, station=event.station)
    mispicks.pressed(connection, context, event)


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """Lights that were refused or came too late: the goods must be picked from the list."""
    if event.outcome == "done" or not event.command_id.startswith((lights.LIGHT_PREFIX, lights.TEST_PREFIX)):
        return
    if event.command_id.startswith(lights.TEST_PREFIX):
        lights.lamp_test_failed(connection, event.command_id, event.reason or event.outcome, context.now)
        return
    lights.not_lit(connection, context, event.command_id)
    told = message("command_failed", station=event.station, command=event.command_id, outcome=event.outcome, reason=event.reason or "no reason given")
    exceptions.ask_person(connection, told, event.command_id, context.fact_id, context.now, site=context.site, station=event.station)


HANDLERS: dict[type[Event], Handler] = {
    PickConfirmed: pick_confirmed,
    UnexpectedPress: unexpected_press,
    LightFailed: lights.light_failed,
    LampsTested: lights.lamps_tested,
    WeightRecorded: weight_recorded,
    CommandAnswered: command_answered,
}
