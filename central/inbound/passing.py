# SPDX-License-Identifier: Apache-2.0
"""What a pass of a dock door comes to: received, asked about, or nothing. Nothing is received on a doubtful pass without a person.

Doubtful is a pass whose direction is not sure, that the door did not expect, with several pallets or without a pallet's own label. A case or pallet that two
doors read is decided by `central.inbound.doors`. Each function runs inside ingest's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from central.bulk import among
from central.database import insert_or_leave
from central.exceptions.messages import Message, message
from central.inbound import differences, doors, notices, service
from central.inbound.arrival import Spot
from central.inbound.rules import Case
from central.inbound.seen import RECEIVING, Seen, labels_of, may_come_in, seen_of, sscc_of
from central.inbound.tables import pass_known, passage, ship_notice, ship_notice_case, ship_notice_line, ship_notice_pallet
from central.ingest.registry import EventContext
from contracts.events import PalletPassed


@dataclass(frozen=True)
class Judged:
    """What a passage came to; see the column `passage.outcome`. `sscc` is the pallet's, also when only its cases were read."""

    outcome: str
    notice: str = ""
    seen: int | None = None
    expected: int | None = None
    told: Message | None = None
    sscc: str = ""
    rival: str | None = None


def first_said(connection: Connection, said: Mapping[str, str]) -> set[str]:
    """Which of passes (pass id: event id) nobody told before; of two who tell one at the same time the second waits here and is not first."""
    if not said:
        return set()
    rows = [{"pass_id": pass_id, "event_id": said[pass_id]} for pass_id in sorted(said)]
    statement = insert_or_leave(connection, pass_known).values(rows).on_conflict_do_nothing()
    return set(connection.execute(statement.returning(pass_known.c.pass_id)).scalars())


def is_plain(event: PalletPassed) -> bool:
    """Whether the door itself has no doubt about anything in it."""
    return event.direction == "in" and event.biz_step == RECEIVING and event.checked != "unexpected" and not event.doubtful_epcs


def judge(connection: Connection, context: EventContext, event: PalletPassed) -> Judged:
    """Receive what passed, or say why not. The pass is known to be told for the first time."""
    spot = Spot(context.fact_id, context.site, event.station, context.now)
    pallets, insides = notices.pallets_of(connection, spot.site, labels_of(event))
    seen = seen_of(event, context.fact_id).with_units(pallets, insides)
    receives = may_come_in(event)
    asked = _ask_doubtful_labels(connection, spot, event, seen, pallets) if receives else None
    if len(pallets) == 1:
        return _judge_pallet(connection, spot, pallets[0], event, seen)
    if not receives:
        return Judged("left" if event.direction == "out" else "seen")
    if asked is not None and not event.child_epcs and not pallets:
        return asked
    if pallets:
        told = message("pallet_labels_many", station=spot.station, count=len(pallets), ssccs=", ".join(pallets))
        return _ask(connection, spot, pallets[0], told, seen, {"pallets": ",".join(pallets)})
    return _judge_unlabelled(connection, spot, event, seen)


def _ask_doubtful_labels(connection: Connection, spot: Spot, event: PalletPassed, seen: Seen, pallets: Collection[str]) -> Judged | None:
    """Announced pallets that perhaps came with the goods and perhaps stood beside them: a person looks."""
    asked = None
    for sscc in sorted({sscc_of(uri) for uri in event.doubtful_epcs} - {"", *pallets}):
        announced = service.announced_of(connection, sscc)
        if announced is not None and announced.site == spot.site and not service.is_received(connection, sscc):
            told = message("pallet_direction_unknown", station=spot.station, sscc=sscc, reason="it came in, or stood beside goods that came in")
            asked = replace(_ask(connection, spot, sscc, told, seen), sscc=sscc)
    return asked


def _is_overtaken(connection: Connection, spot: Spot, sscc: str, event: PalletPassed) -> bool:
    """Whether the pallet came in somewhere at the site after this pass, which is told late: where it stands is known better."""
    later = (passage.c.site == spot.site) & (passage.c.sscc == sscc) & (passage.c.passed_at > event.event_time) & (passage.c.passed_at <= spot.now)
    came = later & (passage.c.station != event.station) & passage.c.outcome.in_(("received", "differences", "moved", "already_received"))
    return event.clock != "unsynced" and connection.execute(select(passage.c.event_id).where(came).limit(1)).scalar() is not None


def _judge_pallet(connection: Connection, spot: Spot, sscc: str, event: PalletPassed, seen: Seen) -> Judged:
    if may_come_in(event):
        rivals = doors.rivals_of(connection, spot.site, event)
        verdict = doors.settle(connection, spot, sscc, event, seen, rivals) if rivals else None
        if verdict is not None and verdict.done:
            return Judged("received" if verdict.holds else "other_door", verdict.notice, sscc=sscc, rival=verdict.rival.event_id)
        if verdict is not None:
            seen = replace(seen, cases=seen.cases | verdict.rival.seen.cases)
        if event.direction == "in":
            doors.take_back_unexpected(connection, spot, sscc, seen, rivals)
            seen = replace(seen, cases=doors.own_cases(connection, sscc, seen, rivals))
            judged = _judge_incoming(connection, spot, sscc, event, seen)
            return replace(judged, sscc=sscc, rival=verdict.rival.event_id if verdict else None)
    return replace(_judge_other(connection, spot, sscc, event, seen), sscc=sscc)


