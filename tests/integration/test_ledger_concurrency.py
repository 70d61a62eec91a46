# SPDX-License-Identifier: Apache-2.0
"""Many threads on few items: nothing is reserved twice, no order is short while there is stock, FEFO holds, nothing deadlocks for long."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, func, insert, select, text, update

from central.catalog.tables import item, location, lot
from central.database import in_transaction, open_engine, reading, transaction
from central.ledger.service import (
    Account,
    Demand,
    Fact,
    Leg,
    Reservation,
    available,
    lock,
    lots_changed,
    places_changed,
    post,
    record,
    release,
    reserve,
    take,
)
from central.ledger.tables import balance, entry
from central.ledger.verify import verify

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
THREADS = 8
pytestmark = [pytest.mark.slow, pytest.mark.requirement("R21"), pytest.mark.requirement("R44")]


def fact(connection) -> str:  # type: ignore[no-untyped-def]
    return record(connection, Fact(str(uuid.uuid4()), "test", None, "Test", b"{}", "tester", NOW, "s1"), NOW).fact_id


@pytest.fixture
def goods(engine: Engine) -> list[str]:
    """Four items in ten lots of 20 each, every lot in a bin of its own."""
    items = [f"item-{n}" for n in range(4)]
    with transaction(engine) as connection:
        connection.execute(insert(item), [{"code": code, "name": code} for code in items])
        lots = [(code, f"L{n}", date(2026, 12, 1) + timedelta(days=n)) for code in items for n in range(10)]
        connection.execute(insert(lot), [{"item": code, "lot": name, "expiry": expiry} for code, name, expiry in lots])
        places = [f"{code}-{name}" for code, name, _ in lots]
        connection.execute(
            insert(location), [{"place": f"s1/{code}", "site": "s1", "code": code, "kind": "bin", "pick_rank": n} for n, code in enumerate(places)]
        )
        lock(connection, [("s1", code) for code in items])
        accounts = [Account(f"s1/{code}-{name}", code, name) for code, name, _ in lots]
        post(connection, fact(connection), [leg for account in accounts for leg in (Leg(account.at("@vendor"), -20), Leg(account, 20))])
    return items


def waits_for_a_row(engine: Engine) -> bool:
    """Whether somebody waits for a row that another transaction changed."""
    with reading(engine) as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(connection.execute(text(waiting)).scalar())


def arriving_meanwhile(engine: Engine, change: Callable[[Connection], None]) -> Row[Any]:
    """The balance of goods that came to a new place of another site while `change` was done and not committed yet."""

    def arrive() -> None:
        with transaction(engine) as connection:
            lock(connection, [("s2", "item-0")])
            here = Account("s2/store", "item-0", "L0")
            post(connection, fact(connection), [Leg(here.at("@vendor"), -5), Leg(here, 5)])

    with transaction(engine) as connection:
        connection.execute(insert(location).values(place="s2/store", site="s2", code="store", kind="bin"))
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as connection:
            change(connection)
            arrived = pool.submit(arrive)
            # SQLite has one writer at a time: there the goods wait for the transaction's end anyhow.
            while engine.dialect.name == "postgresql" and not arrived.done() and not waits_for_a_row(engine):
                pass
        arrived.result(30)
    with reading(engine) as connection:
        return connection.execute(select(balance).where(balance.c.place == "s2/store")).one()


def test_goods_that_arrive_while_their_lot_is_recalled_are_recalled_too(engine: Engine, goods: list[str]) -> None:
    def recall(connection: Connection) -> None:
        connection.execute(update(lot).where(lot.c.item == "item-0", lot.c.lot == "L0").values(held=True))
        lots_changed(connection, [("item-0", "L0")])

    assert arriving_meanwhile(engine, recall).held


def test_goods_that_arrive_while_their_place_is_locked_stand_at_a_locked_place(engine: Engine, goods: list[str]) -> None:
    def close(connection: Connection) -> None:
        connection.execute(update(location).where(location.c.place == "s2/store").values(locked="out"))
        places_changed(connection, ["s2/store"])

    assert arriving_meanwhile(engine, close).locked


def in_threads(work: Callable[[int], None]) -> None:
    gate = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        gate.wait(20)
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(begin, range(THREADS)))


def test_orders_at_the_same_time_get_exactly_what_is_there(engine: Engine, goods: list[str]) -> None:
    """200 of each item are there; 8 threads ask for 30 orders of one of each: all 200 go, and no one is short before."""
    made: list[list[Reservation]] = []

    def order(number: int) -> None:
        chance = random.Random(number)
        for n in range(30):
            lines = [Demand(f"{number}/{n}/{code}", "s1", code, 1) for code in chance.sample(goods, len(goods))]
            made.append(in_transaction(engine, lambda connection, lines=lines: reserve(connection, fact(connection), lines, NOW), attempts=20))

    in_threads(order)

    given = Counter(each.account.item for reservations in made for each in reservations)
    assert given == dict.fromkeys(goods, 200)
    with reading(engine) as connection:
        assert [available(connection, "s1", code) for code in goods] == [0] * len(goods)
        assert verify(connection).texts() == []


def test_first_expiring_lots_are_gone_first_under_fire(engine: Engine, goods: list[str]) -> None:
    def order(number: int) -> None:
        for n in range(10):
            lines = [Demand(f"{number}/{n}", "s1", goods[n % 4], 3)]
            in_transaction(engine, lambda connection, lines=lines: reserve(connection, fact(connection), lines, NOW), attempts=20)

    in_threads(order)

    with reading(engine) as connection:
        rows = connection.execute(select(balance.c.item, balance.c.reserved).order_by(balance.c.item, balance.c.expiry)).all()
        findings = verify(connection).texts()
    for code in goods:
        filled = [row.reserved for row in rows if row.item == code]
        assert filled == sorted(filled, reverse=True)
        assert [quantity for quantity in filled if 0 < quantity < 20][1:] == []
    assert findings == []


def test_orders_picks_moves_and_cancellations_at_once_lose_nothing(engine: Engine, goods: list[str]) -> None:
    def work(number: int) -> None:
        chance = random.Random(number)
        for n in range(12):
            lines = [Demand(f"{number}/{n}/{code}", "s1", code, chance.randint(1, 9)) for code in chance.sample(goods, 2)]
            made = in_transaction(engine, lambda connection, lines=lines: reserve(connection, fact(connection), lines, NOW), attempts=20)
            for each in made:
                in_transaction(engine, lambda connection, each=each: settle(connection, each, chance), attempts=20)

    def settle(connection, each: Reservation, chance: random.Random) -> None:  # type: ignore[no-untyped-def]
        if chance.random() < 0.3:
            release(connection, each.id, fact(connection))
        else:
            take(connection, each.id, chance.randint(0, each.quantity), "s1/stage", fact(connection))

    in_threads(work)

    with reading(engine) as connection:
        assert connection.execute(select(func.sum(balance.c.on_hand))).scalar() == 800
        assert connection.execute(select(func.sum(balance.c.reserved))).scalar() == 0
        assert connection.execute(select(func.sum(entry.c.quantity))).scalar() == 0
        assert verify(connection).texts() == []


@pytest.mark.postgres
@pytest.mark.requirement("X1")
def test_64_allocators_on_20_items_break_no_order_and_find_no_false_shortage(postgres_url: str) -> None:
    """64 threads reserve 4 orders of 5 lines each from 20 items in 40 lots of 10: half of the stock, so nothing may be short."""
    engine, chance = open_engine(postgres_url), random.Random(64)
    codes = [f"hot-{n}" for n in range(20)]
    goods = [(code, f"L{n}", date(2026, 12, 1) + timedelta(days=chance.randrange(200))) for code in codes for n in range(40)]
    with transaction(engine) as connection:
        connection.execute(insert(item), [{"code": code, "name": code} for code in codes])
        connection.execute(insert(lot), [{"item": code, "lot": name, "expiry": expiry} for code, name, expiry in goods])
        places = [
            {"place": f"s1/{code}-{name}", "site": "s1", "code": f"{code}-{name}", "kind": "bin", "pick_rank": n} for n, (code, name, _) in enumerate(goods)
        ]
        connection.execute(insert(location), places)
        lock(connection, [("s1", code) for code in codes])
        accounts = [Account(f"s1/{code}-{name}", code, name) for code, name, _ in goods]
        post(connection, fact(connection), [leg for account in accounts for leg in (Leg(account.at("@vendor"), -10), Leg(account, 10))])
    wanted = {f"{number}/{n}/{code}": 1 + (number + n) % 5 for number in range(64) for n in range(4) for code in random.Random(number * 4 + n).sample(codes, 5)}
    gate = threading.Barrier(64)

    def work(number: int) -> list[Reservation]:
        gate.wait(30)
        made: list[Reservation] = []
        for n in range(4):
            lines = [Demand(line, "s1", line.rsplit("/", 1)[1], quantity) for line, quantity in wanted.items() if line.startswith(f"{number}/{n}/")]
            made += in_transaction(engine, lambda connection, lines=lines: reserve(connection, fact(connection), lines, NOW), attempts=20)
        return made

    with ThreadPoolExecutor(64) as pool:
        given = Counter[str]()
        for each in (reservation for reservations in pool.map(work, range(64)) for reservation in reservations):
            given[each.line_id] += each.quantity

    assert given == wanted
    with reading(engine) as connection:
        assert verify(connection).texts() == []
        rows = connection.execute(
            select(balance.c.item, balance.c.expiry, balance.c.reserved, balance.c.on_hand).order_by(balance.c.item, balance.c.expiry)
        ).all()
    for code in codes:
        untouched = min((row.expiry for row in rows if row.item == code and row.reserved < row.on_hand), default=date.max)
        assert all(row.expiry <= untouched for row in rows if row.item == code and row.reserved)
    engine.dispose()
