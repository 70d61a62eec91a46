# SPDX-License-Identifier: Apache-2.0
"""Use case of taking an order: choose who sends it, promise it line by line, write it with its shares and backorders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from central.catalog import service as catalog
from central.catalog.rules import SiteRow
from central.catalog.tables import item as catalog_item
from central.catalog.tables import kit_component
from central.catalog.tables import partner as partner_table
from central.errors import ConflictError, DomainError
from central.facts import document_id
from central.ledger import service as ledger
from central.outbound import atp_rules, order_rows, parting_rules, promise, site_habits, sourcing
from central.outbound.atp_rules import Slice
from central.outbound.documents import Delivered, LineOrdered, Order, OrderPart, OrderTaken, Promise
from central.outbound.parting_rules import Part, Policy, Terms, Want
from central.outbound.promise import Book, Goods
from central.outbound.sourcing_rules import Position
from central.outbound.tables import customer_order, order_line
from central.webhooks.service import Happening, emit_all


@dataclass
class SiteShelf:
    """`parting_rules.Shelf` over the book of one site and owner; `day` is the first on which something can leave."""

    book: Book
    site: str
    owner: str
    first_day: date

    def _goods(self, item: str) -> Goods:
        return Goods(self.site, item, self.owner)

    def can(self, item: str, keep_days: int) -> int:
        """How many can leave on the first day."""
        goods = self._goods(item)
        return atp_rules.promisable(self.book.supplies[goods], self.book.claims[goods], self.first_day, keep_days)

    def give(self, item: str, quantity: int, on_day: date, keep_days: int) -> None:
        """Promise so many for a day."""
        if quantity:
            self.book.claim(self._goods(item), quantity, on_day, keep_days)

    def slices(self, item: str, quantity: int, keep_days: int) -> list[Slice]:
        """How a quantity can be served soonest."""
        goods = self._goods(item)
        return atp_rules.slices(self.book.supplies[goods], self.book.claims[goods], quantity, self.first_day, keep_days)


@dataclass
class Made:
    """An order that is to be written. `parts` are its lines; `wanted` what its lines ask for, of which parts may go elsewhere."""

    id: str
    number: str
    site: str
    role: str
    wanted: Mapping[int, Want]
    parts: Sequence[Part] = ()
    parent: Made | None = None
    state: str = "open"
    waits: bool = False
    due_at: datetime | None = None
    line_ids: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Customer:
    """What is agreed with a customer, where an order says nothing else."""

    priority: int = 5
    carrier: str = ""
    backorders: Policy = "backorder"
    address: dict[str, Any] | None = None
    position: Position | None = None


@dataclass(frozen=True)
class Asked:
    """An order as it came, with all that is to be known of it before the fences are taken."""

    fact: ledger.Fact
    order: Order
    wants: list[Want]
    customer: Customer
    terms: Terms
    items: set[str]
    sites: list[SiteRow]


@dataclass
class Written:
    """Rows that many orders add, written together."""

    heads: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    promises: list[dict[str, Any]] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """Insert them, parents before what refers to them."""
        for table, rows in ((customer_order, self.heads), (order_line, self.lines)):
            if rows:
                connection.execute(insert(table), rows)
        promise.write(connection, self.promises)


def take_order(connection: Connection, fact: ledger.Fact, order: Order, now: datetime) -> OrderTaken:
    """Take an order and say at once, line by line, what can be promised, by whom and when. The order's id is the fact's id.

    The same order again gets the same answer. Raises: ConflictError: channel and number are known with other content. UnknownItemError.
    DomainError `no_site_for_order`: no site sends orders.
    """
    (taken,) = take_orders(connection, [(fact, order)], now)
    if isinstance(taken, DomainError):
        raise taken
    return taken


def take_orders(connection: Connection, asked: Sequence[tuple[ledger.Fact, Order]], now: datetime) -> list[OrderTaken | DomainError]:
    """Take many orders in one transaction, in turn; each is answered for itself, and of one that cannot be taken nothing is written."""
    answers: dict[int, OrderTaken | DomainError] = {}
    waiting = list(enumerate(asked))
    while waiting:
        # The same order twice: the second must see what the first did.
        first = {fact.id: n for n, (fact, _) in reversed(waiting)}
        turn = [(n, each) for n, each in waiting if first[each[0].id] == n]
        waiting = [(n, each) for n, each in waiting if first[each[0].id] != n]
        answers |= dict(zip((n for n, _ in turn), _take(connection, [each for _, each in turn], now), strict=True))
    return [answers[n] for n in range(len(asked))]


def _take(connection: Connection, asked: Sequence[tuple[ledger.Fact, Order]], now: datetime) -> list[OrderTaken | DomainError]:
    """As `take_orders`, for orders with different facts: what all of them need is read and written together."""
    stored = ledger.recorded_before(connection, [fact for fact, _ in asked])
    answers: dict[str, OrderTaken | DomainError] = {}
    fresh: list[Asked] = []
    for fact, order in asked:
        if fact.id not in stored:
            try:
                fresh.append(_looked_up(connection, fact, order))
            except DomainError as error:
                answers[fact.id] = error
    stored |= dict(zip((each.fact.id for each in fresh), ledger.record_many(connection, [each.fact for each in fresh], now), strict=True))
    answers |= {fact_id: _answered_before(fact_id, known) for fact_id, known in stored.items() if isinstance(known, ConflictError) or known.already}
    taken = _promise_all(connection, [each for each in fresh if each.fact.id not in answers], now)
    ledger.keep_answers(connection, {each.id: each.model_dump_json().encode() for each in taken})
    answers |= {each.id: each for each in taken}
    return [answers[fact.id] for fact, _ in asked]


def _answered_before(fact_id: str, known: ledger.Recorded | ConflictError) -> OrderTaken | DomainError:
    if isinstance(known, ConflictError):
        return known
    return OrderTaken.model_validate_json(known.answer) if known.answer else OrderTaken(id=fact_id, lines=[])


def _looked_up(connection: Connection, fact: ledger.Fact, order: Order) -> Asked:
    wants = wants_of(connection, order.lines, order.partner, order.min_remaining_days)
    address = order.address.model_dump() if order.address else None
    customer = customer_of(connection, order.partner, address)
    terms = terms_of(connection, wants, order.backorders or customer.backorders, substitutes=order.substitutes)
    items = {*(want.item for want in wants), *standing_in(terms)}
    sites = [sourcing.named(connection, order.site)] if order.site else sourcing.candidates(connection, items)
    return Asked(fact, order, wants, customer, terms, items, sites)


def _promise_all(connection: Connection, asked: Sequence[Asked], now: datetime) -> list[OrderTaken]:
    """Promise orders in turn from one book, with the fences of all their items held, and write them."""
    ledger.lock(connection, {(site.code, item) for each in asked for site in each.sites for item in each.items})
    goods = {Goods(site.code, item, each.order.owner) for each in asked for site in each.sites for item in each.items}
    book = promise.book_of(connection, goods, now, enough=_enough(asked))
    written, taken, told = Written(), list[OrderTaken](), list[Happening]()
    for each in asked:
        made = _promised(connection, each, book, written, now)
        answer = answer_of(made, each.wants)
        lines = [{"n": line.n, "item": line.item, "quantity": line.quantity, "promised": line.promised} for line in answer.lines]
        data = {"channel": each.order.channel, "number": each.order.number, "lines": lines}
        told.append(Happening("order.accepted", answer.id, data, made[0].site))
        taken.append(answer)
    _fill_ship_when(connection, written.heads)
    written.write(connection)
    emit_all(connection, told, now)
    return taken


def _fill_ship_when(connection: Connection, heads: Sequence[dict[str, Any]]) -> None:
    """Orders that do not say what sends them leave as their site ships."""
    silent = [head for head in heads if head["ship_when"] is None]
    habits = site_habits.ship_when(connection, {head["site"] for head in silent}) if silent else {}
    for head in silent:
        head["ship_when"] = habits[head["site"]]


def _promised(connection: Connection, each: Asked, book: Book, written: Written, now: datetime) -> list[Made]:
    order, customer = each.order, each.customer
    shelves = {site.code: SiteShelf(book, site.code, order.owner, promise.first_day(site, now)) for site in each.sites}
    priority = order.priority or customer.priority
    plan = sourcing.plan(connection, each.wants, each.sites, shelves, each.terms, customer.position, priority, asked=order.site)
    values = order.model_dump_stored() | {
        "priority": priority,
        "carrier": order.carrier or customer.carrier,
        "backorders": each.terms.policy,
        "address": order.address.model_dump(exclude_defaults=True) if order.address else customer.address,
        "created_at": now,
    }
    made = orders_of(each.fact.id, order.number, each.wants, plan.shares, shelves, each.terms)
    add_rows(written, made, values, {site.code: site for site in each.sites}, order.due_at, plan.why)
    return made


def _enough(asked: Sequence[Asked]) -> dict[Goods, tuple[int, int]]:
    """Goods of which it is enough to know that so much (and keeping so long) is there, so that nobody need look at what is expected."""
    total: dict[Goods, tuple[int, int]] = {}
    doubtful: set[Goods] = set()
    for each in asked:
        if len(each.sites) != 1 or standing_in(each.terms):
            doubtful |= {Goods(site.code, item, each.order.owner) for site in each.sites for item in each.items}
            continue
        for want in each.wants:
            goods = Goods(each.sites[0].code, want.item, each.order.owner)
            quantity, keep_days = total.get(goods, (0, 0))
            total[goods] = (quantity + want.quantity, max(keep_days, want.keep_days))
    return {goods: value for goods, value in total.items() if goods not in doubtful}


def wants_of(connection: Connection, lines: Sequence[LineOrdered], partner: str, keep_days: int | None) -> list[Want]:
    """The lines by item code, with how long goods must keep for this customer. Raises: UnknownItemError."""
    codes = _item_codes(connection, lines)
    asked = dict.fromkeys(codes, keep_days) if keep_days is not None else catalog.min_remaining_days(connection, partner, codes)
    return [Want(n, code, line.quantity, asked[code] or 0) for n, (code, line) in enumerate(zip(codes, lines, strict=True), start=1)]


def _item_codes(connection: Connection, lines: Sequence[LineOrdered]) -> list[str]:
    """The item of each line. A GTIN of a packaging names the item too; the quantity is in the item's unit all the same."""
    said = {line.item or line.gtin or "" for line in lines}
    known: dict[str, str] = {}
    for part in order_rows.chunks(said):
        query = select(catalog_item.c.code, catalog_item.c.gtin).where(catalog_item.c.code.in_(part) | catalog_item.c.gtin.in_(part))
        for row in connection.execute(query):
            known |= {row.code: row.code, **({row.gtin: row.code} if row.gtin else {})}
    for line in lines:
        if line.gtin and line.gtin not in known:
            known[line.gtin] = catalog.item_by_gtin(connection, line.gtin).code
        elif line.item and line.item not in known:
            raise catalog.UnknownItemError(line.item)
    return [known[line.item or line.gtin or ""] for line in lines]


