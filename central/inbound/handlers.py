# SPDX-License-Identifier: Apache-2.0
"""What inbound makes of events: a pallet passed a dock door, a code was scanned at a receiving point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, insert

from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import clocks
from central.inbound import captures, doors, loose, pallets, passing, service
from central.inbound.arrival import Spot
from central.inbound.pallets import Came
from central.inbound.seen import RECEIVING, cases_of, sscc_of
from central.inbound.tables import passage
from central.ingest.registry import EventContext, Handler, HandlerMany
from contracts.events import ClockSet, Event, ItemScanned, PalletPassed, PassCaptured


def pallet_passed(connection: Connection, context: EventContext, event: PalletPassed) -> None:
    """Keep the passage, and receive the pallet if it came in through a receiving door."""
    pallets_passed(connection, [(context, event)])


def pallets_passed(connection: Connection, said: Sequence[tuple[EventContext, PalletPassed]]) -> None:
    """Keep passages in turn; pallets about which nothing is special are received together. A pass that was told before changes nothing."""
    doors.take_turns(connection, {context.site for context, _ in said})
    fresh, repeated = _fresh(connection, said)
    plain = _plain(connection, fresh)
    received = pallets.receive_plain(connection, [came for _, _, came in plain]) if plain else {}
    done = {context.fact_id: passing.judged(received[came.sscc]) for context, _, came in plain if came.sscc in received}
    rows = [passing.passage_of(context, event, done[context.fact_id]) for context, event in fresh if context.fact_id in done]
    rows += [passing.passage_of(context, event, passing.Judged("repeated")) for context, event in repeated]
    if rows:
        connection.execute(insert(passage), rows)
    for context, event in fresh:
        if context.fact_id not in done:
            judged = passing.judge(connection, context, event)
            connection.execute(insert(passage).values(**passing.passage_of(context, event, judged)))


_Said = list[tuple[EventContext, PalletPassed]]


def _fresh(connection: Connection, said: Sequence[tuple[EventContext, PalletPassed]]) -> tuple[_Said, _Said]:
    """Passes that are told for the first time, and those that were told before."""
    first: dict[str, str] = {}
    for context, event in said:
        if event.pass_id:
            first.setdefault(event.pass_id, context.fact_id)
    new = passing.first_said(connection, first)
    fresh: _Said = []
    repeated: _Said = []
    for context, event in said:
        is_first = not event.pass_id or (event.pass_id in new and first[event.pass_id] == context.fact_id)
        (fresh if is_first else repeated).append((context, event))
    return fresh, repeated


def _plain(connection: Connection, fresh: _Said) -> list[tuple[EventContext, PalletPassed, Came]]:
    """The passes that come in without a doubt, the first of each pallet, and that no other door saw too."""
    first: dict[str, tuple[EventContext, PalletPassed]] = {}
    for context, event in fresh:
        sscc = sscc_of(event.parent_id)
        if sscc and not event.other_parents:
            first.setdefault(sscc, (context, event))
    plain = [(sscc, context, event) for sscc, (context, event) in first.items() if passing.is_plain(event)]
    alone = doors.alone(connection, fresh, [(context, event) for _, context, event in plain])
    return [(context, event, Came(_spot(context, event), sscc, cases_of(event))) for sscc, context, event in plain if context.fact_id in alone]


def _spot(context: EventContext, event: PalletPassed | ItemScanned) -> Spot:
    return Spot(context.fact_id, context.site, event.station, context.now)


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """Receive what was scanned at a receiving point: a pallet by its label, or goods by GTIN and lot. Scans elsewhere are only recorded."""
    if event.biz_step != RECEIVING:
        return
    spot, scanned = _spot(context, event), event.identifiers
    if scanned.sscc:
        service.receive_pallet(connection, spot, scanned.sscc, None)
    elif scanned.gtin:
        service.receive_loose(connection, spot, _goods(event))
    else:
        told = message("scan_unreadable", station=spot.station, text=event.text, reason=event.error or "no GS1 identifier")
        exceptions.ask_person(connection, told, event.text, spot.fact_id, spot.now, site=spot.site, station=spot.station)


def items_scanned(connection: Connection, said: Sequence[tuple[EventContext, ItemScanned]]) -> None:
    """Receive what was scanned in turn: pallets and goods about which nothing is special are received together."""
    first: dict[str, Spot] = {}
    scans: list[loose.Scan] = []
    for context, event in said:
        if event.biz_step == RECEIVING and event.identifiers.sscc:
            first.setdefault(event.identifiers.sscc, _spot(context, event))
        elif event.biz_step == RECEIVING and event.identifiers.gtin:
            scans.append(loose.Scan(_spot(context, event), _goods(event)))
    received = pallets.receive_plain(connection, [Came(spot, sscc) for sscc, spot in first.items()]) if first else {}
    done = {first[sscc].fact_id for sscc in received} | (loose.receive_plain(connection, scans) if len(scans) > 1 else frozenset())
    for context, event in said:
        if context.fact_id not in done:
            item_scanned(connection, context, event)


def _goods(event: ItemScanned) -> service.ScannedGoods:
    scanned = event.identifiers
    return service.ScannedGoods((scanned.gtin or "").zfill(14), scanned.lot or "", _day(scanned.expiry), scanned.count or 1, event.text)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def clock_set(connection: Connection, context: EventContext, _: ClockSet) -> None:
    """Passages of a machine without a clock stand where they belong once its clock is synchronised."""
    clocks.redate(connection, context, passage, passage.c.event_id, passage.c.passed_at)


HANDLERS: dict[type[Event], Handler] = {ClockSet: clock_set, PalletPassed: pallet_passed, ItemScanned: item_scanned, PassCaptured: captures.pass_captured}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PalletPassed: pallets_passed, ItemScanned: items_scanned}
