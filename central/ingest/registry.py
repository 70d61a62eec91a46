# SPDX-License-Identifier: Apache-2.0
"""Which use cases an event goes to. Each area names its own in `central.<area>.handlers.HANDLERS`; ingest collects them."""

from __future__ import annotations

import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from central.database import AREAS
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


class RaiseWorkOrder(Protocol):
    """`central.exceptions.service.raise_work_order`: a task for a person, once per (kind, subject) that is open."""

    def __call__(self, connection: Connection, kind: str, subject: str, message: str, event_id: str | None, now: datetime) -> Any:
        """Raise it; returns whatever names it."""
        ...


def collect_handlers() -> Mapping[type[Event], tuple[Handler, ...]]:
    """The handlers of all areas by type of event, in the order of the areas."""
    handlers: dict[type[Event], tuple[Handler, ...]] = defaultdict(tuple)
    for area in AREAS:
        if importlib.util.find_spec(f"central.{area}") and importlib.util.find_spec(f"central.{area}.handlers"):
            module = importlib.import_module(f"central.{area}.handlers")
            for kind, handler in module.HANDLERS.items():
                handlers[kind] = (*handlers[kind], handler)
    return dict(handlers)
