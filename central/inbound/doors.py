# SPDX-License-Identifier: Apache-2.0
"""The arbiter between dock doors: goods that two doors read at the same time went through the door that read them stronger.

It works across gateways, and the order in which the two passes are told does not matter: whichever comes second finds the other, and what was received at
the door that loses is brought to the door that wins. For a pallet the strengths of its label count: 6 dB decide; nearer ones are asked about, and until
somebody answers the goods stand where they were read stronger. A case belongs to the pallet whose notice lists it; of those that no notice lists the
strengths decide. Every function runs inside the caller's transaction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zlib import crc32

from sqlalchemy import Connection, select, update

from central.bulk import among
from central.exceptions.messages import message
from central.inbound import differences, rules, service
from central.inbound.arrival import Spot
from central.inbound.rules import Case
from central.inbound.seen import RECEIVING, Seen, decoded, labels_of, may_come_in, seen_of
from central.inbound.tables import discrepancy, passage
from central.ingest.registry import EventContext
from central.ledger.tables import event as event_table
from contracts.events import PalletPassed

CLEAR_DB: Final = 6.0
"""A door that reads a tag so much stronger has it: what RFID middleware takes for sure (EdgeX: a tag moves to another antenna at 6 dB)."""
APART_S: Final = 5.0
"""Passes at two doors so near in time may be one: clocks of gateways differ, and a pass is dated by its middle."""
_LONGEST_S: Final = 60.0
"""Longer sessions are not compared over their whole length."""
_JUDGING: Final = 1183
"""Our own word for these advisory locks."""

Stronger = Literal["mine", "theirs", "even"]


@dataclass(frozen=True, slots=True)
class Rival:
    """A pass at another door of the site at the same time."""

    event_id: str
    outcome: str
    event: PalletPassed
    labels: tuple[str, ...]
    seen: Seen

    @property
    def station(self) -> str:
        """The other door."""
        return self.event.station


def take_turns(connection: Connection, sites: Collection[str]) -> None:
    """Passes of a site are judged one after the other, so that of two at the same time the second sees the first. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        slots = sorted({crc32(site.encode()) & 0x7FFFFFFF for site in sites})
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, slot) FROM unnest(%s::int[]) AS slot", (_JUDGING, slots))


def rivals_of(connection: Connection, site: str, event: PalletPassed) -> list[Rival]:
    """Passes at other doors of the site while this one went on, that came in or of which nobody knows."""
    return rivals_of_many(connection, site, [event])[0] if may_come_in(event) else []


def rivals_of_many(connection: Connection, site: str, events: Sequence[PalletPassed]) -> list[list[Rival]]:
    """As `rivals_of`, for passes of a site together: one look for each door."""
    by_door: dict[str, list[int]] = defaultdict(list)
    for n, event in enumerate(events):
        by_door[event.station].append(n)
    found: list[list[Rival]] = [[] for _ in events]
    for station, mine in by_door.items():
        times = [events[n].event_time for n in mine]
        others = _passes(connection, site, station, sorted(times))
        for n in mine:
            found[n] = [each for each in others if _same_time(events[n], each.event)]
    return found


def alone(connection: Connection, said: Sequence[tuple[EventContext, PalletPassed]], asked: Sequence[tuple[EventContext, PalletPassed]]) -> set[str]:
    """The facts, of those asked for, of passes of which no other door of the site saw any tag at the same time, neither before nor among those now said."""
    found: set[str] = set()
    for site in sorted({context.site for context, _ in asked}):
        mine = [(context, event) for context, event in asked if context.site == site]
        said_here = [event for context, event in said if context.site == site and may_come_in(event)]
        doors_here = {event.station for event in said_here}
        for (context, event), rivals in zip(mine, rivals_of_many(connection, site, [event for _, event in mine]), strict=True):
            others = [each.event for each in rivals]
            if len(doors_here) > 1:
                others += [each for each in said_here if each.station != event.station and _same_time(event, each)]
            if not others or _tags(event).isdisjoint(set().union(*map(_tags, others))):
                found.add(context.fact_id)
    return found


