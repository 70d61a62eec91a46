# SPDX-License-Identifier: Apache-2.0
"""What outbound makes of events: answers at lights, unexpected presses, weights, and lights that could not be lit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from central.errors import NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext, Handler, HandlerMany
from central.outbound import answers, confirming, lights, mispicks, picking, service, unanswered, walking, walls
from central.outbound.weigh_check import weight_recorded
from contracts.events import CommandAnswered, Event, LampsTested, LightFailed, PickConfirmed, UnexpectedPress, WeightRecorded, ZoneCompleted


def pick_confirmed(connection: Connection, context: EventContext, event: PickConfirmed) -> None:
    """Post a pick, or a put at a wall."""
    spot = picking.Place(context.fact_id, context.site, event.station, context.now)
    try:
        service.confirm_pick(connection, spot, event.task_id, event.quantity.value)
    except NotFoundError:
        if not walls.is_put(connection, event.task_id):
            raise
        answers.confirm_put(connection, spot, event.task_id, event.quantity.value)


def picks_confirmed(connection: Connection, said: Sequence[tuple[EventContext, PickConfirmed]]) -> None:
    """Post picks in turn: those in full that follow each other are booked together."""
    held = confirming.hold(connection, [event.task_id for _, event in said])
    rest = list(said)
    while rest:
        tasks = confirming.in_full(connection, held, [(event.task_id, event.quantity.value) for _, event in rest])
        together: dict[str, confirming.Pick] = {}
        for context, event in rest:
            task = tasks.get(event.task_id)
            if task is None or event.task_id in together or task.site != context.site:
                break
            spot = picking.Place(context.fact_id, context.site, event.station, context.now)
            together[event.task_id] = confirming.Pick(spot, event.task_id, event.quantity.value)
        confirming.book(connection, held, list(together.values()), tasks)
        rest = rest[len(together) :]
        if rest:
            pick_confirmed(connection, *rest.pop(0))


def unexpected_press(connection: Connection, context: EventContext, event: UnexpectedPress) -> None:
    """A button was pressed at a dark light: a person should look into the bin."""
    told = message("mispick", station=event.station, node=event.node, device=event.device)
    subject = f"{event.station}/{event.device}/{event.node}"
    exceptions.ask_person(connection, told, subject, context.fact_id, context.now, site=context.site, station=event.station)
    mispicks.pressed(connection, context, event)


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """Lights that were refused or came too late: the goods must be picked from the list."""
    if event.outcome == "expired" and event.command_id.startswith(lights.CANCEL_PREFIX):
        unanswered.came_too_late(connection, context, event.command_id)
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
    ZoneCompleted: walking.zone_completed,
}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PickConfirmed: picks_confirmed}
