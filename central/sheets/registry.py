# SPDX-License-Identifier: Apache-2.0
"""What can be imported. An area says so in a module `sheets` with `SHEETS`; this package knows none of them by name."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from central.database import AREAS
from central.sheets.rules import Repeated, RowFault, Sheet


@dataclass(frozen=True, slots=True)
class Sender:
    """Who imports, when, as which batch (UUID), and whether what was imported before may come a second time."""

    actor: str
    now: datetime
    batch: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What an import did to one row, as JSON values; `before` None: there was none."""

    key: Sequence[str]
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import would do. `write` does it, once, in the same transaction, and is called only when there are no faults."""

    new: int
    changed: int
    unchanged: int
    write: Callable[[], Sequence[Trace]]
    faults: Sequence[RowFault] = field(default=())


@dataclass(frozen=True, slots=True)
class SheetKind:
    """One kind of list that comes from spreadsheets.

    `plan` says what a file would do. `undo` takes back what traces say, in reverse, and raises ConflictError when something later touched it.
    """

    name: str
    title: str
    title_zh: str
    model: type[BaseModel]
    repeated: Repeated
    plan: Callable[[Connection, Sheet, Sender], Outcome]
    undo: Callable[[Connection, Sequence[Trace], Sender], None]


@cache
def kinds() -> Mapping[str, SheetKind]:
    """All kinds by name, in the order of the areas."""
    names = (f"central.{area}.sheets" for area in AREAS if importlib.util.find_spec(f"central.{area}"))
    modules = (importlib.import_module(name) for name in names if importlib.util.find_spec(name))
    return {kind.name: kind for module in modules for kind in module.SHEETS}
