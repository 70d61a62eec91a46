# SPDX-License-Identifier: Apache-2.0
"""Use cases of counting: plan a count, take in what was counted, decide differences, cancel. Each runs inside the caller's transaction.

What a counter says of a place is compared with the books of that very moment, under the fences of all items concerned. A difference beyond the tolerance
is counted again by somebody else; what two say alike (or three differently) waits for a person who did not count, unless it is small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.catalog import service as catalog
from central.catalog.tables import location
from central.counting import pieces, rules
from central.counting.adjusting import book_difference, confirm_doubted
from central.counting.documents import QUANTITY_MAX, CountPlan, Decision, LineCounted, SheetCounted
from central.counting.rules import Compared, Goods, Said, Tolerance
from central.counting.selection import choose
from central.counting.tables import count_job, count_line, count_place, count_sheet
from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.tables import balance
from central.webhooks.service import emit

COUNTABLE = ("open", "recount")
AUTOMATIC = "dockline"
WITHIN_TOLERANCE = "within_tolerance"
TWO_COUNTS_AGREE = "two_counts_agree"
_ASKED = ("count_difference", "count_serials")
"""Kinds of the work order that asks for a decision."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a place stands after a count: its state, and the lines that somebody must still count or decide."""

    state: str
    rounds: int
    recount: tuple[Goods, ...] = ()
    review: tuple[Goods, ...] = ()


def plan_count(connection: Connection, fact: ledger.Fact, plan: CountPlan, now: datetime) -> str:
    """Choose the places of a count and open it; returns its id (the fact's). The same plan again is the same count.

    Raises: NotFoundError: a place is not known. DomainError: there is nothing to count.
    """
    if ledger.record(connection, fact, now).already:
        return fact.id
    chosen = choose(connection, plan, now)
    if not chosen:
        raise DomainError("nothing_to_count", f"no place of {plan.site} fits this {plan.kind} count, or an open count has them all; widen the scope")
    values = plan.model_dump(include={"site", "kind", "name", "blind", "frozen", "tolerance_units", "tolerance_permille", "approval_units"})
    connection.execute(
        insert(count_job).values(id=fact.id, scope=plan.scope.model_dump(mode="json", exclude_none=True), created_by=plan.actor, created_at=now, **values)
    )
    places = [each.place for each in chosen]
    locks = _lock_places(connection, places) if plan.frozen else {}
    rows = [
        {"count_id": fact.id, "place": each.place, "sequence": n, "risk": each.risk, "lock_before": locks.get(each.place, "")}
        for n, each in enumerate(chosen, start=1)
    ]
    connection.execute(insert(count_place), rows)
    return fact.id


def _lock_places(connection: Connection, places: Sequence[str]) -> dict[str, str]:
    """Lock places for both directions; returns the locks they had. Who reserves meanwhile is waited for at the fences."""
    before = {row.place: row.locked for row in connection.execute(select(location.c.place, location.c.locked).where(location.c.place.in_(places)))}
    pairs = connection.execute(select(balance.c.site, balance.c.item).distinct().where(balance.c.place.in_(places)))
    ledger.lock(connection, [(row.site, row.item) for row in pairs])
    connection.execute(update(location).where(location.c.place.in_(places)).values(locked="both"))
    ledger.places_changed(connection, places)
    return before


