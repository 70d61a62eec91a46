# SPDX-License-Identifier: Apache-2.0
"""Fences: one row per (site, item). Whoever changes stock of it takes the row first; its turns are the true order of what happened to that stock."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

_OUT_OF_ORDER_LOCK_WAIT_MS = 50
"""A fence taken out of order waits only this long, then the transaction starts anew: no deadlock outlives it (PostgreSQL's own detector needs 1 s)."""

_TAKE = "INSERT INTO fence (site, item, turn) SELECT {values} ON CONFLICT (site, item) DO UPDATE SET turn = fence.turn + 1 RETURNING site, item, turn"
_TAKE_POSTGRESQL = _TAKE.format(values="site, item, 1 FROM unnest(%s::text[], %s::text[]) AS v(site, item)")
_TAKE_SQLITE = _TAKE.format(values="value ->> 0, value ->> 1, 1 FROM json_each(?) WHERE true")


class FenceNotHeldError(RuntimeError):
    """A use case changes stock without holding its fence: a mistake in the program."""


def lock(connection: Connection, site_items: Iterable[tuple[str, str]]) -> None:
    """Take the fences of (site, item) pairs in sorted order and hold them until the transaction ends.

    Take all that a use case needs in one call. A later call is allowed, but one out of order may end in BusyError, after which the transaction is done anew.
    """
    held: dict[tuple[str, str], int] = connection.info["dockline_fences"]
    wanted = sorted(set(site_items) - held.keys())
    if not wanted:
        return
    out_of_order = bool(held) and wanted[0] < max(held) and connection.dialect.name == "postgresql"
    if out_of_order:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_OUT_OF_ORDER_LOCK_WAIT_MS}ms'")
    _take(connection, wanted, held)
    if out_of_order:
        connection.exec_driver_sql("RESET lock_timeout")


def _take(connection: Connection, wanted: Sequence[tuple[str, str]], held: dict[tuple[str, str], int]) -> None:
    """The rows of one insert are locked one after the other in the order given."""
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql(_TAKE_POSTGRESQL, ([site for site, _ in wanted], [item for _, item in wanted]))
    else:
        rows = connection.exec_driver_sql(_TAKE_SQLITE, (json.dumps(wanted),))
    for site, item, turn in rows:
        held[site, item] = turn


def holds(connection: Connection, site_items: Collection[tuple[str, str]]) -> bool:
    """Whether this transaction holds all these fences, so that what it read since then is still true."""
    held: dict[tuple[str, str], int] = connection.info["dockline_fences"]
    return held.keys() >= set(site_items)


def turn_of(connection: Connection, site: str, item: str) -> int:
    """The turn of a fence that this transaction holds. Raises: FenceNotHeldError."""
    turn: int | None = connection.info["dockline_fences"].get((site, item))
    if turn is None:
        raise FenceNotHeldError(f"fence ({site}, {item}) is not held; call lock() with it before changing stock")
    return turn