def _judge_incoming(connection: Connection, spot: Spot, sscc: str, event: PalletPassed, seen: Seen) -> Judged:
    known = service.is_received(connection, sscc)
    if known and _is_overtaken(connection, spot, sscc, event):
        return Judged("already_received")
    if not known and service.announced_of(connection, sscc) is None:
        around = notices.pallets_around(connection, spot.site, [sscc]).get(sscc)
        if around is not None:
            return _judge_case(connection, spot, around, sscc, seen)
    if event.checked == "unexpected" and not known:
        told = message("pallet_not_expected", station=spot.station, sscc=sscc, version=event.work_version)
        return _ask(connection, spot, sscc, told, seen)
    return judged(service.receive_pallet(connection, spot, sscc, seen))


def _judge_case(connection: Connection, spot: Spot, pallet: str, code: str, seen: Seen) -> Judged:
    """Only units of an announced pallet were read, not its own label."""
    if service.is_received(connection, pallet):
        return Judged("already_received")
    told = message("pallet_label_unread", station=spot.station, sscc=pallet, case=code)
    return _ask(connection, spot, pallet, told, seen)


def judged(result: service.Received) -> Judged:
    """As a passage is kept."""
    return Judged(result.outcome, result.notice, result.seen if result.expected else None, result.expected, result.told)


def _judge_other(connection: Connection, spot: Spot, sscc: str, event: PalletPassed, seen: Seen) -> Judged:
    known = service.is_received(connection, sscc)
    if event.direction == "unknown" and not known:
        reason = event.evidence.reason or event.evidence.eyes or "no clear order of reads"
        return _ask(connection, spot, sscc, message("pallet_direction_unknown", station=spot.station, sscc=sscc, reason=reason), seen)
    if event.direction == "out" and known and event.biz_step == RECEIVING and not _is_overtaken(connection, spot, sscc, event):
        told = message("pallet_left", station=spot.station, sscc=sscc)
        differences.refuse(connection, spot, sscc, told, seen.evidence)
        return Judged("left", told=told)
    return Judged({"out": "left", "in": "seen", "unknown": "already_received"}[event.direction])


def _judge_unlabelled(connection: Connection, spot: Spot, event: PalletPassed, seen: Seen) -> Judged:
    if not event.child_epcs:
        return Judged("seen")
    rivals = doors.rivals_of(connection, spot.site, event)
    seen = replace(seen, cases=doors.own_cases(connection, "", seen, rivals))
    if not seen.cases:
        return Judged("other_door", rival=rivals[-1].event_id)
    pallets = _pallets_listing(connection, spot.site, seen.cases)
    if len(pallets) == 1:
        first = min(seen.cases)
        told = message("pallet_label_unread", station=spot.station, sscc=pallets[0], case=differences.shown(first))
        return replace(_ask(connection, spot, pallets[0], told, seen), sscc="")
    return _ask(connection, spot, event.child_epcs[0], message("pallet_label_missing", station=spot.station, count=len(event.child_epcs)), seen)


def _pallets_listing(connection: Connection, site: str, cases: Collection[Case]) -> list[str]:
    """Announced pallets that wait for one of these cases."""
    query = (
        select(ship_notice_pallet.c.sscc, ship_notice_case.c.gtin, ship_notice_case.c.serial)
        .join(ship_notice_line, ship_notice_line.c.id == ship_notice_case.c.line)
        .join(ship_notice_pallet, (ship_notice_pallet.c.sscc == ship_notice_line.c.sscc) & (ship_notice_pallet.c.notice == ship_notice_line.c.notice))
        .join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
        .where(ship_notice.c.site == site, ship_notice.c.state == "open", ~ship_notice_case.c.seen)
        .where(among(connection, ship_notice_case.c.serial, sorted({case.serial for case in cases})))
    )
    return sorted({row.sscc for row in connection.execute(query) if Case(row.gtin, row.serial) in cases})


def _ask(connection: Connection, spot: Spot, subject: str, told: Message, seen: Seen, about: Mapping[str, str] | None = None) -> Judged:
    differences.refuse(connection, spot, subject, told, seen.evidence, about)
    return Judged("not_received", str(told.params.get("notice", "")), told=told)


def passage_of(context: EventContext, event: PalletPassed, what: Judged) -> dict[str, Any]:
    """The row of a passage."""
    labels = labels_of(event)
    return {
        "event_id": context.fact_id,
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "passed_at": event.event_time,
        "direction": event.direction,
        "confidence": event.confidence,
        "sscc": what.sscc or (labels[0] if event.parent_id and labels else ""),
        "notice": what.notice,
        "outcome": what.outcome,
        "cases_seen": len(event.child_epcs) if what.seen is None else what.seen,
        "cases_expected": what.expected,
        "strays": len(event.stray_epcs),
        "reason": what.told.code if what.told else "",
        "params": what.told.params if what.told else {},
        "pass_id": event.pass_id,
        "rival": what.rival,
    }
