# SPDX-License-Identifier: Apache-2.0
"""Use cases of tours, the walks of pickers: plan, take, go on, give back. Each runs inside the caller's transaction.

Locks are taken in one order: fences of stock, then a tour, then its tasks. A tour that nobody has taken is dark; its lights burn in its picker's colour.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, and_, bindparam, insert, or_, select, update

from central.bulk import keys_of, listed
from central.catalog.tables import item, location
from central.errors import NotFoundError
from central.ledger import service as ledger
from central.outbound import lights, rules, tour_rules
from central.outbound.grouping import Grouping
from central.outbound.picking_tables import picker_session, tour_tote
from central.outbound.tables import customer_order, pick_task, tour, wave
from central.outbound.tour_rules import CARTS, MIXED, Cart, Job, Mode, TourPlan
from central.outbound.walks import Floor
from contracts.commands import PickTask
from contracts.quantities import Quantity

OPEN = pick_task.c.state.in_(rules.OPEN_STATES)


@dataclass(frozen=True, slots=True)
class Picker:
    """Somebody who picks now; `zone` empty: in all zones of the site."""

    name: str
    site: str
    zone: str
    colour: str


def make_tours(connection: Connection, fact_id: str, wave_id: int, now: datetime) -> list[str]:
    """Plan the tours of a released wave over its tasks that have none; returns their ids, in the order in which they should be walked.

    Again plans only what came since. Raises: NotFoundError.
    """
    row = connection.execute(select(wave).where(wave.c.id == wave_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_wave", f"wave {wave_id} is not known")
    made = plan(connection, fact_id, row.site, row.mode, cart_of(row.criteria, row.mode), now, wave_id=wave_id)
    dispatch(connection, fact_id, row.site, now)
    return made


def cart_of(criteria: Mapping[str, Any], mode: Mode) -> Cart:
    """What one walk carries: `cart` of a wave's criteria (totes, weight_g, volume_cm3, picks), else the mode's usual cart."""
    said = criteria.get("cart") or {}
    usual = CARTS[mode]
    return Cart(**{name: said.get(name) or getattr(usual, name) for name in ("totes", "weight_g", "volume_cm3", "picks")})


def plan(
    connection: Connection,
    fact_id: str,
    site: str,
    mode: Mode,
    cart: Cart,
    now: datetime,
    *,
    zone: str = "",
    wave_id: int | None = None,
    order_ids: Collection[str] | None = None,
) -> list[str]:
    """Plan tours over the open tasks of a site that have none (of one zone, wave or some orders); returns their ids.

    Two who plan at once share the tasks between them: what the other looks at is left to the other.
    """
    jobs = _jobs(connection, site, zone, wave_id, order_ids)
    if not jobs:
        return []
    floor = Floor.of(connection, site)
    plans = tour_rules.plan_tours(jobs, mode, cart, together=_grouping(floor, jobs, mode))
    ids = [str(uuid.uuid5(uuid.UUID(fact_id), f"tour/{each.jobs[0].task_id}")) for each in plans]
    _write(connection, site, mode, plans, ids, floor, wave_id, now)
    return ids


def _grouping(floor: Floor, jobs: Sequence[Job], mode: Mode) -> Grouping | None:
    """How orders of walks that are shared freely are grouped on this floor; None: by pick ranks."""
    ways = floor.ways_over({job.place for job in jobs}) if mode in (*MIXED, "cluster") else None
    return Grouping(ways, clock=time.monotonic) if ways is not None else None


def _jobs(connection: Connection, site: str, zone: str, wave_id: int | None, order_ids: Collection[str] | None) -> list[Job]:
    query = (
        select(
            pick_task.c.id,
            pick_task.c.order_id,
            pick_task.c.zone,
            pick_task.c.place,
            pick_task.c.requested,
            location.c.pick_rank,
            item.c.unit_weight_g,
            item.c.length_mm,
            item.c.width_mm,
            item.c.height_mm,
            item.c.condition,
            customer_order.c.priority,
            customer_order.c.due_at,
            customer_order.c.number,
            customer_order.c.tote,
            customer_order.c.owner,
        )
        .join(customer_order, customer_order.c.id == pick_task.c.order_id)
        .outerjoin(item, item.c.code == pick_task.c.item)
        .outerjoin(location, location.c.place == pick_task.c.place)
        .where(pick_task.c.site == site, pick_task.c.tour_id.is_(None), OPEN)
    )
    if zone:
        query = query.where(pick_task.c.zone == zone)
    if wave_id is not None:
        query = query.where(customer_order.c.wave_id == wave_id)
    if order_ids is not None:
        query = query.where(pick_task.c.order_id.in_(sorted(order_ids)))
    rows = connection.execute(query.order_by(pick_task.c.id).with_for_update(of=pick_task, skip_locked=True))
    return [
        Job(
            row.id,
            row.order_id,
            row.zone,
            row.place,
            row.pick_rank or 0,
            (row.unit_weight_g or 0) * row.requested,
            (row.length_mm or 0) * (row.width_mm or 0) * (row.height_mm or 0) * row.requested // 1000,
            row.priority,
            row.due_at,
            row.number,
            row.tote,
            row.condition or "ambient",
            row.owner,
        )
        for row in rows
    ]


def _write(
    connection: Connection, site: str, mode: Mode, plans: Sequence[TourPlan], ids: Sequence[str], floor: Floor, wave_id: int | None, now: datetime
) -> None:
    tours: list[dict[str, Any]] = []
    totes: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for tour_id, each in zip(ids, plans, strict=True):
        walk = floor.walk([job.place for job in each.jobs])
        turn = {place: n for n, place in enumerate(walk.places)}
        jobs = sorted(each.jobs, key=lambda job: (turn[job.place], each.slots[job.order_id], job.task_id))
        tours.append(
            {
                "id": tour_id,
                "site": site,
                "wave_id": wave_id,
                "zone": each.zone,
                "mode": mode,
                "length_mm": walk.length_mm,
                "exact": walk.exact,
                "walk": list(walk.points) or None,
                "after_tour": None if each.after is None else ids[each.after],
                "turn": len(tours),
                "start_place": floor.start,
                "end_place": floor.end,
                "priority": min(job.priority for job in jobs),
                "due_at": min((job.due_at for job in jobs if job.due_at), default=None),
                "created_at": now,
            }
        )
        of_order = {job.order_id: job.tote for job in jobs}
        mixed = mode in MIXED
        slots = {"": None} if mixed else {slot: order_id for order_id, slot in each.slots.items()}
        totes += [{"tour_id": tour_id, "slot": slot, "order_id": order, "tote": of_order[order] if order else ""} for slot, order in slots.items()]
        tasks += [
            {"b_id": job.task_id, "b_tour": tour_id, "b_n": n, "b_slot": each.slots[job.order_id], "b_tote": "" if mixed else job.tote}
            for n, job in enumerate(jobs, start=1)
        ]
    connection.execute(insert(tour), tours)
    connection.execute(insert(tour_tote), totes)
    connection.execute(ADOPT, tasks)


ADOPT = (
    update(pick_task)
    .where(pick_task.c.id == bindparam("b_id"))
    .values(tour_id=bindparam("b_tour"), sequence=bindparam("b_n"), slot=bindparam("b_slot"), tote=bindparam("b_tote"))
)


# -- taking --------------------------------------------------------------------------------------------------------------------------------------


def next_tour(connection: Connection, fact_id: str, picker: Picker, now: datetime, mode: Mode = "order", cart: Cart | None = None) -> str | None:
    """The walk that a picker has in work, else the most urgent one that is ready, else one planned of the tasks that have none. None: nothing to pick.

    Two pickers never get the same, and one who asks twice at once gets one.
    """
    connection.execute(_SESSION, {"picker": picker.name})
    mine = select(tour.c.id).where(tour.c.picker == picker.name, tour.c.state == "picking").order_by(tour.c.id).limit(1)
    has: str | None = connection.execute(mine).scalar()
    if has is not None:
        return has
    chosen = _first_ready(connection, picker)
    if chosen is None and plan(connection, fact_id, picker.site, mode, cart or CARTS[mode], now, zone=picker.zone):
        chosen = _first_ready(connection, picker)
    if chosen is not None:
        _take(connection, fact_id, chosen, picker, now)
    return chosen


_SESSION = select(picker_session.c.id).where(picker_session.c.picker == bindparam("picker"), picker_session.c.until.is_(None)).with_for_update()
"""Holds a picker until the transaction ends."""
_BEFORE = tour.alias("before")
_WAITS = select(_BEFORE.c.id).where(_BEFORE.c.id == tour.c.after_tour, _BEFORE.c.state.in_(("ready", "picking"))).exists()
_READY = and_(tour.c.site == bindparam("site"), tour.c.state == "ready", ~_WAITS)
_ZONES_READY = select(tour.c.zone).where(_READY).distinct()
_FIRST_READY = (
    select(tour.c.id)
    .where(_READY, or_(bindparam("zone", type_=tour.c.zone.type) == "", tour.c.zone == bindparam("zone", type_=tour.c.zone.type)))
    .order_by(tour.c.priority, tour.c.due_at.is_(None), tour.c.due_at, tour.c.created_at, tour.c.turn, tour.c.id)
    .limit(1)
    .with_for_update(of=tour, skip_locked=True)
)


def _first_ready(connection: Connection, picker: Picker) -> str | None:
    chosen: str | None = connection.execute(_FIRST_READY, {"site": picker.site, "zone": picker.zone}).scalar()
    return chosen


def _take(connection: Connection, fact_id: str, tour_id: str, picker: Picker, now: datetime) -> None:
    connection.execute(_TAKEN, {"b_id": tour_id, "b_picker": picker.name, "b_colour": picker.colour, "b_at": now})
    light_walk(connection, fact_id, tour_id, picker.colour, now)


_TAKEN = (
    update(tour)
    .where(tour.c.id == bindparam("b_id"))
    .values(state="picking", picker=bindparam("b_picker"), colour=bindparam("b_colour"), started_at=bindparam("b_at"))
)


def light_walk(connection: Connection, fact_id: str, tour_id: str, colour: str, now: datetime) -> None:
    """Light what of a tour has a lamp that works. With several slots the lights come one after the other, so that each says which tote."""
    rows = open_tasks(connection, tour_id)
    one_by_one = any(row.slot for row in rows)
    has_lamp = [row for row in rows if row.station and not row.lamp_dead]
    if len(has_lamp) < len(rows):
        connection.execute(update(pick_task).where(pick_task.c.tour_id == tour_id, OPEN).values(colour=colour))
    if not has_lamp:
        return
    connection.execute(_lit(connection.dialect.name), {"b_tasks": keys_of(connection, pick_task.c.id, [row.id for row in has_lamp]), "b_colour": colour})
    lamps = [lights.Lamp(row.gateway, row.station, _as_light(row, colour, tour_id, row.sequence if one_by_one else 0)) for row in has_lamp]
    lights.light(connection, fact_id, lamps, now)


def open_tasks(connection: Connection, tour_id: str) -> Sequence[Row[Any]]:
    """The tasks of a tour that wait, in the order of the walk, with the order's number."""
    return connection.execute(_OPEN_TASKS, {"tour": tour_id}).all()


