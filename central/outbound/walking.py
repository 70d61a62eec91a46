# SPDX-License-Identifier: Apache-2.0
"""Use cases of a tour while it is walked: its picks are answered, replaced or cancelled, it is given back. Each runs inside the caller's transaction.

Locks are taken in one order: fences of stock, then a tour, then its tasks.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select, update

from central.errors import NotFoundError
from central.ingest.registry import EventContext
from central.outbound import lights
from central.outbound.picking_tables import tour_tote
from central.outbound.tables import pick_task, tour, tour_zone, wave
from central.outbound.tour_rules import CARTS, MIXED
from central.outbound.tours import ADOPT, OPEN, dispatch, light_walk, locked, open_tasks, plan
from central.outbound.walks import Floor
from contracts.events import ZoneCompleted

_RESEQUENCE = update(pick_task).where(pick_task.c.id == bindparam("b_id")).values(sequence=bindparam("b_n"))


WALKED = ("ready", "picking")
"""States of a tour that is not over."""
_LEFT = select(pick_task.c.slot).where(pick_task.c.tour_id == bindparam("tour"), OPEN).distinct()


def task_answered(connection: Connection, fact_id: str, walked: Row[Any], now: datetime, slot: str) -> None:
    """A task into a slot of a tour (its locked row) was answered: its tote is done with its last one, and with the last of all the tour is."""
    go_on(connection, fact_id, walked, now, slot, connection.execute(_LEFT, {"tour": walked.id}).scalars().all())


def go_on(connection: Connection, fact_id: str, walked: Row[Any], now: datetime, slot: str, left: Collection[str]) -> None:
    """As `task_answered`, by those who know the slots that open tasks of the tour are left for."""
    if not left:
        connection.execute(_TOTES_DONE, {"b_tour": walked.id, "b_at": now})
    elif walked.mode not in MIXED and slot not in left:
        connection.execute(_TOTE_DONE, {"b_tour": walked.id, "b_slot": slot, "b_at": now})
    if not left and walked.state in WALKED:
        connection.execute(_DONE, {"b_tour": walked.id, "b_at": now})
        _finish_wave(connection, walked.wave_id, now)
        dispatch(connection, fact_id, walked.site, now)


_DONE = update(tour).where(tour.c.id == bindparam("b_tour")).values(state="done", done_at=bindparam("b_at"))
_TOTES_DONE = update(tour_tote).where(tour_tote.c.tour_id == bindparam("b_tour"), tour_tote.c.state == "open").values(state="done", done_at=bindparam("b_at"))
_TOTE_DONE = _TOTES_DONE.where(tour_tote.c.slot == bindparam("b_slot"))


def _finish_wave(connection: Connection, wave_id: int | None, now: datetime) -> None:
    """A wave is done with its last tour."""
    if wave_id is None:
        return
    if len(connection.execute(_WALKED_OF_WAVE, {"wave": wave_id}).all()) < _AT_ONCE:
        # Others may end at this moment, and neither would see that the other's is over.
        connection.execute(select(wave.c.id).where(wave.c.id == wave_id).with_for_update())
        open_tour = select(tour.c.id).where(tour.c.wave_id == wave_id, tour.c.state.in_(WALKED)).exists()
        connection.execute(update(wave).where(wave.c.id == wave_id, wave.c.state == "released", ~open_tour).values(state="done", done_at=now))


_AT_ONCE = 1000
"""More walks than this never end at the same moment: a train of confirmations has 256 seats, and few trains are under way at once."""
_WALKED_OF_WAVE = select(tour.c.id).where(tour.c.wave_id == bindparam("wave"), tour.c.state.in_(WALKED)).limit(_AT_ONCE)


def tasks_cancelled(connection: Connection, fact_id: str, tour_ids: Iterable[str], now: datetime) -> None:
    """Tasks of these tours were cancelled: a tour without any other is over."""
    for tour_id in sorted(set(tour_ids)):
        walked = locked(connection, tour_id)
        done = connection.execute(select(pick_task.c.id).where(pick_task.c.tour_id == tour_id, pick_task.c.state.in_(("done", "short"))).limit(1)).scalar()
        if connection.execute(select(pick_task.c.id).where(pick_task.c.tour_id == tour_id, OPEN).limit(1)).scalar() is not None:
            continue
        if done is not None:
            task_answered(connection, fact_id, walked, now, "")
        elif walked.state in WALKED:
            connection.execute(update(tour).where(tour.c.id == tour_id).values(state="cancelled", done_at=now))
            _finish_wave(connection, walked.wave_id, now)
            dispatch(connection, fact_id, walked.site, now)


def walks_with(connection: Connection, order_id: str) -> Sequence[str]:
    """The tours that carry or will carry goods of an order and are not over, in the order in which they are locked."""
    query = select(pick_task.c.tour_id).join(tour, tour.c.id == pick_task.c.tour_id).where(pick_task.c.order_id == order_id, tour.c.state.in_(WALKED))
    return connection.execute(query.distinct().order_by(pick_task.c.tour_id)).scalars().all()


def order_cancelled(connection: Connection, order_id: str) -> None:
    """What was picked of an order on walks that still go on is to be taken out of the cart; the caller holds the tours.

    Goods of a walk that is over are in a tote that went on with the order's walk in work, if there is one.
    """
    walks = connection.execute(select(tour.c.id, tour.c.state).where(tour.c.id.in_(walks_with(connection, order_id))).order_by(tour.c.id)).all()
    if not walks:
        return
    going, in_work = {row.id for row in walks}, next((row.id for row in walks if row.state == "picking"), None)
    picked = select(pick_task.c.id, pick_task.c.tour_id).where(pick_task.c.order_id == order_id, pick_task.c.taken > 0, pick_task.c.tour_id.is_not(None))
    for row in connection.execute(picked.order_by(pick_task.c.id)).all():
        cart = row.tour_id if row.tour_id in going or in_work is None else in_work
        connection.execute(update(pick_task).where(pick_task.c.id == row.id).values(aside_tour_id=cart))


def laid_aside(connection: Connection, tour_id: str, order_id: str) -> int:
    """A picker has taken the goods of a cancelled order out of the cart; returns how many picks that were, 0 when it was said before."""
    locked(connection, tour_id)
    mine = and_(pick_task.c.aside_tour_id == tour_id, pick_task.c.order_id == order_id)
    return connection.execute(update(pick_task).where(mine).values(aside_tour_id=None)).rowcount


def zone_completed(connection: Connection, context: EventContext, event: ZoneCompleted) -> None:
    """The last light of a walk in a zone was answered: its part there is done, unless a screen still asks for something.

    Totes without open picks are done, and with nothing left at all the walk is; then the next zone of pick-and-pass may begin. Again changes nothing.
    Raises: NotFoundError: no such walk here.
    """
    if not event.tour:
        return  # an order without a walk: its answers say all there is
    walked = locked(connection, event.tour)
    if walked.site != context.site:
        raise NotFoundError("unknown_tour", f"{event.station}: tour {event.tour} is not one of site {context.site}")
    here = select(pick_task.c.id).where(pick_task.c.tour_id == walked.id, pick_task.c.station == event.station, OPEN).limit(1)
    known = select(tour_zone.c.station).where(tour_zone.c.tour_id == walked.id, tour_zone.c.station == event.station)
    if connection.execute(here).scalar() is not None or connection.execute(known).scalar() is not None:
        return
    connection.execute(insert(tour_zone).values(tour_id=walked.id, station=event.station, done_at=event.event_time))
    if walked.state not in WALKED:
        return
    left = set(connection.execute(_LEFT, {"tour": walked.id}).scalars())
    done = and_(tour_tote.c.tour_id == walked.id, tour_tote.c.state == "open", tour_tote.c.slot.not_in(left))
    if not left:
        task_answered(connection, context.fact_id, walked, context.now, "")
    elif walked.mode not in MIXED:
        connection.execute(update(tour_tote).where(done).values(state="done", done_at=context.now))


def adopt(connection: Connection, fact_id: str, walked: Row[Any], here: str, task_ids: Sequence[str], now: datetime) -> None:
    """Take new tasks of a short pick into the walk (its locked row) that goes on from the place `here`: the rest of it is planned anew.

    In pick-and-pass another zone's task becomes a walk of its own, after this one.
    """
    rows = connection.execute(select(pick_task).where(pick_task.c.id.in_(task_ids)).order_by(pick_task.c.id)).all()
    fitting = [row for row in rows if walked.mode != "zone" or row.zone == walked.zone]
    mine = select(tour_tote).where(tour_tote.c.tour_id == walked.id).order_by(tour_tote.c.state)  # an open one of an order goes before a full one
    totes = {row.order_id: (row.slot, row.tote) for row in connection.execute(mine) if row.order_id is not None}
    values = [
        {"b_id": row.id, "b_tour": walked.id, "b_n": 0, "b_slot": slot, "b_tote": tote} for row in fitting for slot, tote in [totes.get(row.order_id, ("", ""))]
    ]
    if values:
        connection.execute(ADOPT, values)
        again = and_(tour_tote.c.tour_id == walked.id, tour_tote.c.slot.in_({each["b_slot"] for each in values}))
        connection.execute(update(tour_tote).where(again).values(state="open", done_at=None))
        _plan_rest(connection, walked, here)
        if walked.state == "picking":
            light_walk(connection, fact_id, walked.id, walked.colour, now)
    elsewhere = {row.order_id for row in rows if row not in fitting}
    if elsewhere:
        made = plan(connection, fact_id, walked.site, walked.mode, CARTS[walked.mode], now, wave_id=walked.wave_id, order_ids=elsewhere)
        connection.execute(update(tour).where(tour.c.id.in_(made), tour.c.after_tour.is_(None)).values(after_tour=walked.id))


def _plan_rest(connection: Connection, walked: Row[Any], here: str) -> None:
    """Plan what is left of a walk, from where the picker stands."""
    rows = open_tasks(connection, walked.id)
    query = select(func.coalesce(func.max(pick_task.c.sequence), 0)).where(pick_task.c.tour_id == walked.id, ~OPEN)
    last = int(connection.execute(query).scalar_one())
    floor = Floor.of(connection, walked.site)
    walk = floor.walk([row.place for row in rows], start=here, end=walked.end_place)
    turn = {place: n for n, place in enumerate(walk.places)}
    ordered = sorted(rows, key=lambda row: (turn[row.place], row.slot, row.id))
    connection.execute(_RESEQUENCE, [{"b_id": row.id, "b_n": last + n} for n, row in enumerate(ordered, start=1)])
    values = {"length_mm": walk.length_mm, "exact": walk.exact, "walk": list(walk.points) or None}
    connection.execute(update(tour).where(tour.c.id == walked.id).values(**values))


def give_back(connection: Connection, fact_id: str, tour_id: str, now: datetime) -> str | None:
    """A picker stops: lights go out, and what is left of the walk is planned anew, ready for somebody else, with the same totes.

    Returns the id of the walk that is ready now (the same one when nothing was picked yet); None when nothing is left. Raises: NotFoundError.
    """
    walked = locked(connection, tour_id)
    if walked.state != "picking":
        return tour_id if walked.state == "ready" else None
    rows = open_tasks(connection, tour_id)
    lights.put_out(connection, fact_id, [(row.gateway, row.station, row.id) for row in rows if row.station], now)
    connection.execute(update(pick_task).where(pick_task.c.tour_id == tour_id, pick_task.c.state == "lit").values(state="listed"))
    picked = connection.execute(select(pick_task.c.id).where(pick_task.c.tour_id == tour_id, ~OPEN).limit(1)).scalar()
    if picked is None:
        connection.execute(update(tour).where(tour.c.id == tour_id).values(state="ready", picker="", colour="", started_at=None))
        return tour_id
    return _hand_over(connection, fact_id, walked, [row.id for row in rows], now)


def _hand_over(connection: Connection, fact_id: str, walked: Row[Any], task_ids: Sequence[str], now: datetime) -> str:
    """The rest of a walk as a new one; whoever waited for the old one waits for the new one."""
    rest = str(uuid.uuid5(uuid.UUID(fact_id), f"rest/{walked.id}"))
    kept = {name: getattr(walked, name) for name in ("site", "wave_id", "zone", "mode", "turn", "start_place", "end_place", "priority", "due_at")}
    connection.execute(insert(tour).values(id=rest, created_at=now, **kept))
    totes = connection.execute(select(tour_tote).where(tour_tote.c.tour_id == walked.id, tour_tote.c.state == "open")).all()
    connection.execute(insert(tour_tote), [{"tour_id": rest, "slot": row.slot, "order_id": row.order_id, "tote": row.tote} for row in totes])
    connection.execute(update(tour_tote).where(tour_tote.c.tour_id == walked.id, tour_tote.c.state == "open").values(state="done", done_at=now))
    connection.execute(update(pick_task).where(pick_task.c.id.in_(task_ids)).values(tour_id=rest))
    connection.execute(update(tour).where(tour.c.after_tour == walked.id).values(after_tour=rest))
    connection.execute(update(tour).where(tour.c.id == walked.id).values(state="done", done_at=now))
    _plan_rest(connection, locked(connection, rest), walked.start_place)
    return rest