def customer_of(connection: Connection, partner: str, address: Mapping[str, Any] | None) -> Customer:
    """What is agreed with a customer, and where the goods go: to the address of the order, where its position is known."""
    row: Row[Any] | None = connection.execute(select(partner_table).where(partner_table.c.code == partner)).one_or_none()
    spots = [(address.get("latitude_deg"), address.get("longitude_deg"))] if address else []
    spots += [(row.latitude_deg, row.longitude_deg)] if row is not None else []
    position = next((Position(lat, lon) for lat, lon in spots if lat is not None and lon is not None), None)
    return Customer(position=position) if row is None else Customer(row.priority, row.carrier, row.backorders, row.address, position)


def terms_of(connection: Connection, wants: Sequence[Want], policy: Policy, *, substitutes: bool) -> Terms:
    """What may stand in for the items of an order."""
    items = {want.item for want in wants}
    instead = {item: found for item in sorted(items) if (found := catalog.substitutes_of(connection, item))} if substitutes else {}
    kits: dict[str, list[tuple[str, int]]] = {}
    for part in order_rows.chunks(items):
        query = select(kit_component).where(kit_component.c.kit.in_(part)).order_by(kit_component.c.kit, kit_component.c.component)
        for row in connection.execute(query):
            kits.setdefault(row.kit, []).append((row.component, row.quantity))
    return Terms(policy, instead, kits)


