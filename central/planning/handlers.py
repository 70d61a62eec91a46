# SPDX-License-Identifier: Apache-2.0
"""What planning makes of events: whatever moved goods may leave a shelf below its minimum."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from central.ingest.registry import EventContext, Handler, HandlerMany
from central.planning import service
from contracts.events import Event, ItemScanned, PalletPassed, PickConfirmed


def goods_moved(connection: Connection, context: EventContext, event: Event) -> None:  # signature is the registry's
    """Propose again for the items that this event's postings moved; inbound and outbound have posted before."""
    service.after_posting(connection, context.fact_id, context.site, context.now)


def many_moved(connection: Connection, said: Sequence[tuple[EventContext, Event]]) -> None:
    """Propose again, once, for the items that these events moved."""
    for site in sorted({context.site for context, _ in said}):
        mine = [context for context, _ in said if context.site == site]
        service.after_postings(connection, [context.fact_id for context in mine], site, mine[0].now)


HANDLERS: dict[type[Event], Handler] = {PalletPassed: goods_moved, ItemScanned: goods_moved, PickConfirmed: goods_moved}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PalletPassed: many_moved, ItemScanned: many_moved, PickConfirmed: many_moved}
