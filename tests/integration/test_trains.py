# SPDX-License-Identifier: Apache-2.0
"""Requests that share a transaction: each gets its own answer, and no one's fault is another's. On SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, Engine, text

from central.database import reading, transaction
from central.errors import BusyError, DomainError, NotFoundError
from central.train import Train, one_by_one

pytestmark = pytest.mark.requirement("X1")


@pytest.fixture
def log(engine: Engine) -> Engine:
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE travelled (who integer PRIMARY KEY, party integer)"))
    return engine


class Line:
    """A journey that writes who travelled with how many; holds its first train until `go` is set, so that the others must wait together."""

    def __init__(self) -> None:
        self.go, self.left = threading.Event(), threading.Event()
        self.parties: list[int] = []

    def __call__(self, connection: Connection, requests: Sequence[int]) -> list[int | DomainError]:
        self.parties.append(len(requests))
        self.left.set()
        if len(self.parties) == 1:
            self.go.wait(20)
        return [self._one(connection, each, len(requests)) for each in requests]

    def _one(self, connection: Connection, who: int, party: int) -> int | DomainError:
        if who == 13:
            return NotFoundError("unlucky", "13 stays at home")
        if who == 99:
            raise ZeroDivisionError("a mistake in the program")
        connection.execute(text("INSERT INTO travelled VALUES (:who, :party)"), {"who": who, "party": party})
        return who * 2


def travelled(engine: Engine) -> dict[int, int]:
    with reading(engine) as connection:
        return {row.who: row.party for row in connection.execute(text("SELECT who, party FROM travelled"))}


async def ride_together(line: Line, train: Train[int, int], *who: int) -> list[int | BaseException]:
    """The first departs alone, the others wait for it and go together."""
    first = asyncio.create_task(train.ride(0))
    await asyncio.to_thread(line.left.wait, 20)
    others = [asyncio.create_task(train.ride(each)) for each in who]
    await asyncio.sleep(0)
    line.go.set()
    await first
    return await asyncio.gather(*others, return_exceptions=True)


async def test_those_who_wait_travel_together_and_each_gets_its_own_answer(log: Engine) -> None:
    line = Line()

    answers = await ride_together(line, Train(log, line, tracks=1), 1, 13, 2)

    assert answers[::2] == [2, 4]
    assert isinstance(answers[1], NotFoundError)
    assert line.parties == [1, 3]
    assert await asyncio.to_thread(travelled, log) == {0: 1, 1: 3, 2: 3}


async def test_no_train_takes_more_than_its_seats(log: Engine) -> None:
    line = Line()

    await ride_together(line, Train(log, line, seats=2, tracks=1), 1, 2, 3, 4, 5)

    assert line.parties == [1, 2, 2, 1]


async def test_many_callers_travel_in_two_halves_so_that_one_is_read_while_the_other_travels(log: Engine) -> None:
    line, callers = Line(), range(100, 140)

    answers = await ride_together(line, Train(log, line, tracks=1), *callers)

    assert answers == [2 * who for who in callers]
    assert line.parties == [1, 21, 19]


async def test_what_breaks_a_train_breaks_only_its_own_request(log: Engine) -> None:
    line = Line()

    answers = await ride_together(line, Train(log, line, tracks=1), 1, 99, 2)

    assert answers[::2] == [2, 4]
    assert isinstance(answers[1], ZeroDivisionError)
    assert await asyncio.to_thread(travelled, log) == {0: 1, 1: 1, 2: 1}


async def test_caller_who_goes_away_holds_up_nobody(log: Engine) -> None:
    line = Line()
    train: Train[int, int] = Train(log, line, tracks=1)
    first = asyncio.create_task(train.ride(0))
    await asyncio.to_thread(line.left.wait, 20)
    gone, stays = asyncio.create_task(train.ride(1)), asyncio.create_task(train.ride(2))
    await asyncio.sleep(0)

    gone.cancel()
    line.go.set()

    assert [await first, await stays] == [0, 4]
    assert gone.cancelled()


async def test_use_case_of_one_is_undone_alone(log: Engine) -> None:
    def work(connection: Connection, who: int) -> int:
        connection.execute(text("INSERT INTO travelled VALUES (:who, 1)"), {"who": who})
        if who == 2:
            raise NotFoundError("unlucky", "2 goes back")
        return who

    train = Train(log, one_by_one(work), tracks=1)
    answers = await asyncio.gather(*(train.ride(who) for who in (1, 2, 3)), return_exceptions=True)

    assert [answers[0], answers[2]] == [1, 3]
    assert isinstance(answers[1], NotFoundError)
    assert sorted(await asyncio.to_thread(travelled, log)) == [1, 3]


async def test_busy_database_is_told_to_all(log: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_connection: Connection, _requests: Sequence[int]) -> list[int | DomainError]:
        raise BusyError

    monkeypatch.setattr("central.train.ATTEMPTS", 1)

    with pytest.raises(BusyError):
        await Train(log, busy, tracks=1).ride(1)