def _tags(event: PalletPassed) -> set[str | None]:
    return {event.parent_id, *event.other_parents, *event.child_epcs} - {None}


def _passes(connection: Connection, site: str, station: str, times: Sequence[datetime]) -> list[Rival]:
    """Passes at other doors near one of these times, which are in order. What is told late may span hours: only what is near is decoded."""
    around = timedelta(seconds=APART_S + _LONGEST_S)
    query = (
        select(passage.c.event_id, passage.c.passed_at, passage.c.outcome)
        .where(passage.c.site == site, passage.c.passed_at.between(times[0] - around, times[-1] + around), passage.c.station != station)
        .where(passage.c.direction != "out", passage.c.outcome.not_in(("repeated", "left")))
        .order_by(passage.c.passed_at, passage.c.event_id)
    )
    near = {row.event_id: row.outcome for row in connection.execute(query) if _is_near(row.passed_at, times, around)}
    if not near:
        return []
    stored = select(event_table.c.id, event_table.c.body).where(among(connection, event_table.c.id, list(near)))
    bodies = {row.id: bytes(row.body) for row in connection.execute(stored)}
    rivals = []
    for event_id, outcome in near.items():
        event = decoded(bodies[event_id])
        if event is not None and event.biz_step == RECEIVING:
            rivals.append(Rival(event_id, outcome, event, tuple(labels_of(event)), seen_of(event, event_id)))
    return rivals


def _is_near(at: datetime, times: Sequence[datetime], around: timedelta) -> bool:
    after = bisect_left(times, at - around)
    return after < len(times) and times[after] <= at + around


def _same_time(one: PalletPassed, other: PalletPassed) -> bool:
    lasts = min(max(one.evidence.duration_s, other.evidence.duration_s), _LONGEST_S)
    return abs((one.event_time - other.event_time).total_seconds()) <= APART_S + lasts


def stronger(mine_dbm: float | None, theirs_dbm: float | None) -> Stronger:
    """Which door read a tag clearly stronger; a strength that was not told decides nothing."""
    if mine_dbm is None or theirs_dbm is None or abs(mine_dbm - theirs_dbm) < CLEAR_DB:
        return "even"
    return "mine" if mine_dbm > theirs_dbm else "theirs"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether this door has the pallet, by comparison with a rival; `done` when there is nothing left to receive."""

    holds: bool
    rival: Rival
    done: bool
    notice: str = ""


def settle(connection: Connection, spot: Spot, sscc: str, event: PalletPassed, seen: Seen, rivals: Sequence[Rival]) -> Verdict | None:
    """Decide between this door and the strongest other one that read the pallet's label; None: there is none, or neither knows the direction."""
    label = Case("", sscc)
    others = [each for each in rivals if sscc in each.labels]
    if not others:
        return None
    rival = max(others, key=lambda each: (each.event.direction == "in", each.seen.strengths_dbm.get(label, float("-inf")), each.station))
    if "in" not in (event.direction, rival.event.direction):
        return None
    mine_dbm, theirs_dbm = seen.strengths_dbm.get(label), rival.seen.strengths_dbm.get(label)
    by_strength = stronger(mine_dbm, theirs_dbm)
    holds = _holds(event, rival, by_strength, mine_dbm, theirs_dbm)
    if by_strength == "even" or (by_strength == "mine") != holds:
        _ask(connection, spot, sscc, event, rival, (mine_dbm, theirs_dbm), seen)
    return _won(connection, spot, sscc, seen, rival) if holds else _lost(connection, spot, sscc, seen, rival)


def _holds(event: PalletPassed, rival: Rival, by_strength: Stronger, mine_dbm: float | None, theirs_dbm: float | None) -> bool:
    """A pass whose direction is sure has the pallet before one whose direction is not; then the stronger; then, alike, the door first by name."""
    if event.direction != rival.event.direction:
        return event.direction == "in"
    if by_strength != "even":
        return by_strength == "mine"
    mine, theirs = mine_dbm or 0.0, theirs_dbm or 0.0
    return mine > theirs if mine != theirs else event.station < rival.station


