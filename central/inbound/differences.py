# SPDX-License-Identifier: Apache-2.0
"""Discrepancies: what differs between goods and ship notice, kept with its evidence and asked of a person. Functions run in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.inbound import rules, tag_rates
from central.inbound.arrival import Spot
from central.inbound.seen import Seen
from central.inbound.tables import discrepancy, ship_notice
from central.inbound.tag_rules import Count, verdict

SETTLED_BY_RECEIPT = (
    "pallet_unknown",
    "pallet_direction_unknown",
    "pallet_wrong_site",
    "pallet_not_expected",
    "pallet_other_door",
    "pallet_label_unread",
    "pallet_notice_late",
)
"""Kinds of questions that a receipt of the pallet answers."""


def keep(
    connection: Connection,
    spot: Spot,
    each: rules.Discrepancy,
    told: Message,
    notice: str,
    sscc: str,
    place: str,
    priority: int = 3,
    evidence: Mapping[str, Any] | None = None,
    about: Mapping[str, str] | None = None,
) -> int:
    """Keep a discrepancy and ask a person; returns the number of the work order. The same question about the same pallet is one work order."""
    named = {"event": spot.fact_id, "notice": notice, "sscc": sscc} | dict(about or {})
    number = exceptions.ask_person(
        connection, told, sscc or notice, spot.fact_id, spot.now, site=spot.site, station=spot.station, priority=priority, about=named
    )
    values = {
        "event_id": spot.fact_id,
        "kind": each.kind,
        "site": spot.site,
        "station": spot.station,
        "notice": notice,
        "sscc": sscc,
        "line": each.line.line_id if each.line else None,
        "item": each.line.item if each.line else each.item,
        "lot": each.line.lot if each.line else each.lot,
        "quantity": each.quantity,
        "cases": [[case.gtin, case.serial] for case in each.cases],
        "place": place,
        "work_order": number,
        "evidence": dict(evidence or {}),
        "created_at": spot.now,
    }
    connection.execute(insert(discrepancy).values(**values))
    return number


def refuse(
    connection: Connection, spot: Spot, subject: str, told: Message, evidence: Mapping[str, Any] | None = None, about: Mapping[str, str] | None = None
) -> None:
    """Keep that goods were not received, and ask a person; `subject` is the pallet's SSCC, or a tag when no label was read."""
    notice = str(told.params.get("notice", ""))
    keep(connection, spot, rules.Discrepancy(told.code, 0), told, notice, subject, "", 2, evidence, about)


def tell(connection: Connection, spot: Spot, sscc: str, notice: str, result: rules.Receipt, places: Mapping[str, str], seen: Seen | None) -> list[Message]:
    """Tell a person what differs, one question for each kind; returns the messages."""
    told_all = []
    for kind in dict.fromkeys(each.kind for each in result.discrepancies):
        mine = [each for each in result.discrepancies if each.kind == kind]
        rates = _read_rates(connection, spot, notice, mine) if kind == "missing" else {}
        told = _message(kind, spot, sscc, notice, mine, result.expected, rates)
        for each in mine:
            place = places.get(each.line.item if each.line else each.item) or next(iter(places.values()), "")
            evidence = dict(seen.evidence if seen else {})
            if each.line and each.line.item in rates:
                evidence["tag"] = tag_rates.evidence(*rates[each.line.item])
            keep(connection, spot, each, told, notice, sscc, place, evidence=evidence)
        told_all.append(told)
    return told_all


def _read_rates(connection: Connection, spot: Spot, notice: str, missing: Sequence[rules.Discrepancy]) -> dict[str, tuple[Count, Count]]:
    items = {each.line.item for each in missing if each.line}
    supplier = connection.execute(select(ship_notice.c.supplier).where(ship_notice.c.number == notice)).scalar() or ""
    reads = tag_rates.reads_of(connection, spot.site, spot.station, items, spot.now)
    short = tag_rates.shipped_by(connection, supplier, spot.now)
    return {item: (reads.get(item, Count()), short) for item in items}


def _message(
    kind: str, spot: Spot, sscc: str, notice: str, told: Sequence[rules.Discrepancy], expected: int, rates: Mapping[str, tuple[Count, Count]]
) -> Message:
    cases = list(dict.fromkeys(case for each in told for case in each.cases))  # a unit with several lines is one case
    named: dict[str, str | int | float] = {"station": spot.station, "sscc": sscc, "notice": notice}
    if kind == "missing":
        weak = all(verdict(*rates[each.line.item]) == "weak_tag" for each in told if each.line)
        if weak:
            return message("pallet_cases_unread", **named, missing=len(cases), expected=expected)
        return message("pallet_cases_missing", **named, missing=len(cases), expected=expected)
    if kind == "over":
        lots = ", ".join(dict.fromkeys(each.line.lot or "-" for each in told if each.line))
        items = ", ".join(dict.fromkeys(each.line.item for each in told if each.line))
        return message("receipt_over_notice", station=spot.station, over=sum(each.quantity for each in told), item=items, lot=lots, notice=notice)
    if kind == "doubtful":
        return message("pallet_cases_doubtful", **named, count=len(cases), first=shown(cases[0]))
    return message("pallet_cases_unexpected", **named, count=len(cases), first=shown(cases[0]))


def shown(case: rules.Case) -> str:
    """A case as its label says it."""
    return f"(01){case.gtin}(21){case.serial}" if case.gtin else case.serial


def answer_open(connection: Connection, spot: Spot, sscc: str, kinds: Collection[str], answered: str) -> None:
    """What was asked of a person about a pallet is answered by what happened since."""
    exceptions.settle(connection, kinds, sscc, spot.site, answered, spot.now)
    mine = (discrepancy.c.sscc == sscc) & discrepancy.c.kind.in_(kinds) & (discrepancy.c.state == "open") & (discrepancy.c.site == spot.site)
    connection.execute(update(discrepancy).where(mine).values(state="accepted"))


def close_when_answered(connection: Connection, number: int | None, resolution: str, actor: str, now: datetime) -> None:
    """Close the work order of discrepancies that were settled, unless another one of it is open."""
    others = exists().where(discrepancy.c.work_order == number, discrepancy.c.state == "open")
    if number is not None and not connection.execute(select(others)).scalar():
        exceptions.close(connection, number, resolution, actor, now)
