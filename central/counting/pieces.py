# SPDX-License-Identifier: Apache-2.0
"""Numbered pieces (R19) in a count: compared one by one, and booked one by one: missing ones are lost, others come from where the books had them.

Functions run in the caller's transaction, with the fences of the goods at the site held.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import item, location
from central.counting import rules
from central.counting.adjusting import post_giving_up_claims
from central.counting.rules import Compared, Goods, Said
from central.errors import ConflictError
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Account, Status
from central.ledger.tables import balance, serial

Numbers = Mapping[Goods, set[str]]


def assign(connection: Connection, place: str, goods: Goods, numbers: Sequence[str]) -> Numbers:
    """Whose pieces they are: of the lot that was said, else of the lot that the books know a piece by, else of the only one there.

    Raises: DomainError: several lots lie there, and of a piece that nobody knows the lot was not said.
    """
    if goods.lot:
        return {goods: set(numbers)}
    known = serials.pieces_of(connection, goods.item, numbers)
    assigned: dict[Goods, set[str]] = defaultdict(set)
    for number in numbers:
        row = known.get(number)
        in_stock = row is not None and row.state == "in_stock" and row.owner == goods.owner
        assigned[Goods(goods.item, row.lot, row.owner) if row is not None and in_stock else _only_lot(connection, place, goods)].add(number)
    return assigned


def _only_lot(connection: Connection, place: str, goods: Goods) -> Goods:
    query = select(balance.c.lot).distinct().where(balance.c.place == place, balance.c.item == goods.item, balance.c.owner == goods.owner)
    lots = sorted(connection.execute(query).scalars())
    if len(lots) > 1:
        raise rules.lot_needed(place, goods.item, lots)
    return goods._replace(lot=lots[0] if lots else "")


def compare(connection: Connection, place: str, compared: Iterable[Compared], scanned: Numbers) -> list[Compared]:
    """The same, those of numbered pieces with the serials that are missing and those that were found."""
    rows = list(compared)
    numbered = tracked(connection, {each.goods.item for each in rows})
    return [
        rules.with_serials(each, set(_here(connection, place, each.goods)), scanned.get(each.goods, set())) if each.goods.item in numbered else each
        for each in rows
    ]


def tracked(connection: Connection, items: Collection[str]) -> set[str]:
    """Of these items those of which every piece has its number."""
    query = select(item.c.code).where(among(connection, item.c.code, sorted(items)), item.c.tracking == "serial")
    return set(connection.execute(query).scalars())


def _here(connection: Connection, place: str, goods: Goods) -> dict[str, Account]:
    """Serials that the books have at a place, each with its account."""
    mine = [serial.c[name] == value for name, value in {"place": place, **goods._asdict()}.items()]
    rows = connection.execute(select(serial).where(*mine, serial.c.state == "in_stock").order_by(serial.c.serial))
    return {row.serial: serials.account_of(row) for row in rows}


def _accounts(connection: Connection, place: str, goods: Goods) -> list[Account]:
    mine = [balance.c[name] == value for name, value in {"place": place, **goods._asdict()}.items()]
    return [ledger.account_of(row) for row in connection.execute(select(balance).where(*mine).order_by(balance.c.status, balance.c.unit))]


def bring_together(connection: Connection, fact_id: str, place: str, goods: Goods, now: datetime) -> None:
    """A short pick leaves pieces in inspection and their numbers where they stood: within the place numbers go to the pieces without one."""
    here = _here(connection, place, goods)
    spare = [number for account in sorted(set(here.values())) for number in _last_of(connection, account, here)]
    for account in _accounts(connection, place, goods):
        wanted = max(-serials.spare_at(connection, account), 0)
        moved, spare = spare[:wanted], spare[wanted:]
        if moved:
            serials.move(connection, fact_id, goods.item, moved, account, now)


def _last_of(connection: Connection, account: Account, here: Mapping[str, Account]) -> list[str]:
    """So many numbers of an account as it has too many."""
    mine = [number for number, at in here.items() if at == account]
    return mine[len(mine) - max(serials.spare_at(connection, account), 0) :]


def book(connection: Connection, fact_id: str, place: str, goods: Goods, said: Said, now: datetime) -> int:
    """Post what a count of numbered pieces came to; returns how many more (negative: fewer) are in the place's books now.

    What was put right since the count is left alone. Raises: ConflictError: pieces were picked from there without being named, or a piece that was found
    stands in the books of another site or at a stage.
    """
    if said.unnamed < 0:
        text = f"{place}: {-said.unnamed} pieces of item {goods.item} were picked from there without their serials"
        raise ConflictError("pieces_unnamed", f"{text}; name them on their pick tasks or at the pack station, then decide")
    bring_together(connection, fact_id, place, goods, now)
    here = _here(connection, place, goods)
    known = serials.pieces_of(connection, goods.item, said.found)
    found = {number: _stands_at(known.get(number)) for number in said.found if number not in here}
    named = _name(connection, fact_id, place, goods, [number for number, at in found.items() if at is None][: said.unnamed], now)
    come = {number: at for number, at in found.items() if number not in named}
    gone = {number: here[number] for number in said.missing if number in here}
    lost = _unnamed(connection, place, goods, said.unnamed - len(named))
    _check_sources(connection, place, goods, come)
    _take_out(connection, fact_id, gone, lost, now)
    _put_in(connection, fact_id, place, goods, come, now)
    return len(come) - len(gone) - lost.total()


def _stands_at(row: Any) -> Account | None:
    return serials.account_of(row) if row is not None and row.state == "in_stock" else None


def _name(connection: Connection, fact_id: str, place: str, goods: Goods, numbers: Sequence[str], now: datetime) -> set[str]:
    """Numbers that nobody knew are those of pieces that stand there without one."""
    left = list(numbers)
    for account, wanted in _unnamed(connection, place, goods, len(numbers)).items():
        serials.name(connection, fact_id, account, left[:wanted], now, new=True)
        left = left[wanted:]
    return set(numbers) - set(left)


def _unnamed(connection: Connection, place: str, goods: Goods, at_most: int) -> Counter[Account]:
    """Pieces of the place that have no number, by account."""
    unnamed = Counter[Account]()
    for account in _accounts(connection, place, goods):
        if (here := min(-serials.spare_at(connection, account), at_most - unnamed.total())) > 0:
            unnamed[account] = here
    return unnamed


def _check_sources(connection: Connection, place: str, goods: Goods, come: Mapping[str, Account | None]) -> None:
    places = {at.place for at in come.values() if at is not None}
    stages = set(connection.execute(select(location.c.place).where(location.c.place.in_(places), location.c.kind == "stage")).scalars())
    for number, at in come.items():
        if at is not None and (at.site != place.partition("/")[0] or at.place in stages):
            text = f"serial {number} of item {goods.item} is at {at}, not at {place}; bring it there by a move or a transfer, then decide"
            raise ConflictError("serial_elsewhere", text)


def _take_out(connection: Connection, fact_id: str, gone: Mapping[str, Account], unnamed: Counter[Account], now: datetime) -> None:
    needs = Counter(gone.values()) + unnamed
    legs = [leg for account, n in sorted(needs.items()) for leg in (ledger.Leg(account, -n), ledger.Leg(account.at(COUNT_DIFFERENCE), n))]
    if not legs:
        return
    post_giving_up_claims(connection, fact_id, needs, legs, now)
    for account in sorted(set(gone.values())):
        numbers = [number for number, at in gone.items() if at == account]
        serials.move(connection, fact_id, account.item, numbers, account.at(COUNT_DIFFERENCE), now)


def _put_in(connection: Connection, fact_id: str, place: str, goods: Goods, come: Mapping[str, Account | None], now: datetime) -> None:
    if not come:
        return
    status: Status = "hold" if catalog.held_lot(connection, goods.item, goods.lot) else "available"
    plain = Account(place, goods.item, goods.lot, goods.owner, status)
    target = next((each for each in _accounts(connection, place, goods) if each.status == status), plain)
    needs = Counter(at for at in come.values() if at is not None)
    sources = needs + Counter({target.at(COUNT_DIFFERENCE): sum(at is None for at in come.values())})
    legs = [ledger.Leg(account, -n) for account, n in sorted(sources.items())]
    post_giving_up_claims(connection, fact_id, needs, [*legs, ledger.Leg(target, len(come))], now)
    serials.move(connection, fact_id, goods.item, sorted(come), target, now)
