# SPDX-License-Identifier: Apache-2.0
"""Reading tours: the list, the stop where a picker is, the pick list as a document, the map of the walk, how right pickers are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, select

from central.catalog import service as catalog
from central.catalog.tables import item, location, lot
from central.outbound.picking_tables import lamp_test, mispick, picker_session, put_task, tour_tote, wall, wall_slot
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, pick_task, tour, tour_zone
from central.outbound.tour_rules import by_name, packs
from central.outbound.walks import Floor
from central.paging import Page, page, up

_NEXT_SHOWN = 3
_ANSWERED = ("done", "short")


def tours(connection: Connection, site: str | None, state: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Tours in the order in which they were planned."""
    query = select(*(column for column in tour.c if column.name != "walk"))
    query = query.where(tour.c.site == site) if site is not None else query
    query = query.where(tour.c.state == state) if state is not None else query
    return page(connection, query, (up(tour.c.created_at), up(tour.c.id)), after, limit)


def tour_of(connection: Connection, tour_id: str) -> dict[str, Any] | None:
    """A tour with its stops in the order of the walk, its totes, and where it stands; None when it is not known."""
    row = connection.execute(select(tour).where(tour.c.id == tour_id)).mappings().one_or_none()
    if row is None:
        return None
    stops = [dict(each) for each in connection.execute(_STOPS, {"tour": tour_id}).mappings()]
    totes = connection.execute(select(tour_tote).where(tour_tote.c.tour_id == tour_id).order_by(tour_tote.c.slot)).mappings()
    return {
        **row,
        "stops": stops,
        "totes": [dict(each) for each in totes],
        "left": sum(stop["state"] in OPEN_STATES for stop in stops),
        "zones": _zones(connection, tour_id),
        "lay_aside": _aside(connection, pick_task.c.aside_tour_id == tour_id),
    }


def _zones(connection: Connection, tour_id: str) -> list[dict[str, Any]]:
    """The walk's part in each zone: its picks, how many are left, and when its lights there were done (null: not yet, or no lights)."""
    open_ones = func.sum(case((pick_task.c.state.in_(OPEN_STATES), 1), else_=0))
    said = (tour_zone.c.tour_id == pick_task.c.tour_id) & (tour_zone.c.station == pick_task.c.station)
    query = (
        select(pick_task.c.zone, pick_task.c.station, func.count().label("of"), open_ones.label("left"), func.max(tour_zone.c.done_at).label("done_at"))
        .outerjoin(tour_zone, said)
        .where(pick_task.c.tour_id == tour_id, pick_task.c.state != "cancelled")
        .group_by(pick_task.c.zone, pick_task.c.station)
        .order_by(func.min(pick_task.c.sequence))
    )
    return [dict(row) | {"left": int(row["left"])} for row in connection.execute(query).mappings()]


def to_lay_aside(connection: Connection, picker: str) -> list[dict[str, Any]]:
    """Goods of cancelled orders that are on the carts of a picker: by walk and order, the slot and tote, and what to take out."""
    return _aside(connection, pick_task.c.aside_tour_id.in_(select(tour.c.id).where(tour.c.picker == picker)))