def standing_in(terms: Terms) -> set[str]:
    """All items that may stand in for another."""
    instead = {item for items in (terms.substitutes or {}).values() for item in items}
    return instead | {item for components in (terms.kits or {}).values() for item, _ in components}


def orders_of(
    order_id: str,
    number: str,
    wants: Sequence[Want],
    shares: Mapping[str, Sequence[Want]],
    shelves: Mapping[str, SiteShelf],
    terms: Terms,
    before: tuple[int, int] = (0, 0),
) -> list[Made]:
    """The order, its shares by site, and the backorders of each; parents before their children. `before`: shares and backorders that it had already."""
    wanted = {want.n: want for want in wants}
    if len(shares) == 1:
        (site,) = shares
        return _with_backorder(Made(order_id, number, site, "order", wanted), parting_rules.part_order(wants, shelves[site], terms), before[1])
    parent = Made(order_id, number, "", "order", wanted, state="split", line_ids={want.n: f"{order_id}/{want.n}" for want in wants})
    made = [parent]
    for k, (site, mine) in enumerate(shares.items(), start=before[0] + 1):
        share = Made(document_id("OrderShare", order_id, site, str(k)), f"{number}/{k}", site, "share", {want.n: want for want in mine}, parent=parent)
        made += _with_backorder(share, parting_rules.part_order(mine, shelves[site], terms), 0)
    return made


