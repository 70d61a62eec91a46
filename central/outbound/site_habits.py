# SPDX-License-Identifier: Apache-2.0
"""What sends an order that does not say so itself: its last pick, or what is the habit of its site, which areas after orders know.

Orders come before packing, so shipping registers here and is not called by name: an area with a module `site_habits` declares `SHIP_WHEN` in it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection

from central.database import AREAS

ShipWhen = Callable[[Connection, Collection[str]], Mapping[str, str]]
"""By site, of those that are asked for, what sends its orders; sites without a habit are left out."""
_WITHOUT_HABIT = "picked"


@functools.cache
def _known() -> tuple[ShipWhen, ...]:
    names = [f"central.{area}.site_habits" for area in AREAS if area != "outbound" and importlib.util.find_spec(f"central.{area}")]
    return tuple(importlib.import_module(name).SHIP_WHEN for name in names if importlib.util.find_spec(name))


def ship_when(connection: Connection, sites: Collection[str]) -> dict[str, str]:
    """What sends orders of each of these sites that do not say it themselves."""
    habits = dict.fromkeys(sites, _WITHOUT_HABIT)
    for ask in _known():
        habits |= ask(connection, sites)
    return habits