def _aside(connection: Connection, where: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = [pick_task.c[name] for name in ("order_id", "slot", "tote", "item", "lot", "taken")]
    query = (
        select(*columns, pick_task.c.aside_tour_id.label("tour_id"), customer_order.c.number.label("order"))
        .join(customer_order, customer_order.c.id == pick_task.c.order_id)
        .where(where)
        .order_by(pick_task.c.aside_tour_id, customer_order.c.number, pick_task.c.sequence)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


_MINE = pick_task.c.tour_id == bindparam("tour")
_KEPT = _MINE & (pick_task.c.state != "cancelled")
_SHOWN = ("id", "sequence", "state", "zone", "place", "bin", "item", "lot", "requested", "taken", "slot", "tote", "lamp_dead")
_STOPS = (
    select(*(pick_task.c[name] for name in _SHOWN), pick_task.c.order_id, customer_order.c.number.label("order"))
    .add_columns(item.c.name, item.c.name_zh, item.c.uom, lot.c.expiry)
    .join(customer_order, customer_order.c.id == pick_task.c.order_id)
    .outerjoin(item, item.c.code == pick_task.c.item)
    .outerjoin(lot, (lot.c.item == pick_task.c.item) & (lot.c.lot == pick_task.c.lot))
    .where(_KEPT)
    .order_by(pick_task.c.sequence, pick_task.c.id)
)
_AT, _STANDS = location.alias("at"), location.alias("stands")
_LAST = select(pick_task.c.place).where(_MINE, pick_task.c.state.in_(_ANSWERED)).order_by(pick_task.c.sequence.desc()).limit(1).scalar_subquery()
_START = select(tour.c.start_place).where(tour.c.id == bindparam("tour")).scalar_subquery()
_NOW = (
    _STOPS.add_columns(item.c.handling, item.c.condition, item.c.hazard_class)
    .add_columns(*(_AT.c[name].label(f"at_{name}") for name in ("site", "aisle", "y_m", "z_m")))
    .add_columns(*(_STANDS.c[name].label(f"stands_{name}") for name in ("place", "code", "aisle", "y_m")))
    .add_columns(select(func.count()).where(_MINE, pick_task.c.state.in_(_ANSWERED)).scalar_subquery().label("done"))
    .add_columns(select(func.count()).where(_KEPT).scalar_subquery().label("of"))
    .outerjoin(_AT, _AT.c.place == pick_task.c.place)
    .outerjoin(_STANDS, _STANDS.c.place == func.coalesce(_LAST, _START))
    .where(pick_task.c.state.in_(OPEN_STATES))
    .limit(1 + _NEXT_SHOWN)
)
"""Everything about the stop where a picker is, and the next ones, in one statement that is built once: every confirm on a screen is answered with it."""


def current_tour(connection: Connection, picker: str) -> str | None:
    """The walk that a picker has in work."""
    query = select(tour.c.id).where(tour.c.picker == picker, tour.c.state == "picking").order_by(tour.c.id).limit(1)
    found: str | None = connection.execute(query).scalar()
    return found


def pickers_here(connection: Connection, site: str, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Who picks at a site now, by name. Raises: BadCursorError."""
    query = select(*(picker_session.c[name] for name in ("picker", "site", "zone", "colour")))
    return page(connection, query.where(picker_session.c.site == site, picker_session.c.until.is_(None)), (up(picker_session.c.picker),), after, limit)


def sites_with_bins(connection: Connection) -> list[tuple[str, list[str]]]:
    """Sites with bins to pick from, and their zones."""
    query = select(location.c.site, location.c.zone).where(location.c.kind == "bin").distinct().order_by(location.c.site, location.c.zone)
    found: dict[str, list[str]] = {}
    for site, zone in connection.execute(query):
        found.setdefault(site, [])
        if zone:
            found[site].append(zone)
    return list(found.items())


def ready_for(connection: Connection, site: str, zone: str) -> int:
    """How many walks at a site, in one zone or (empty) in all, wait for a picker."""
    query = select(func.count()).where(tour.c.site == site, tour.c.state == "ready")
    return int(connection.execute(query.where(tour.c.zone == zone) if zone else query).scalar_one())


_MARK = (
    select(pick_task.c.id, pick_task.c.state, pick_task.c.lamp_dead)
    .join(tour, tour.c.id == pick_task.c.tour_id)
    .where(tour.c.picker == bindparam("picker"), tour.c.state == "picking", pick_task.c.state.in_(OPEN_STATES))
    .order_by(tour.c.id, pick_task.c.sequence, pick_task.c.id)
    .limit(1)
)


def mark_of(connection: Connection, picker: str) -> str:
    """What tells whether a page that shows a picker's stop is still true: the task and its lamp (see `stop_of`); empty: nothing is in work."""
    row = connection.execute(_MARK, {"picker": picker}).one_or_none()
    return "" if row is None else f"{row.id}/{_lamp(row)}"


def _lamp(task: Any) -> str:
    return "dead" if task.lamp_dead else "lit" if task.state == "lit" else ""


def stop_of(connection: Connection, tour_id: str) -> dict[str, Any] | None:
    """Where a picker has to go now: what, from where, how much in which packagings, into which slot, and what comes next; None: nothing is left."""
    waiting = connection.execute(_NOW, {"tour": tour_id}).all()
    if not waiting:
        return None
    now, *others = waiting
    sizes = [(each.code, each.quantity) for each in catalog.packagings_of(connection, [now.item])[now.item]]
    words = (*(now.handling or "").split(","), now.condition if now.condition != "ambient" else "", now.hazard_class)
    shown = ("done", "of", "place", "bin", "zone", "item", "name", "name_zh", "uom", "lot", "expiry", "slot", "tote", "order")
    return {
        "tour": tour_id,
        "task": now.id,
        **{name: getattr(now, name) for name in shown},
        "aisle": now.at_aisle or "",
        "level": _level(connection, now),
        "quantity": now.requested,
        "packs": [{"code": each.code, "count": each.count, "each": each.each} for each in packs(now.requested, sizes)],
        "words": [word for word in words if word and word.strip()],
        "lamp": _lamp(now),
        "way": _way(now),
        "next": [{"bin": each.bin, "item": each.item, "quantity": each.requested, "slot": each.slot} for each in others],
    }


def _counts(connection: Connection, query: Any) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _level(connection: Connection, stop: Row[Any]) -> int | None:
    """The level of a stop's place, from 1 at the floor, by the heights in its aisle; None: not known."""
    if stop.at_z_m is None:
        return None
    below = (location.c.site == stop.at_site) & (location.c.aisle == stop.at_aisle) & (location.c.z_m < stop.at_z_m)
    return 1 + int(connection.execute(select(func.count(location.c.z_m.distinct())).where(below)).scalar_one())


def _way(stop: Row[Any]) -> dict[str, Any]:
    """From where the last pick was: whether it is the same bin or aisle, and then how far along it (millimetres)."""
    if stop.stands_place is None:
        return {"from": "", "same_bin": False, "same_aisle": False, "along_mm": None}
    same_aisle = bool(stop.at_aisle) and stop.at_aisle == stop.stands_aisle
    measured = same_aisle and stop.at_y_m is not None and stop.stands_y_m is not None
    along_mm = round(abs(stop.at_y_m - stop.stands_y_m) * 1000) if measured else None
    return {"from": stop.stands_code, "same_bin": stop.stands_place == stop.place, "same_aisle": same_aisle, "along_mm": along_mm}


def map_of(connection: Connection, tour_id: str) -> dict[str, Any] | None:
    """The floor and the walk over it, metres: aisles, cross aisles, the walk's corners, the stops; `known` False where places have no coordinates."""
    row = connection.execute(select(tour).where(tour.c.id == tour_id)).one_or_none()
    if row is None:
        return None
    rows = connection.execute(_STOPS, {"tour": tour_id}).all()
    floor = Floor(catalog.layout_of(connection, row.site, {row.start_place, row.end_place, *(each.place for each in rows)}))
    stops = []
    for each in rows:
        at = floor.places.get(each.place)
        if at is not None and at.x_m is not None and at.y_m is not None:
            stops.append({"n": each.sequence, "bin": each.bin, "x_m": at.x_m, "y_m": at.y_m, "state": "open" if each.state in OPEN_STATES else "done"})
    return {
        "tour": tour_id,
        "known": bool(row.walk),
        "length_mm": row.length_mm,
        "exact": row.exact,
        "aisles": [
            {"code": each.code, "x_m": each.x_m, "y_from_m": each.y_from_m, "y_to_m": each.y_to_m, "direction": each.direction} for each in floor.layout.aisles
        ],
        "cross_aisles": [{"code": each.code, "y_m": each.y_m} for each in floor.layout.cross_aisles],
        "walk": [[x_mm / 1000, y_mm / 1000] for x_mm, y_mm in row.walk or ()],
        "stops": stops,
        "start": _point(floor, row.start_place),
        "end": _point(floor, row.end_place),
    }


def _point(floor: Floor, place: str) -> dict[str, Any] | None:
    at = floor.places.get(place)
    return None if at is None else {"code": at.code, "x_m": at.x_m, "y_m": at.y_m}


def pick_list_of_order(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """The pick list of one order: its open and answered picks in the order in which they are walked; None when the order is not known."""
    order = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).one_or_none()
    if order is None:
        return None
    columns = [pick_task.c[name] for name in ("id", "zone", "place", "bin", "item", "lot", "requested", "taken", "state", "slot", "tote", "tour_id")]
    query = (
        select(*columns, item.c.name, item.c.name_zh, item.c.uom, lot.c.expiry, location.c.pick_rank)
        .outerjoin(item, item.c.code == pick_task.c.item)
        .outerjoin(lot, (lot.c.item == pick_task.c.item) & (lot.c.lot == pick_task.c.lot))
        .outerjoin(location, location.c.place == pick_task.c.place)
        .where(pick_task.c.order_id == order_id, pick_task.c.state != "cancelled")
        .order_by(location.c.pick_rank, pick_task.c.bin, pick_task.c.id)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    walk = Floor.of(connection, order.site).walk([row["place"] for row in rows if row["state"] in OPEN_STATES])
    turn = {place: n for n, place in enumerate(walk.places)}
    rows.sort(key=lambda row: (row["state"] not in OPEN_STATES, turn.get(row["place"], 0)))
    about = {name: getattr(order, name) for name in ("id", "number", "channel", "site", "partner", "state", "tote", "priority", "due_at")}
    return {"order": about, "length_mm": walk.length_mm, "exact": walk.exact, "lines": [{"n": n, **row} for n, row in enumerate(rows, start=1)]}


def accuracy(connection: Connection, site: str) -> list[dict[str, Any]]:
    """Per picker: lines answered, mispicks stopped by a check, and the share of lines without one; presses of dark lights stand under no name."""
    answered = select(pick_task.c.answered_by, func.count()).where(pick_task.c.site == site, pick_task.c.state.in_(_ANSWERED)).group_by(pick_task.c.answered_by)
    wrong = select(mispick.c.picker, func.count()).where(mispick.c.site == site).group_by(mispick.c.picker)
    lines, mispicks = _counts(connection, answered), _counts(connection, wrong)
    return [
        {
            "picker": name,
            "lines": lines.get(name, 0),
            "mispicks": mispicks.get(name, 0),
            "right_share": round(1 - mispicks.get(name, 0) / lines[name], 4) if lines.get(name) else None,
        }
        for name in sorted({*lines, *mispicks})
    ]


def lamp_test_of(connection: Connection, command_id: str) -> dict[str, Any] | None:
    """A lamp test and its result; None when it is not known."""
    row = connection.execute(select(lamp_test).where(lamp_test.c.command_id == command_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def wall_of(connection: Connection, site: str, code: str) -> dict[str, Any] | None:
    """A wall with what each slot holds and still waits for; None when it is not known."""
    row = connection.execute(select(wall).where(wall.c.site == site, wall.c.code == code)).mappings().one_or_none()
    if row is None:
        return None
    joined = select(wall_slot.c.slot, wall_slot.c.order_id, customer_order.c.number.label("order"))
    joined = joined.outerjoin(customer_order, customer_order.c.id == wall_slot.c.order_id).where(wall_slot.c.site == site, wall_slot.c.wall == code)
    slots = [dict(each) for each in sorted(connection.execute(joined).mappings(), key=lambda row: by_name(row["slot"]))]
    orders = [each["order_id"] for each in slots if each["order_id"] is not None]
    puts = connection.execute(select(put_task).where(put_task.c.order_id.in_(orders)).order_by(put_task.c.id)).all()
    picks = select(pick_task.c.order_id, func.count()).where(pick_task.c.order_id.in_(orders), pick_task.c.state.in_(OPEN_STATES))
    to_pick = _counts(connection, picks.group_by(pick_task.c.order_id))
    for each in slots:
        mine = [put for put in puts if put.order_id == each["order_id"]]
        each["puts"] = [{name: getattr(put, name) for name in ("id", "item", "lot", "quantity", "put", "state", "colour", "lamp_dead")} for put in mine]
        waits = to_pick.get(each["order_id"], 0) + sum(put.state in ("waiting", "lit") for put in mine)
        each["state"] = "free" if each["order_id"] is None else "open" if waits else "complete"
    return {**row, "slots": slots}
