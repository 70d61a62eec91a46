# SPDX-License-Identifier: Apache-2.0
"""Release orders to the floor, many in one transaction: goods are reserved by the items' rules, pick tasks are made and lit.

What one order cannot have is no fault of the others: each gets its own answer, and an order that cannot be released is left as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Connection, func, select

from central.bulk import among, update_rows
from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.database import micros
from central.errors import BusyError, ConflictError, DomainError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import service as ledger
from central.ledger.rules import Rule
from central.outbound import order_rows, promise, rules
from central.outbound.demands import keep_until
from central.outbound.new_tasks import NewTask, Sheet, make_tasks
from central.outbound.tables import customer_order, order_line, pick_task
from central.webhooks.service import Happening, emit_all


@dataclass(frozen=True, slots=True)
class ReleasedLine:
    """A line after its release, in the item's unit: `reserved` was found by this release; `short` is what no task asks for and nobody picked."""

    n: int
    item: str
    quantity: int
    picked: int
    reserved: int
    short: int


@dataclass(frozen=True, slots=True)
class Released:
    """An order after its release. `already`: the fact was there before, `answer` is what was answered to it, if that was kept; the rest is then empty."""

    order_id: str
    already: bool = False
    answer: bytes | None = None
    number: str = ""
    state: str = ""
    colour: str = ""
    lines: tuple[ReleasedLine, ...] = ()
    tasks: tuple[NewTask, ...] = ()


@dataclass(slots=True)
class _Work:
    """One order in hand: its row and lines as they are with their fences held, and what each line still wants."""

    fact: ledger.Fact
    order: Any
    lines: Sequence[Any]
    wanted: dict[str, int]
    today: date
    most: dict[str, int] = field(default_factory=dict)
    reservations: Sequence[ledger.Reservation] = ()
    colour: str = ""
    state: str = ""
    tasks: Sequence[NewTask] = ()

    @property
    def reserved(self) -> dict[str, int]:
        """What was reserved, by line."""
        totals: dict[str, int] = defaultdict(int)
        for each in self.reservations:
            totals[each.line_id] += each.quantity
        return totals


def release_orders(
    connection: Connection, asked: Sequence[tuple[ledger.Fact, str]], now: datetime, deadlines: Mapping[str, datetime] | None = None
) -> list[Released | DomainError]:
    """Release orders, each (fact, order id) in turn; returns what became of each, in the same order.

    A released order may be released again: what was short is tried once more. For an order that cannot be released its error stands in the answer
    (NotFoundError; ConflictError: closed, or the fact is known with other content) and nothing of it is written. `deadlines` by fact id: what is not
    picked by then is given back (`central.outbound.timeouts`).
    """
    answers: dict[int, Released | DomainError] = {}
    waiting = list(enumerate(asked))
    while waiting:
        # The same order or fact again must see what its first release did.
        now_asked, waiting = _one_of_each(waiting)
        results = _release(connection, [each for _, each in now_asked], now, deadlines or {})
        answers |= {n: result for (n, _), result in zip(now_asked, results, strict=True)}
    return [answers[n] for n in range(len(asked))]


_Numbered = tuple[int, tuple[ledger.Fact, str]]


def _one_of_each(waiting: Sequence[_Numbered]) -> tuple[list[_Numbered], list[_Numbered]]:
    seen: set[str] = set()
    first: list[_Numbered] = []
    later: list[_Numbered] = []
    for each in waiting:
        _, (fact, order_id) = each
        (later if {fact.id, order_id} & seen else first).append(each)
        seen |= {fact.id, order_id}
    return first, later


def _release(
    connection: Connection, asked: Sequence[tuple[ledger.Fact, str]], now: datetime, deadlines: Mapping[str, datetime]
) -> list[Released | DomainError]:
    answers: dict[str, Released | DomainError] = {}
    before = ledger.recorded_before(connection, [fact for fact, _ in asked])
    fresh = [(fact, order_id) for fact, order_id in asked if fact.id not in before]
    works = _in_hand(connection, fresh, answers, now)
    stored = before | dict(zip((each.fact.id for each in works), ledger.record_many(connection, [each.fact for each in works], now), strict=True))
    for fact, order_id in asked:
        known = stored.get(fact.id)
        if isinstance(known, ConflictError):
            answers[fact.id] = known
        elif known is not None and known.already:
            answers[fact.id] = Released(order_id, already=True, answer=known.answer)
    works = [each for each in works if each.fact.id not in answers]
    _spare_promises(connection, works, now)
    _reserve(connection, works, now, deadlines)
    answers |= {each.fact.id: _released(each) for each in works}
    return [answers[fact.id] for fact, _ in asked]


