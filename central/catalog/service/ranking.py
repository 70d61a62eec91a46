# SPDX-License-Identifier: Apache-2.0
"""Ranking the places of a site by where they are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, update

from central.catalog import listeners
from central.catalog.rules.ranking import RANK_STEP, Method, Spot, Way, ranked
from central.catalog.service.places import Layout, layout_of
from central.catalog.tables import location
from central.errors import DomainError

_RANKED_KINDS = frozenset({"bin", "storage"})


@dataclass(frozen=True, slots=True)
class Ranking:
    """Codes of the places in the order in which they are passed; how many ranks that changes; places without coordinates keep theirs."""

    order: tuple[str, ...]
    changed: int
    unplaced: tuple[str, ...]


def rank_places(connection: Connection, site: str, method: Method, dry_run: bool = False) -> Ranking:
    """Give bins and storage places of a site pick ranks from their coordinates, beginning at its place of kind start (else at 0, 0).

    Raises: DomainError `no_coordinates`: no place of the site has any.
    """
    layout = layout_of(connection, site)
    places = [each for each in layout.places if each.kind in _RANKED_KINDS]
    spots = [Spot(each.code, each.aisle, each.x_m, each.y_m, each.z_m or 0.0) for each in places if each.x_m is not None and each.y_m is not None]
    if not spots:
        raise DomainError("no_coordinates", f"no bin or storage place of {site} has coordinates; give x_m and y_m to its locations first")
    ways = [Way(each.code, each.x_m, each.y_from_m, each.y_to_m, each.direction) for each in layout.aisles]
    order = ranked(method, spots, ways, _start_of(layout))
    before = {each.code: each.pick_rank for each in places}
    changes = [(code, n * RANK_STEP) for n, code in enumerate(order, start=1) if before[code] != n * RANK_STEP]
    if changes and not dry_run:
        statement = update(location).where(location.c.place == bindparam("at")).values(pick_rank=bindparam("rank"))
        connection.execute(statement, [{"at": f"{site}/{code}", "rank": rank} for code, rank in changes])
        listeners.places_changed(connection, [f"{site}/{code}" for code, _ in changes])
    return Ranking(tuple(order), len(changes), tuple(sorted(before.keys() - set(order))))


def _start_of(layout: Layout) -> tuple[float, float]:
    starts = [(each.x_m, each.y_m) for each in layout.places if each.kind == "start" and each.x_m is not None and each.y_m is not None]
    return starts[0] if starts else (0.0, 0.0)