def _with_backorder(main: Made, parts: Sequence[Part], before: int) -> list[Made]:
    """An order with the parts that leave first, and a backorder for those that come later, if there are any."""
    main.parts = [part for part in parts if not part.later]
    later = [part for part in parts if part.later]
    _number_lines(main)
    if not later:
        return [main]
    k = before + 1
    wanted = {part.n: Want(part.n, part.item, part.quantity, part.keep_days) for part in later}
    child = Made(document_id("Backorder", main.id, str(k)), f"{main.number}/b{k}", main.site, "backorder", wanted, later, main)
    _number_lines(child)
    return [main, child]


def _number_lines(made: Made) -> None:
    made.line_ids = {n: f"{made.id}/{n}" for n in made.wanted}


def add_rows(
    written: Written,
    made: Sequence[Made],
    values: Mapping[str, Any],
    sites: Mapping[str, SiteRow],
    due_at: datetime | None,
    why: dict[str, Any] | None = None,
    *,
    first_is_there: bool = False,
) -> None:
    """Add orders with their lines and promises; `values` are the columns that they share. With `first_is_there` the first has its row already."""
    for each in made:
        days = [part.on_day for part in each.parts if part.on_day is not None]
        site = sites[each.site] if each.site else min(sites.values(), key=lambda row: row.code)
        first = promise.first_day(site, values["created_at"])
        each.due_at = due_at or promise.due_of(site, max(days, default=first))
        incomplete = values["backorders"] == "wait" and any(part.promised < part.quantity for part in each.parts)
        each.waits = each.role == "backorder" or incomplete or any(day > first for day in days)
    written.heads += [
        {**values, "id": each.id, "number": each.number, "site": each.site, "role": each.role, "state": each.state, "due_at": each.due_at, "waits": each.waits}
        | {"parent_id": each.parent.id if each.parent else None, "sourcing": why if each.parent is None else None}
        for each in made[first_is_there:]
    ]
    lines = [(each.site, row) for each in made for row in _lines_of(each)]
    written.lines += [row for _, row in lines]
    written.promises += [promise.row_of(site, str(values["owner"]), row) for site, row in lines if row["promised"]]


def _lines_of(made: Made) -> list[dict[str, Any]]:
    """The rows of an order's lines: first its own lines by their numbers, then what stands in for something, numbered on."""
    own = {part.n: part for part in made.parts if not part.instead_of}
    rows = [_line(made, n, n, own.get(n), want.item, want.quantity, want.keep_days) for n, want in made.wanted.items()]
    stand_ins = [part for part in made.parts if part.instead_of]
    for k, part in enumerate(stand_ins, start=max(made.wanted) + 1):
        made.line_ids[k] = f"{made.id}/{k}"
        rows.append(_line(made, k, part.n, part, part.item, part.quantity, part.keep_days) | {"parent_line": made.line_ids[part.n]})
    return rows


def _line(made: Made, n: int, of: int, part: Part | None, item: str, wanted: int, keep_days: int) -> dict[str, Any]:
    quantity = part.quantity if part else 0
    return {
        "id": f"{made.id}/{n}",
        "order_id": made.id,
        "n": n,
        "item": item,
        "quantity": quantity,
        "promised": part.promised if part else 0,
        "moved": wanted - quantity,
        "promised_on": part.on_day if part else None,
        "min_expiry_days": keep_days,
        "ordered_item": part.instead_of if part else "",
        "parent_line": made.parent.line_ids.get(of) if made.parent else None,
    }


def answer_of(made: Sequence[Made], wants: Sequence[Want]) -> OrderTaken:
    """What is answered to an order."""
    lines = [_promise(want, [(each, part) for each in made for part in each.parts if part.n == want.n]) for want in wants]
    orders = [OrderPart(id=each.id, number=each.number, site=each.site, role=each.role, due_at=each.due_at) for each in made if each.due_at]  # type: ignore[arg-type]
    return OrderTaken(id=made[0].id, lines=lines, orders=orders if len(made) > 1 else [])


def _promise(want: Want, parts: Sequence[tuple[Made, Part]]) -> Promise:
    given = sum(part.promised for _, part in parts if not part.instead_of)
    given += sum(part.units for _, part in parts)
    days = [part.on_day for _, part in parts if part.on_day]
    delivered = [
        Delivered(
            order=made.id, site=made.site, item=part.item, quantity=part.quantity, promised=part.promised, promised_on=part.on_day, instead_of=part.instead_of
        )
        for made, part in parts
        if part.quantity
    ]
    return Promise(
        n=want.n,
        item=want.item,
        quantity=want.quantity,
        promised=given,
        short=want.quantity - given,
        state=("short" if given < want.quantity else "promised") if given else "unpromised",
        promised_on=max(days, default=None),
        parts=delivered if len(delivered) > 1 else [],
    )