_OPEN_TASKS = (
    select(pick_task, customer_order.c.number)
    .join(customer_order, customer_order.c.id == pick_task.c.order_id)
    .where(pick_task.c.tour_id == bindparam("tour"), OPEN)
    .order_by(pick_task.c.sequence, pick_task.c.id)
)


@cache
def _lit(dialect: str) -> Update:
    return update(pick_task).where(listed(dialect, pick_task.c.id, "b_tasks")).values(state="lit", colour=bindparam("b_colour"))


def _as_light(row: Row[Any], colour: str, tour_id: str, sequence: int) -> PickTask:
    return PickTask(
        task_id=row.id,
        bin=row.bin,
        item=row.item,
        quantity=Quantity(row.requested),
        lot=row.lot,
        order=row.number,
        colour=colour,
        tour=tour_id,
        sequence=sequence,
    )


_BUSY = select(tour.c.id).where(tour.c.picker == picker_session.c.picker, tour.c.state == "picking").exists()
_IDLE = (
    select(picker_session)
    .where(picker_session.c.site == bindparam("site"), picker_session.c.until.is_(None), picker_session.c.auto, ~_BUSY)
    .order_by(picker_session.c.since, picker_session.c.picker)
    .with_for_update(of=picker_session, skip_locked=True)
)


