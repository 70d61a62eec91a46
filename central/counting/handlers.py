# SPDX-License-Identifier: Apache-2.0
"""What counting makes of events: the tags that a reader saw for a count."""

from __future__ import annotations

from sqlalchemy import Connection

from central.counting import rfid
from central.ingest.registry import EventContext, Handler
from contracts.events import Event, TagsCounted


def tags_counted(connection: Connection, context: EventContext, event: TagsCounted) -> None:
    """Add them to the count. One that was ended meanwhile, or never was, becomes a work order by the error that says so."""
    rfid.add_tags(connection, context.fact_id, event.count_id, event.station, event.epc_list, context.now)


HANDLERS: dict[type[Event], Handler] = {TagsCounted: tags_counted}
