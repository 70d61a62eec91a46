# SPDX-License-Identifier: Apache-2.0
"""What shipping makes of events: packages weighed, scanned at the dock, seen by a door. Steps of other areas are left to them."""

from __future__ import annotations

from sqlalchemy import Connection

from central.ingest.registry import EventContext, Handler
from central.shipping import dispatch, weigh_check
from central.shipping.dispatch import Dock
from central.shipping.scans import sscc_in
from contracts.events import Event, ItemScanned, PalletPassed, WeightRecorded
from contracts.identifiers import IdentifierError, sscc_from_uri

_LEAVING = ("shipping", "loading")
"""Business steps (CBV) in which goods leave."""


def pallet_passed(connection: Connection, context: EventContext, event: PalletPassed) -> None:
    """A door of the shipping side saw goods go out: each label read is compared with the load."""
    if event.biz_step not in _LEAVING or event.direction != "out":
        return
    dock = Dock(context.fact_id, context.site, event.station, context.now)
    for uri in sorted({*([event.parent_id] if event.parent_id else []), *event.other_parents}):
        try:
            sscc = sscc_from_uri(uri)
        except IdentifierError:
            continue
        dispatch.seen_leaving(connection, dock, sscc)


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """A scan point of the shipping side read a label: the package is loaded. What carries no SSCC stays a record."""
    if event.biz_step not in _LEAVING:
        return
    sscc = event.identifiers.sscc or sscc_in(event.text)
    if sscc:
        dispatch.seen_leaving(connection, Dock(context.fact_id, context.site, event.station, context.now), sscc)


HANDLERS: dict[type[Event], Handler] = {PalletPassed: pallet_passed, ItemScanned: item_scanned, WeightRecorded: weigh_check.weight_recorded}