def job_of(connection: Connection, count_id: str) -> Row[Any]:
    """A count's row. Raises: NotFoundError."""
    row = connection.execute(select(count_job).where(count_job.c.id == count_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_count", f"count {count_id} is not known")
    return row


def place_of(connection: Connection, count_id: str, place: str, *, lock: bool = False) -> Row[Any]:
    """A place of a count; with `lock` nobody else counts or decides it meanwhile. Raises: NotFoundError."""
    query = select(count_place).where(count_place.c.count_id == count_id, count_place.c.place == place)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFoundError("place_not_in_count", f"place {place} does not belong to count {count_id}; count the places that it lists")
    return row


def submit(connection: Connection, fact: ledger.Fact, count_id: str, place: str, sheet: SheetCounted, now: datetime) -> Settled:
    """Take in what somebody found in a place. Everything that the books have there and the sheet does not name was not there.

    Raises: NotFoundError. ConflictError: the place is settled, or the same person counted it before. DomainError: lots are needed to tell the difference.
    """
    job = job_of(connection, count_id)
    place_of(connection, count_id, place)
    named = _named(connection, sheet.lines)
    _hold_fences(connection, job.site, place, {each.item for each in named.values()})
    row = place_of(connection, count_id, place, lock=True)
    if ledger.record(connection, fact, now).already:
        return _standing(connection, row)
    _check_counter(connection, row, sheet.counter)
    compared = _compare(connection, place, sheet.lines, named)
    values = {"event_id": fact.id, "count_id": count_id, "place": place, "round": row.rounds + 1, "counter": sheet.counter, "counted_at": now}
    connection.execute(insert(count_sheet).values(**values))
    return _take(connection, fact.id, job, row, compared, now)


def _named(connection: Connection, lines: Sequence[LineCounted]) -> dict[str, catalog.Named]:
    known = catalog.all_named(connection, {line.code for line in lines})
    return {line.code: known.get(line.code) or catalog.named(connection, line.code) for line in lines}


def _compare(connection: Connection, place: str, lines: Sequence[LineCounted], named: Mapping[str, catalog.Named]) -> list[Compared]:
    counted: dict[Goods, int] = defaultdict(int)
    scanned: dict[Goods, set[str]] = defaultdict(set)
    tracked = pieces.tracked(connection, {each.item for each in named.values()})
    for line in lines:
        goods, quantity = Goods(named[line.code].item, line.lot, line.owner), line.quantity * named[line.code].quantity
        _check_serials(goods.item, quantity, line.serials, tracked=goods.item in tracked)
        assigned = pieces.assign(connection, place, goods, line.serials) if line.serials else {}
        for each, numbers in assigned.items():
            scanned[each] |= numbers
            counted[each] = len(scanned[each])
        if not assigned:
            counted[goods] += quantity
    if too_many := [goods for goods, quantity in counted.items() if quantity > QUANTITY_MAX]:
        raise DomainError("quantity_too_large", f"{place}: so many of item {too_many[0].item} cannot be there; count it again")
    try:
        return pieces.compare(connection, place, rules.compare(_book(connection, place), counted), scanned)
    except rules.LotNeededError as error:
        raise rules.lot_needed(place, error.item, error.lots) from error


def _check_serials(item: str, quantity: int, numbers: Sequence[str], *, tracked: bool) -> None:
    if numbers and not tracked:
        raise DomainError("serials_not_wanted", f"item {item} is not tracked by serial; leave the serials out")
    if tracked and not len(set(numbers)) == len(numbers) == quantity:
        raise DomainError("serials_wanted", f"{quantity} pieces of item {item} are counted and {len(set(numbers))} serials are given; scan each piece once")


def _hold_fences(connection: Connection, site: str, place: str, items: set[str]) -> None:
    there = set(connection.execute(select(balance.c.item).distinct().where(balance.c.place == place)).scalars())
    ledger.lock(connection, {(site, item) for item in there | items})
    late = set(connection.execute(select(balance.c.item).distinct().where(balance.c.place == place)).scalars()) - there - items
    if late:
        ledger.lock(connection, {(site, item) for item in late})


def _check_counter(connection: Connection, row: Row[Any], counter: str) -> None:
    if row.state not in COUNTABLE:
        raise ConflictError("place_settled", f"place {row.place} is in state {row.state} and waits for no count; plan another one")
    before = connection.execute(select(count_sheet.c.counter).where(count_sheet.c.count_id == row.count_id, count_sheet.c.place == row.place)).scalars()
    if counter in set(before):
        raise ConflictError("second_counter_needed", f"{counter} has counted {row.place} already; somebody else must count it again")


def _book(connection: Connection, place: str) -> dict[Goods, int]:
    query = select(balance.c.item, balance.c.lot, balance.c.owner, func.sum(balance.c.on_hand).label("on_hand")).where(balance.c.place == place)
    rows = connection.execute(query.group_by(balance.c.item, balance.c.lot, balance.c.owner))
    return {Goods(row.item, row.lot, row.owner): int(row.on_hand) for row in rows}


def _take(connection: Connection, fact_id: str, job: Row[Any], row: Row[Any], compared: Sequence[Compared], now: datetime) -> Settled:
    known = {Goods(line.item, line.lot, line.owner): line for line in _lines(connection, row)}
    tolerance = Tolerance(job.tolerance_units, job.tolerance_permille)
    for each in compared:
        _judge_line(connection, fact_id, job, row.place, each, known.get(each.goods), tolerance, now)
    connection.execute(
        update(count_place).where(count_place.c.count_id == row.count_id, count_place.c.place == row.place).values(rounds=row.rounds + 1, counted_at=now)
    )
    return settle_place(connection, fact_id, job, row.place, now)


def _judge_line(
    connection: Connection, fact_id: str, job: Row[Any], place: str, each: Compared, line: Row[Any] | None, tolerance: Tolerance, now: datetime
) -> None:
    if line is not None and line.state in ("adjusted", "rejected"):
        return
    earlier = [] if line is None else said_by_all(line)
    verdict = rules.judge(each.said, earlier, each.book, tolerance)
    state = {"agreed": "agreed", "recount": "recount", "within": "review", "confirmed": "review", "unclear": "review"}[verdict]
    values = {
        "id": rules.line_id(job.id, place, each.goods),
        "count_id": job.id,
        "place": place,
        **each.goods._asdict(),
        "book": each.book,
        "counted": each.counted,
        "difference": each.difference,
        "earlier": [said.difference for said in earlier],
        "serials": _kept(each, earlier),
        "state": state,
    }
    statement = insert_or_leave(connection, count_line).values(**values)
    changed = {name: values[name] for name in ("book", "counted", "difference", "earlier", "serials", "state")}
    connection.execute(statement.on_conflict_do_update(index_elements=[count_line.c.id], set_=changed))
    # Numbered pieces that are not as booked always have a person who decides.
    small = verdict == "confirmed" and not values["serials"] and abs(each.difference) <= job.approval_units
    if verdict == "within" or small:
        cause = WITHIN_TOLERANCE if verdict == "within" else TWO_COUNTS_AGREE
        _adjust(connection, fact_id, _line(connection, values["id"]), each.said, cause, AUTOMATIC, now)


def _kept(each: Compared, earlier: Sequence[Said]) -> dict[str, Any]:
    """The serials of a line as they are stored; empty where nobody said any."""
    before = [[said.missing, said.found] for said in earlier]
    return {"missing": each.missing, "found": each.found, "earlier": before} if each.missing or each.found or any(map(any, before)) else {}


def said_by_all(line: Row[Any]) -> list[Said]:
    """What each counter's count of a line's goods came to, the last one's last."""
    pairs = [*line.serials.get("earlier", []), [line.serials.get("missing", []), line.serials.get("found", [])]]
    differences = [*line.earlier, line.difference]
    pairs = [*([[[], []]] * (len(differences) - len(pairs))), *pairs]
    return [Said(difference, tuple(missing), tuple(found)) for difference, (missing, found) in zip(differences, pairs, strict=True)]


def _adjust(connection: Connection, fact_id: str, line: Row[Any], said: Said, cause: str, actor: str, now: datetime) -> None:
    goods = Goods(line.item, line.lot, line.owner)
    if serials.is_tracked(connection, line.item):
        adjusted = pieces.book(connection, fact_id, line.place, goods, said, now)
    else:
        adjusted = said.difference
        book_difference(connection, fact_id, line.place, goods, adjusted, now)
    values = {"state": "adjusted", "cause": cause, "decided_by": actor, "decided_at": now, "adjusted": adjusted, "event_id": fact_id}
    connection.execute(update(count_line).where(count_line.c.id == line.id).values(**values))


def settle_place(connection: Connection, fact_id: str, job: Row[Any], place: str, now: datetime) -> Settled:
    """Move a place on after its lines changed, and the count when it was the last one."""
    row = place_of(connection, job.id, place)
    lines = _lines(connection, row)
    state = next((each for each in ("recount", "review") if any(line.state == each for line in lines)), "settled")
    values: dict[str, Any] = {"state": state}
    if state == "settled":
        values |= {"settled_at": now, "right": not any(line.state == "adjusted" for line in lines)}
    connection.execute(update(count_place).where(count_place.c.count_id == job.id, count_place.c.place == place).values(**values))
    subject = f"{job.id}/{place}"
    if state == "review":
        waiting = [line for line in lines if line.state == "review"]
        told = _told(place, waiting)
        exceptions.ask_person(connection, told, subject, fact_id, now, site=job.site)
    if state == "settled":
        exceptions.settle(connection, _ASKED, subject, job.site, "decided", now)
        confirm_doubted(connection, fact_id, job.site, place, lines, now)
        _unlock(connection, [place_of(connection, job.id, place)], job)
        _finish(connection, job, now)
    return _standing(connection, place_of(connection, job.id, place))


def _told(place: str, waiting: Sequence[Row[Any]]) -> Message:
    first = waiting[0]
    if numbers := [*first.serials.get("missing", []), *first.serials.get("found", [])]:
        missing, found = len(first.serials["missing"]), len(first.serials["found"])
        return message("count_serials", place=place, item=first.item, missing=missing, found=found, serial=numbers[0])
    return message("count_difference", place=place, count=len(waiting), item=first.item, difference=first.difference)


def _standing(connection: Connection, row: Row[Any]) -> Settled:
    lines = _lines(connection, row)
    goods = {state: tuple(Goods(line.item, line.lot, line.owner) for line in lines if line.state == state) for state in ("recount", "review")}
    return Settled(row.state, row.rounds, goods["recount"], goods["review"])


def _lines(connection: Connection, row: Row[Any]) -> Sequence[Row[Any]]:
    query = select(count_line).where(count_line.c.count_id == row.count_id, count_line.c.place == row.place)
    return connection.execute(query.order_by(count_line.c.item, count_line.c.lot, count_line.c.owner)).all()


def _line(connection: Connection, line_id: str) -> Row[Any]:
    row = connection.execute(select(count_line).where(count_line.c.id == line_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_count_line", f"line {line_id} is not known; read the count's lines again")
    return row


def _unlock(connection: Connection, rows: Sequence[Row[Any]], job: Row[Any]) -> None:
    if not job.frozen:
        return
    for row in rows:
        connection.execute(update(location).where(location.c.place == row.place).values(locked=row.lock_before))
    ledger.places_changed(connection, [row.place for row in rows])


def _finish(connection: Connection, job: Row[Any], now: datetime) -> None:
    # Two who settle the last two places at once: the second waits here, and then sees that nothing is left.
    state = connection.execute(select(count_job.c.state).where(count_job.c.id == job.id).with_for_update()).scalar_one()
    left = select(func.count()).select_from(count_place).where(count_place.c.count_id == job.id, count_place.c.state.in_((*COUNTABLE, "review")))
    if state != "open" or connection.execute(left).scalar_one():
        return
    connection.execute(update(count_job).where(count_job.c.id == job.id).values(state="done", done_at=now))
    emit(connection, "count.finished", job.id, {"site": job.site, "kind": job.kind, "name": job.name}, now, job.site)


def decide(connection: Connection, fact: ledger.Fact, count_id: str, line_id: str, decision: Decision, now: datetime) -> Settled:
    """Approve a difference, which books it, or reject it; with a quantity, what the decider found himself. The same decision again changes nothing.

    Raises: NotFoundError. ConflictError: the line waits for no decision. ForbiddenError: the decider counted the place himself.
    """
    line = _line(connection, line_id)
    if line.count_id != count_id:
        raise NotFoundError("unknown_count_line", f"line {line_id} does not belong to count {count_id}")
    job = job_of(connection, count_id)
    catalog.reason_of(connection, decision.cause, "adjustment")
    _hold_fences(connection, job.site, line.place, {line.item})
    row = place_of(connection, count_id, line.place, lock=True)
    line = _line(connection, line_id)
    if ledger.record(connection, fact, now).already:
        return _standing(connection, row)
    if row.state == "skipped":
        raise ConflictError("count_done", f"count {job.name or count_id} is cancelled; plan another one")
    if line.state != "review":
        raise ConflictError("line_decided", f"the difference of item {line.item} in {line.place} is {line.state}; nothing is left to decide")
    _four_eyes(connection, line, decision.actor)
    if decision.approve:
        _adjust(connection, fact.id, line, _decided(connection, line, decision), decision.cause, decision.actor, now)
    else:
        values = {"state": "rejected", "cause": decision.cause, "decided_by": decision.actor, "decided_at": now, "event_id": fact.id}
        connection.execute(update(count_line).where(count_line.c.id == line_id).values(**values))
    return settle_place(connection, fact.id, job, line.place, now)


def _four_eyes(connection: Connection, line: Row[Any], actor: str) -> None:
    counters = connection.execute(select(count_sheet.c.counter).where(count_sheet.c.count_id == line.count_id, count_sheet.c.place == line.place)).scalars()
    if actor in set(counters):
        raise ForbiddenError("counter_decides", f"{actor} counted {line.place}; somebody who did not count it must decide")


def _decided(connection: Connection, line: Row[Any], decision: Decision) -> Said:
    """What the decider found himself, else what the last counter said."""
    if decision.quantity is None and not decision.serials:
        return said_by_all(line)[-1]
    goods, quantity = Goods(line.item, line.lot, line.owner), len(decision.serials) if decision.quantity is None else decision.quantity
    _check_serials(line.item, quantity, decision.serials, tracked=serials.is_tracked(connection, line.item))
    compared = Compared(goods, _book(connection, line.place).get(goods, 0), quantity)
    return pieces.compare(connection, line.place, [compared], {goods: set(decision.serials)})[0].said


def cancel(connection: Connection, fact: ledger.Fact, count_id: str, now: datetime) -> None:
    """End a count: places that nobody has settled are left as they are, and unlocked. Cancelled already changes nothing.

    Raises: NotFoundError. ConflictError: it is done.
    """
    job = job_of(connection, count_id)
    if job.state == "cancelled":
        return
    if job.state == "done":
        raise ConflictError("count_done", f"count {job.name or count_id} is done; a booked difference is corrected by another count")
    ledger.record(connection, fact, now)
    left = connection.execute(select(count_place).where(count_place.c.count_id == count_id, count_place.c.state.not_in(("settled", "skipped")))).all()
    connection.execute(update(count_place).where(count_place.c.count_id == count_id, count_place.c.state.not_in(("settled",))).values(state="skipped"))
    for row in left:
        exceptions.settle(connection, _ASKED, f"{count_id}/{row.place}", job.site, "count cancelled", now)
    _unlock(connection, left, job)
    connection.execute(update(count_job).where(count_job.c.id == count_id).values(state="cancelled", done_at=now))
