# SPDX-License-Identifier: Apache-2.0
"""What planning makes of events: whatever moved goods may leave a shelf below its minimum."""

from __future__ import annotations

from sqlalchemy import Connection

from central.ingest.registry import EventContext, Handler
from central.planning import service
from contracts.events import Event, ItemScanned, PalletPassed, PickConfirmed


def goods_moved(connection: Connection, context: EventContext, event: Event) -> None:  # signature is the registry's
    """Propose again for the items that this event's postings moved; inbound and outbound have posted before."""
    service.after_posting(connection, context.fact_id, context.site, context.now)


HANDLERS: dict[type[Event], Handler] = {PalletPassed: goods_moved, ItemScanned: goods_moved, PickConfirmed: goods_moved}
