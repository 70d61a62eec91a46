# SPDX-License-Identifier: Apache-2.0
"""Which places a count takes: the scope, what moved there since the last count, and how risky that makes them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from central.catalog.tables import location
from central.counting import rules
from central.counting.documents import CountPlan, Scope
from central.counting.rules import PlaceHistory
from central.counting.tables import count_place
from central.errors import NotFoundError
from central.exceptions.tables import work_order
from central.ledger.tables import balance, entry, event

COUNTED_KINDS = ("bin", "storage")
USAGE_DAYS = 90
_PART = 200
_OPEN_STATES = ("open", "recount", "review")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A place to count, with the risk at which it was chosen."""

    place: str
    risk: float


def choose(connection: Connection, plan: CountPlan, now: datetime) -> list[Chosen]:
    """The places of a plan in the order of the walk. A place that an open count already has is left out.

    Raises: NotFoundError: a place is named that the catalog does not know.
    """
    rows = [row for row in _in_scope(connection, plan.site, plan.scope) if row.place not in _being_counted(connection, plan.site)]
    histories = _histories(connection, plan.site, rows, now)
    wanted = _wanted(connection, plan, rows, histories, now)
    order = {row.place: n for n, row in enumerate(rows)}
    return sorted((Chosen(each.place, risk) for each, risk in wanted), key=lambda each: order[each.place])


def _wanted(
    connection: Connection, plan: CountPlan, rows: Sequence[Any], histories: Mapping[str, PlaceHistory], now: datetime
) -> Sequence[tuple[PlaceHistory, float]]:
    ranked = rules.ranked(histories[row.place] for row in rows)
    match plan.kind:
        case "random":
            drawn = set(random.Random(plan.scope.seed).sample([row.place for row in rows], min(plan.scope.sample or 0, len(rows))))  # noqa: S311  # a lot, no secret
            return [pair for pair in ranked if pair[0].place in drawn]
        case "dynamic":
            return [pair for pair in ranked if pair[0].moves or pair[0].shorts][: plan.scope.limit]
        case "cycle":
            due = _days_allowed(connection, plan, now)
            return [pair for pair in ranked if pair[0].days >= due.get(pair[0].place, plan.scope.interval_days.get("C", 180))][: plan.scope.limit]
    return ranked


def _in_scope(connection: Connection, site: str, scope: Scope) -> Sequence[Any]:
    query = select(location.c.place, location.c.code).where(location.c.site == site).order_by(location.c.pick_rank, location.c.code)
    query = query.where(location.c.kind.in_(COUNTED_KINDS) if scope.places is None else location.c.code.in_(scope.places))
    for name in ("zone", "aisle"):
        if getattr(scope, name) is not None:
            query = query.where(location.c[name] == getattr(scope, name))
    if scope.items is not None:
        here = select(entry.c.place).where(entry.c.item.in_(scope.items))
        query = query.where(location.c.place.in_(here))
    _check_named(connection, site, scope.places or ())
    return connection.execute(query).all()


def _check_named(connection: Connection, site: str, codes: Sequence[str]) -> None:
    known = select(location.c.code).where(location.c.site == site, location.c.code.in_(codes))
    if unknown := sorted(set(codes) - set(connection.execute(known).scalars())) if codes else []:
        raise NotFoundError("unknown_location", f"location {site}/{unknown[0]} is not in the catalog; add it first")


def _being_counted(connection: Connection, site: str) -> set[str]:
    query = select(count_place.c.place).where(count_place.c.state.in_(_OPEN_STATES), count_place.c.place.startswith(f"{site}/", autoescape=True))
    return set(connection.execute(query).scalars())


def _histories(connection: Connection, site: str, rows: Sequence[Any], now: datetime) -> dict[str, PlaceHistory]:
    last = _last_counts(connection, site)
    moves, first_used = _moves(connection, site, {place: at for place, (at, _) in last.items()})
    shorts, held = _shorts(connection, site), _held(connection, site)
    made = {}
    for row in rows:
        counted_at, right = last.get(row.place, (None, True))
        since = counted_at or first_used.get(row.place, now)
        days = (now - since).total_seconds() / rules.DAY_S
        made[row.place] = PlaceHistory(row.place, moves.get(row.place, 0), days, shorts.get(row.place, 0), not right, held.get(row.place, 0))
    return made