def _in_hand(connection: Connection, asked: Sequence[tuple[ledger.Fact, str]], answers: dict[str, Released | DomainError], now: datetime) -> list[_Work]:
    """The orders that can be released, with the fences of all their items held: nobody else picks, releases or cancels them meanwhile."""
    ids = [order_id for _, order_id in asked]
    pairs = select(customer_order.c.site, order_line.c.item).join(order_line, order_line.c.order_id == customer_order.c.id)
    mine = among(connection, customer_order.c.id, ids)
    ledger.lock(connection, {(row.site, row.item) for row in connection.execute(pairs.where(mine))})
    orders = {row.id: row for row in connection.execute(select(customer_order).where(mine))}
    refused = order_rows.refusals(connection, list(orders.values()), now)
    today = {site: promise.today_of(catalog.site_of(connection, site), now) for site in sorted({order.site for order in orders.values() if order.site})}
    works = []
    for fact, order_id in asked:
        order = orders.get(order_id)
        if order is None:
            answers[fact.id] = NotFoundError("unknown_order", f"order {order_id} is not known")
        elif order_id in refused:
            answers[fact.id] = refused[order_id]
        else:
            works.append(_Work(fact if fact.site else replace(fact, site=order.site), order, [], {}, today[order.site]))
    _read_lines(connection, works)
    return works


_LINES = select(
    *(order_line.c[name] for name in ("id", "order_id", "n", "item", "quantity", "promised", "promised_on", "picked", "short", "min_expiry_days")),
    catalog_item.c.removal,
).join(catalog_item, catalog_item.c.code == order_line.c.item)


def _read_lines(connection: Connection, works: Sequence[_Work]) -> None:
    lines: dict[str, list[Any]] = defaultdict(list)
    mine = among(connection, order_line.c.order_id, [each.order.id for each in works])
    for row in connection.execute(_LINES.where(mine).order_by(order_line.c.order_id, order_line.c.n)):
        lines[row.order_id].append(row)
    asked = _asked_for(connection, [each.order.id for each in works if each.order.released_at is not None])
    held = connection.info["dockline_fences"]
    for work in works:
        work.lines = lines[work.order.id]
        work.wanted = {line.id: left for line in work.lines if (left := line.quantity - line.picked - asked.get(line.id, 0))}
        if any((work.order.site, line.item) not in held for line in work.lines):
            # Its lines changed between the first look and the fences.
            raise BusyError


def _spare_promises(connection: Connection, works: Sequence[_Work], now: datetime) -> None:
    """A line that wants more than it was promised for now gets of the rest only what is promised to nobody else."""
    beyond = [
        promise.Beyond(line.id, work.order, line, wanted, due, later)
        for work in works
        for line in work.lines
        for due, later in [_entitled(work.order, line, work.today)]
        if (wanted := work.wanted.get(line.id, 0)) > due
    ]
    most = promise.most_for(connection, beyond, now) if beyond else {}
    for work in works:
        work.most = {line.id: most[line.id] for line in work.lines if line.id in most}


def _entitled(order: Any, line: Any, today: date) -> tuple[int, int]:
    """What of its promise a line may take today, and what only on a later day. Released before, it has no promise any more."""
    if order.state != "open" or not line.promised:
        return 0, 0
    return (line.promised, 0) if line.promised_on is None or line.promised_on <= today else (0, line.promised)


def _asked_for(connection: Connection, order_ids: Sequence[str]) -> dict[str, int]:
    """What open tasks of orders that were released before ask for, by line."""
    if not order_ids:
        return {}
    total = select(pick_task.c.line_id, func.sum(pick_task.c.requested)).where(pick_task.c.state.in_(rules.OPEN_STATES)).group_by(pick_task.c.line_id)
    return {line_id: int(asked) for line_id, asked in connection.execute(total.where(among(connection, pick_task.c.order_id, order_ids)))}


