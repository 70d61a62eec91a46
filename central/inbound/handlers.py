# SPDX-License-Identifier: Apache-2.0
"""What inbound makes of events: a pallet passed a dock door, a code was scanned at a receiving point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert

from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.inbound import captures, pallets, rules, service
from central.inbound.arrival import Spot
from central.inbound.pallets import Came
from central.inbound.tables import passage
from central.ingest.registry import EventContext, Handler, HandlerMany
from contracts.events import Event, ItemScanned, PalletPassed, PassCaptured
from contracts.identifiers import IdentifierError, sgtin_from_uri, sscc_from_uri

_RECEIVING = "receiving"


@dataclass(frozen=True)
class _Judged:
    """What a passage came to; see the column `passage.outcome`."""

    outcome: str
    notice: str = ""
    seen: int | None = None
    expected: int | None = None
    told: Message | None = None


def pallet_passed(connection: Connection, context: EventContext, event: PalletPassed) -> None:
    """Keep the passage, and receive the pallet if it came in through a receiving door."""
    connection.execute(insert(passage).values(**_passage(context, event, _judge(connection, context, event))))


def pallets_passed(connection: Connection, said: Sequence[tuple[EventContext, PalletPassed]]) -> None:
    """Keep passages in turn; pallets about which nothing is special are received together."""
    first: dict[str, tuple[EventContext, PalletPassed]] = {}
    for context, event in said:
        first.setdefault(_sscc_of(event.parent_id), (context, event))
    coming = [
        Came(_spot(context, event), sscc, frozenset(_case_of(uri) for uri in event.child_epcs))
        for sscc, (context, event) in first.items()
        if sscc and _comes_in(event)
    ]
    received = pallets.receive_plain(connection, coming) if coming else {}
    done = {first[sscc][0].fact_id: _judged(result) for sscc, result in received.items()}
    rows = [_passage(context, event, done.get(context.fact_id) or _judge(connection, context, event)) for context, event in said]
    connection.execute(insert(passage), rows)


def _spot(context: EventContext, event: PalletPassed | ItemScanned) -> Spot:
    return Spot(context.fact_id, context.site, event.station, context.now)


def _comes_in(event: PalletPassed) -> bool:
    return event.direction == "in" and event.biz_step == _RECEIVING


def _judge(connection: Connection, context: EventContext, event: PalletPassed) -> _Judged:
    spot, sscc = _spot(context, event), _sscc_of(event.parent_id)
    return _judge_labelled(connection, spot, sscc, event) if sscc else _judge_unlabelled(connection, spot, event)


def _judged(result: service.Received) -> _Judged:
    return _Judged(result.outcome, result.notice, result.seen if result.expected else None, result.expected, result.told)


def _passage(context: EventContext, event: PalletPassed, judged: _Judged) -> dict[str, Any]:
    return {
        "event_id": context.fact_id,
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "passed_at": event.event_time,
        "direction": event.direction,
        "confidence": event.confidence,
        "sscc": _sscc_of(event.parent_id),
        "notice": judged.notice,
        "outcome": judged.outcome,
        "cases_seen": len(event.child_epcs) if judged.seen is None else judged.seen,
        "cases_expected": judged.expected,
        "strays": len(event.stray_epcs),
        "reason": judged.told.code if judged.told else "",
        "params": judged.told.params if judged.told else {},
    }


def _sscc_of(uri: str | None) -> str:
    try:
        return sscc_from_uri(uri) if uri else ""
    except IdentifierError:
        return ""


def _judge_labelled(connection: Connection, spot: Spot, sscc: str, event: PalletPassed) -> _Judged:
    if _comes_in(event):
        return _judged(service.receive_pallet(connection, spot, sscc, [_case_of(uri) for uri in event.child_epcs]))
    known = service.is_received(connection, sscc)
    if event.direction == "unknown" and not known:
        reason = event.evidence.reason or event.evidence.eyes or "no clear order of reads"
        return _ask(connection, spot, sscc, message("pallet_direction_unknown", station=spot.station, sscc=sscc, reason=reason))
    if event.direction == "out" and known and event.biz_step == _RECEIVING:
        told = message("pallet_left", station=spot.station, sscc=sscc)
        service.refuse(connection, spot, sscc, told)
        return _Judged("left", told=told)
    return _Judged({"out": "left", "in": "seen", "unknown": "already_received"}[event.direction])


def _case_of(uri: str) -> rules.Case:
    """A tag as a case; one that is no SGTIN keeps its URI as its serial, so that it is told as unexpected and not lost."""
    try:
        return rules.Case(*sgtin_from_uri(uri))
    except IdentifierError:
        return rules.Case("", uri)


def _judge_unlabelled(connection: Connection, spot: Spot, event: PalletPassed) -> _Judged:
    if event.direction == "out" or event.biz_step != _RECEIVING:
        return _Judged("left" if event.direction == "out" else "seen")
    ssccs = [_sscc_of(uri) or uri for uri in event.other_parents]
    if ssccs:
        return _ask(connection, spot, ssccs[0], message("pallet_labels_many", station=spot.station, count=len(ssccs), ssccs=", ".join(ssccs)))
    if not event.child_epcs:
        return _Judged("seen")
    return _ask(connection, spot, event.child_epcs[0], message("pallet_label_missing", station=spot.station, count=len(event.child_epcs)))


def _ask(connection: Connection, spot: Spot, subject: str, told: Message) -> _Judged:
    service.refuse(connection, spot, subject, told)
    return _Judged("not_received", told=told)


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """Receive what was scanned at a receiving point: a pallet by its label, or goods by GTIN and lot. Scans elsewhere are only recorded."""
    if event.biz_step != _RECEIVING:
        return
    spot, scanned = _spot(context, event), event.identifiers
    if scanned.sscc:
        service.receive_pallet(connection, spot, scanned.sscc, None)
    elif scanned.gtin:
        goods = service.ScannedGoods(scanned.gtin.zfill(14), scanned.lot or "", _day(scanned.expiry), scanned.count or 1, event.text)
        service.receive_loose(connection, spot, goods)
    else:
        told = message("scan_unreadable", station=spot.station, text=event.text, reason=event.error or "no GS1 identifier")
        exceptions.ask_person(connection, told, event.text, spot.fact_id, spot.now, site=spot.site, station=spot.station)


def items_scanned(connection: Connection, said: Sequence[tuple[EventContext, ItemScanned]]) -> None:
    """Receive what was scanned in turn: pallets about which nothing is special are received together."""
    first: dict[str, Spot] = {}
    for context, event in said:
        if event.biz_step == _RECEIVING and event.identifiers.sscc:
            first.setdefault(event.identifiers.sscc, _spot(context, event))
    received = pallets.receive_plain(connection, [Came(spot, sscc) for sscc, spot in first.items()]) if first else {}
    done = {first[sscc].fact_id for sscc in received}
    for context, event in said:
        if context.fact_id not in done:
            item_scanned(connection, context, event)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


HANDLERS: dict[type[Event], Handler] = {PalletPassed: pallet_passed, ItemScanned: item_scanned, PassCaptured: captures.pass_captured}
HANDLERS_MANY: dict[type[Event], HandlerMany] = {PalletPassed: pallets_passed, ItemScanned: items_scanned}