def dispatch(connection: Connection, fact_id: str, site: str, now: datetime) -> int:
    """Give walks that are ready to pickers who take them by themselves and have none; returns how many walks were given.

    Who is given one by another transaction at this moment is left to it, see `dispatch_everywhere`.
    """
    given = 0
    zones = set(connection.execute(_ZONES_READY, {"site": site}).scalars())
    waiting = connection.execute(_IDLE, {"site": site}).all() if zones else ()
    # Looked at once more, now that they are held: somebody may have given them a walk just before.
    busy = (
        set(connection.execute(_walking(connection.dialect.name), {"names": keys_of(connection, tour.c.picker, [row.picker for row in waiting])}).scalars())
        if waiting
        else set()
    )
    for row in waiting:
        if row.picker in busy or (row.zone and row.zone not in zones):
            continue
        picker = Picker(row.picker, row.site, row.zone, row.colour)
        chosen = _first_ready(connection, picker)
        if chosen is not None:
            _take(connection, fact_id, chosen, picker, now)
            given += 1
        else:
            zones -= {row.zone} if row.zone else zones
    return given


@cache
def _walking(dialect: str) -> Select[Any]:
    return select(tour.c.picker).where(listed(dialect, tour.c.picker, "names"), tour.c.state == "picking")


_SITES_READY = (
    select(tour.c.site)
    .distinct()
    .join(picker_session, picker_session.c.site == tour.c.site)
    .where(tour.c.state == "ready", picker_session.c.until.is_(None), picker_session.c.auto, ~_BUSY.correlate(picker_session))
)


def dispatch_everywhere(connection: Connection, now: datetime) -> int:
    """As `dispatch`, for all sites: a walk that got ready in the same moment in which somebody got free was seen by neither."""
    given = 0
    for site in connection.execute(_SITES_READY).scalars().all():
        fact = ledger.Fact(str(uuid.uuid4()), "central", None, "WalksGiven", b"{}", "dockline", now, site)
        if here := dispatch(connection, fact.id, site, now):
            ledger.record(connection, fact, now)
            given += here
    return given


_LOCKED = select(tour).where(tour.c.id == bindparam("tour")).with_for_update()


def locked(connection: Connection, tour_id: str) -> Row[Any]:
    """A tour's row, held until the transaction ends. Raises: NotFoundError."""
    row = connection.execute(_LOCKED, {"tour": tour_id}).one_or_none()
    if row is None:
        raise NotFoundError("unknown_tour", f"tour {tour_id} is not known")
    return row
