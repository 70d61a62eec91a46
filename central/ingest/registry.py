# SPDX-License-Identifier: Apache-2.0
"""Which use cases an event goes to. Each area names its own in `central.<area>.handlers.HANDLERS`; ingest collects them."""

from __future__ import annotations

import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy import Connection

from central.database import AREAS
from central.exceptions.messages import Message
from contracts.events import Event, Lane


@dataclass(frozen=True, slots=True)
class EventContext:
    """Who says an event, under which identity, and when central took it. The fact `fact_id` is recorded already: post to it, do not record it again."""

    fact_id: str
    site: str
    gateway: str
    epoch: str
    lane: Lane
    seq: int
    now: datetime


Handler = Callable[[Connection, EventContext, Any], None]
"""A use case's door for an event. It runs in ingest's transaction and must change nothing but the database, for it may run twice before the commit.

A DomainError undoes what the handlers of this event did and becomes an exception work order.
"""


HandlerMany = Callable[[Connection, Sequence[tuple[EventContext, Any]]], None]
"""A door for events of one type that come one after the other: it does what the area's `Handler` does for each in turn, in few statements.

It raises what the first of them raises, for all of them: they are then handed over one by one.
"""


class RaiseWorkOrder(Protocol):
    """`central.exceptions.service.raise_work_order`: a task for a person, once per (kind, subject) that is open."""

    def __call__(self, connection: Connection, kind: str, subject: str, message: Message | str, event_id: str | None, now: datetime) -> Any:
        """Raise it; returns whatever names it."""
        ...


@cache
def collect_handlers() -> Mapping[type[Event], tuple[Handler, ...]]:
    """The handlers of all areas by type of event, in the order of the areas."""
    handlers: dict[type[Event], tuple[Handler, ...]] = defaultdict(tuple)
    for module in _modules().values():
        for kind, handler in module.HANDLERS.items():
            handlers[kind] = (*handlers[kind], handler)
    return dict(handlers)


@cache
def collect_many() -> Mapping[type[Event], Mapping[str, HandlerMany]]:
    """The doors for many events by type and area, in the order of the areas: of the types that an area names in HANDLERS_MANY.

    Another area's handler of the type then gets them one after the other, behind the same door.
    """
    kinds = {kind for module in _modules().values() for kind in getattr(module, "HANDLERS_MANY", {})}
    return {kind: {area: many for area, module in _modules().items() if (many := _many(module, kind)) is not None} for kind in kinds}


def _many(module: ModuleType, kind: type[Event]) -> HandlerMany | None:
    many: HandlerMany | None = getattr(module, "HANDLERS_MANY", {}).get(kind)
    handler: Handler | None = module.HANDLERS.get(kind)
    if many is not None or handler is None:
        return many
    alone = handler

    def in_turn(connection: Connection, said: Sequence[tuple[EventContext, Any]]) -> None:
        for context, event in said:
            alone(connection, context, event)

    return in_turn


@cache
def _modules() -> Mapping[str, ModuleType]:
    """Looked for once: a search for 32 modules costs more than taking an event."""
    found = {}
    for area in AREAS:
        if importlib.util.find_spec(f"central.{area}") and importlib.util.find_spec(f"central.{area}.handlers"):
            found[area] = importlib.import_module(f"central.{area}.handlers")
    return found
