# SPDX-License-Identifier: Apache-2.0
"""Who copies master data and must hear when it changes. Later areas say so in a module `catalog_listener`; the catalog knows none of them by name."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from types import ModuleType

from sqlalchemy import Connection

from central.database import AREAS


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = (f"central.{area}.catalog_listener" for area in AREAS if importlib.util.find_spec(f"central.{area}"))
    return tuple(importlib.import_module(name) for name in names if importlib.util.find_spec(name))


def places_changed(connection: Connection, places: Sequence[str]) -> None:
    """Pick rank, kind or condition of places (site/code) changed; runs in the transaction that changes them."""
    for module in _modules():
        module.places_changed(connection, places)


def lots_changed(connection: Connection, lots: Sequence[tuple[str, str]]) -> None:
    """The last day of use of lots (item, lot) changed; runs in the transaction that changes them."""
    for module in _modules():
        module.lots_changed(connection, lots)