def _won(connection: Connection, spot: Spot, sscc: str, seen: Seen, rival: Rival) -> Verdict:
    connection.execute(update(passage).where(passage.c.event_id == rival.event_id).values(outcome="other_door", rival=spot.fact_id))
    announced = service.announced_of(connection, sscc)
    if announced is None or not service.is_received(connection, sscc):
        return Verdict(True, rival, done=False)
    service.won_by(connection, spot, announced, seen)
    return Verdict(True, rival, done=True, notice=announced.notice)


def _lost(connection: Connection, spot: Spot, sscc: str, seen: Seen, rival: Rival) -> Verdict:
    announced = service.announced_of(connection, sscc)
    if announced is not None and service.is_received(connection, sscc):
        service.see_more(connection, spot, sscc, seen.cases)
    return Verdict(False, rival, done=True, notice=announced.notice if announced else "")


def _ask(connection: Connection, spot: Spot, sscc: str, event: PalletPassed, rival: Rival, strengths: tuple[float | None, float | None], seen: Seen) -> None:
    """One question that names both doors, the same whichever pass came first."""
    mine, theirs = (event.station, strengths[0], spot.fact_id), (rival.station, strengths[1], rival.event_id)
    first, second = sorted((mine, theirs))
    told = message("pallet_two_doors", sscc=sscc, site=spot.site, first=first[0], second=second[0], first_dbm=_dbm(first[1]), second_dbm=_dbm(second[1]))
    about = {"first": first[0], "second": second[0], "event": spot.fact_id, "other_event": rival.event_id}
    evidence = {**seen.evidence, "other": dict(rival.seen.evidence)}
    both = rules.Discrepancy(told.code, 0)
    announced = service.announced_of(connection, sscc)
    differences.keep(connection, spot, both, told, announced.notice if announced else "", sscc, "", 2, evidence, about)


def _dbm(strength: float | None) -> str:
    return "?" if strength is None else f"{strength:.1f}"


def own_cases(connection: Connection, sscc: str, seen: Seen, rivals: Sequence[Rival]) -> frozenset[Case]:
    """The cases of a pass without those that went through another door with another pallet."""
    others = [each for each in rivals if sscc not in each.labels]
    if not others:
        return seen.cases
    listed = listed_on(connection, sscc)
    theirs = {each.event_id: set().union(*(listed_on(connection, label) for label in each.labels)) for each in others}
    gone = {
        case
        for case in seen.cases - listed
        for each in others
        if case in each.seen.cases and _goes(stronger(seen.strengths_dbm.get(case), each.seen.strengths_dbm.get(case)), case in theirs[each.event_id])
    }
    return seen.cases - gone


def _goes(by_strength: Stronger, listed_there: bool) -> bool:
    return by_strength == "theirs" or (by_strength == "even" and listed_there)


def listed_on(connection: Connection, sscc: str) -> set[Case]:
    """The tagged cases that the newest notice of a pallet lists."""
    announced = service.announced_of(connection, sscc)
    return {case for line in announced.lines for case in line.cases} if announced else set()


def take_back_unexpected(connection: Connection, spot: Spot, sscc: str, seen: Seen, rivals: Sequence[Rival]) -> None:
    """What the other door told as unexpected and went through this one is no difference there any more."""
    others = {each.event_id: each for each in rivals if sscc not in each.labels}
    if not others:
        return
    listed = listed_on(connection, sscc)
    mine = discrepancy.c.event_id.in_(sorted(others)) & (discrepancy.c.kind == "unexpected") & (discrepancy.c.state == "open")
    for row in connection.execute(select(discrepancy).where(mine)).all():
        rival = others[row.event_id]
        cases = {Case(gtin, serial) for gtin, serial in row.cases}
        gone = {case for case in cases & seen.cases if _comes(seen.strengths_dbm, rival.seen.strengths_dbm, case, listed)}
        if gone:
            service.leave_out(connection, spot, row, gone)


def _comes(mine: Mapping[Case, float], theirs: Mapping[Case, float], case: Case, listed: Collection[Case]) -> bool:
    by_strength = stronger(mine.get(case), theirs.get(case))
    return by_strength == "mine" or (by_strength == "even" and case in listed)