def _reserve(connection: Connection, works: Sequence[_Work], now: datetime, deadlines: Mapping[str, datetime]) -> None:
    """Reserve what the orders want, in turn, make their tasks and write what became of them."""
    active = [each for each in works if each.wanted]
    if not active:
        return
    sizes = _unit_sizes(connection, {line.item for each in active for line in each.lines})
    made = ledger.reserve_many(connection, [(each.fact.id, _demand(each, sizes, now)) for each in active], now, deadlines)
    colours = _Colours(connection)
    for work, reservations in zip(active, made, strict=True):
        work.reservations = reservations
        work.colour = work.order.colour or colours.next_at(work.order.site)
        work.state = "released" if reservations else ("unfilled" if work.order.state == "open" else work.order.state)
    _write_orders(connection, active, now)
    promise.forget(connection, [each.order.id for each in active if each.order.state == "open"])
    sheets = [
        Sheet(each.fact.id, each.order.id, each.order.number, each.order.site, each.colour, each.reservations, dark=each.order.wave_id is not None)
        for each in active
    ]
    for work, tasks in zip(active, make_tasks(connection, sheets, now), strict=True):
        work.tasks = tasks
    _note_short(connection, active, now)
    told = [
        Happening("order.released", each.order.id, {"channel": each.order.channel, "number": each.order.number}, each.order.site)
        for each in active
        if each.order.state == "open"
    ]
    emit_all(connection, told, now)


def _unit_sizes(connection: Connection, items: set[str]) -> Mapping[str, tuple[int, ...]]:
    return {code: tuple(each.quantity for each in known) for code, known in catalog.packagings_of(connection, items).items()}


def _demand(work: _Work, sizes: Mapping[str, tuple[int, ...]], now: datetime) -> list[ledger.Demand]:
    owner, site = work.order.owner, work.order.site
    return [
        ledger.Demand(
            line.id,
            site,
            line.item,
            work.most.get(line.id, work.wanted[line.id]),
            keep_until(work.today, line.min_expiry_days, now),
            cast("Rule", line.removal),
            owner,
            sizes[line.item],
        )
        for line in work.lines
        if line.id in work.wanted and work.most.get(line.id, 1)
    ]


class _Colours:
    """Gives out colours, the one that fewest orders in work at a site carry first; asks the database once for each site."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._in_use: dict[str, list[str]] = {}

    def next_at(self, site: str) -> str:
        """The colour for the next order of a site."""
        if site not in self._in_use:
            count = func.count().label("orders")
            carried = select(customer_order.c.colour, count).where(customer_order.c.site == site, customer_order.c.state == "released")
            rows = self._connection.execute(carried.group_by(customer_order.c.colour))
            self._in_use[site] = [colour for colour, orders in rows for _ in range(orders)]
        colour = rules.next_colour(self._in_use[site])
        self._in_use[site].append(colour)
        return colour


def _write_orders(connection: Connection, works: Sequence[_Work], now: datetime) -> None:
    rows = [(each.order.id, each.state, micros(each.order.released_at or now), each.colour) for each in works]
    update_rows(connection, customer_order, "id", ("state", "released_at", "colour"), rows)


def _note_short(connection: Connection, works: Sequence[_Work], now: datetime) -> None:
    """Keep what of a line no task asks for, and ask a person about it; when nothing is short any more, nobody needs to look."""
    rows = []
    for work in works:
        reserved = work.reserved
        for line in work.lines:
            short = work.wanted.get(line.id, 0) - reserved.get(line.id, 0)
            if short != line.short:
                rows.append((line.id, short))
            if short:
                told = message("order_short", order=work.order.number, short=short, ordered=line.quantity, item=line.item, site=work.order.site)
                about = {"order": work.order.id, "line": line.id}
                exceptions.ask_person(connection, told, rules.line_subject(work.order, line), work.fact.id, now, site=work.order.site, about=about)
            elif line.short:
                exceptions.settle(connection, ("order_short",), rules.line_subject(work.order, line), work.order.site, "reserved", now)
    update_rows(connection, order_line, "id", ("short",), rows)


def _released(work: _Work) -> Released:
    reserved = work.reserved
    lines = tuple(
        ReleasedLine(line.n, line.item, line.quantity, line.picked, reserved.get(line.id, 0), work.wanted.get(line.id, 0) - reserved.get(line.id, 0))
        for line in work.lines
    )
    state = work.state or work.order.state
    return Released(work.order.id, number=work.order.number, state=state, colour=work.colour or work.order.colour, lines=lines, tasks=tuple(work.tasks))
