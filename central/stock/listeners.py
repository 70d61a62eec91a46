# SPDX-License-Identifier: Apache-2.0
"""What other areas know of stock that stock itself must ask or tell: stock comes before orders, so orders register here and are not called by name.

An area with a module `stock_listener` declares `LISTENER` in it; every function of it runs in the transaction of the use case that asks.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select

from central.database import AREAS
from central.ledger.claims import Claim


@dataclass(frozen=True, slots=True)
class Told:
    """The fact that changes stock, its instant, and why (a word for messages)."""

    fact_id: str
    now: datetime
    reason: str = ""


def _no_name(_connection: Connection, _line_id: str) -> str | None:
    return None


def _nothing(_connection: Connection, _told: Told, _claims: Sequence[Claim]) -> None:
    return None


def _nobody(_connection: Connection, _item: str, _lot: str) -> list[dict[str, Any]]:
    return []


@dataclass(frozen=True, slots=True)
class Listener:
    """`name_line`: what a person calls the line of a reservation (None: not mine). `claims_moved`: goods went elsewhere with their claims.

    `claims_voided`: reservations were given back because the goods must not be used; find others. `customers_of`: who got goods of a lot, as
    {order, customer, site, quantity, state, shipped_at}. `figures`: by the name of a figure of stock ("promised", "picked"), SELECT site, item, quantity.
    """

    name_line: Callable[[Connection, str], str | None] = _no_name
    claims_moved: Callable[[Connection, Told, Sequence[Claim]], None] = _nothing
    claims_voided: Callable[[Connection, Told, Sequence[Claim]], None] = _nothing
    customers_of: Callable[[Connection, str, str], list[dict[str, Any]]] = _nobody
    figures: Mapping[str, Callable[[], Select[Any]]] = field(default_factory=dict)


@functools.cache
def listeners() -> tuple[Listener, ...]:
    """The listeners of all areas, in the order of the areas."""
    names = [f"central.{area}.stock_listener" for area in AREAS if importlib.util.find_spec(f"central.{area}")]
    return tuple(importlib.import_module(name).LISTENER for name in names if importlib.util.find_spec(name))


def name_of_line(connection: Connection, line_id: str) -> str:
    """What a person calls the line of a reservation."""
    names = (each.name_line(connection, line_id) for each in listeners())
    return next((name for name in names if name), f"line {line_id}")