def _last_counts(connection: Connection, site: str) -> dict[str, tuple[datetime, bool]]:
    mine = count_place.c.place.startswith(f"{site}/", autoescape=True)
    newest = select(count_place.c.place, func.max(count_place.c.settled_at).label("at")).where(mine).group_by(count_place.c.place).subquery()
    query = select(count_place.c.place, count_place.c.settled_at, count_place.c.right).join(
        newest, and_(newest.c.place == count_place.c.place, newest.c.at == count_place.c.settled_at)
    )
    return {row.place: (row.settled_at, bool(row.right)) for row in connection.execute(query)}


def _moves(connection: Connection, site: str, last: Mapping[str, datetime]) -> tuple[dict[str, int], dict[str, datetime]]:
    """How many events touched each place since its last count, and when it was first used."""
    mine = entry.c.place.startswith(f"{site}/", autoescape=True)
    joined = entry.join(event, event.c.id == entry.c.event_id)
    first = select(entry.c.place, func.min(event.c.recorded_at).label("at")).select_from(joined).where(mine).group_by(entry.c.place)
    first_used = {row.place: row.at for row in connection.execute(first)}
    counted = [(place, at) for place, at in last.items() if place in first_used]
    moves: dict[str, int] = {}
    uncounted = set(first_used) - set(last)
    number = func.count(func.distinct(entry.c.event_id)).label("number")
    base = select(entry.c.place, number).select_from(joined).group_by(entry.c.place)
    for start in range(0, len(counted), _PART):
        since = or_(*(and_(entry.c.place == place, event.c.recorded_at > at) for place, at in counted[start : start + _PART]))
        moves |= {row.place: row.number for row in connection.execute(base.where(since))}
    never = sorted(uncounted)
    for start in range(0, len(never), _PART):
        moves |= {row.place: row.number for row in connection.execute(base.where(entry.c.place.in_(never[start : start + _PART])))}
    return moves, first_used


def _shorts(connection: Connection, site: str) -> dict[str, int]:
    """Open reports that less was found at a place than the books say (their subject begins with the place)."""
    query = select(work_order.c.subject).where(work_order.c.state == "open", work_order.c.kind == "pick_short", work_order.c.site == site)
    found: dict[str, int] = {}
    for subject in connection.execute(query).scalars():
        place = "/".join(subject.split("/")[:2])
        found[place] = found.get(place, 0) + 1
    return found


def _held(connection: Connection, site: str) -> dict[str, int]:
    query = select(balance.c.place, func.sum(balance.c.on_hand).label("held")).where(balance.c.site == site).group_by(balance.c.place)
    return {row.place: int(row.held) for row in connection.execute(query)}


def _days_allowed(connection: Connection, plan: CountPlan, now: datetime) -> dict[str, int]:
    """The shortest interval among the classes of what lies in each place; an empty place is class C."""
    classes = rules.abc_classes(_usage(connection, plan.site, now))
    allowed: dict[str, int] = {}
    for row in connection.execute(select(balance.c.place, balance.c.item).distinct().where(balance.c.site == plan.site)):
        days = plan.scope.interval_days.get(classes.get(row.item, "C"), 180)
        allowed[row.place] = min(days, allowed.get(row.place, days))
    return allowed


def _usage(connection: Connection, site: str, now: datetime) -> dict[str, float]:
    """Events that took an item out of a place of the site in the last days: how often somebody reached for it."""
    number = func.count(func.distinct(entry.c.event_id)).label("number")
    query = select(entry.c.item, number).join(event, event.c.id == entry.c.event_id).group_by(entry.c.item)
    mine = entry.c.place.startswith(f"{site}/", autoescape=True)
    return {
        row.item: float(row.number)
        for row in connection.execute(query.where(mine, entry.c.quantity < 0, event.c.recorded_at > now - timedelta(days=USAGE_DAYS)))
    }
