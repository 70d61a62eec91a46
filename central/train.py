# SPDX-License-Identifier: Apache-2.0
"""Trains: requests that come at the same time share one transaction (group commit), and each gets its own answer.

A request that finds no train under way departs at once and alone; those that come while trains are under way wait and go together with the next. So a
quiet service answers as fast as without trains, and a busy one pays for the way to the database and back, the fences and the commit once for up to 64.
Callers that come back as soon as they have their answers are kept in two halves: while one half travels, the answers of the other are written and its next
requests read. All in one train, the program would wait for the database and then the database for the program.
A request that its use case refuses gets its error in its place; should anything else go wrong with a full train, everybody on it travels again, alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

from fastapi import Request
from sqlalchemy import Connection, Engine

from central.changes import Changes
from central.database import in_transaction, savepoint
from central.errors import BusyError, DomainError

Q = TypeVar("Q")
A = TypeVar("A")

SEATS: Final = 64
SEATS_OF_LISTS: Final = 256
"""Of lines where one request brings many riders, and all are done in few statements: one such train costs a third less than four small ones."""
ATTEMPTS: Final = 12
_UNDIVIDED: Final = 16
"""So many always travel together: what a train costs by itself is then more than what going in two halves saves."""
_HELD_UP_S: Final = 0.5
"""A train takes a tenth of this; one that takes longer waits for somebody, and must not make everybody wait."""

Journey = Callable[[Connection, Sequence[Q]], Sequence[A | DomainError]]
"""What a train does in its transaction: an answer, or the error of the use case, for each request in turn."""


class Train(Generic[Q, A]):
    """One line of trains. `tracks` of them may be under way at once, and one more while all of them are held up (by another's fences).

    One track is best: 64 clients got a quarter (hot) to two fifths (cold) more done than over two; fuller trains cost less, and two threads share one GIL.
    """

    def __init__(self, engine: Engine, journey: Journey[Q, A], changes: Changes | None = None, *, seats: int = SEATS, tracks: int = 1) -> None:
        self._engine = engine
        self._journey = journey
        self._changes = changes
        self._seats = seats
        self._tracks = tracks
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._under_way: dict[asyncio.Task[None], float] = {}
        self._called = False

    async def ride(self, request: Q) -> A:
        """Do a request with the next train.

        Raises: DomainError: its use case refuses it. BusyError: the database was too busy; nothing was done.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((request, answer))
        if not self._called:
            # Not at once: what the loop has already read from other connections comes along.
            self._called = True
            loop.call_soon(self._depart)
        return await answer

    def _depart(self, arrived: int = 0) -> None:
        """Fill free trains; `arrived` riders just have their answers and may be back at once."""
        self._called = False
        loop = asyncio.get_running_loop()
        while self._waiting and self._free_track(loop.time()):
            half = max(_UNDIVIDED, (len(self._waiting) + arrived + 1) // 2) if arrived else self._seats
            riders = [self._waiting.popleft() for _ in range(min(self._seats, half, len(self._waiting)))]
            task = loop.create_task(self._travel(riders), name="train")
            self._under_way[task] = loop.time()
            task.add_done_callback(partial(self._arrived, len(riders)))
            loop.call_later(_HELD_UP_S, self._depart)

    def _free_track(self, now_s: float) -> bool:
        held_up = all(now_s - departed_s >= _HELD_UP_S for departed_s in self._under_way.values())
        return len(self._under_way) < self._tracks + held_up

    def _arrived(self, riders: int, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._depart(riders)

    async def _travel(self, riders: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        (answers,) = await asyncio.gather(asyncio.to_thread(self._do, [request for request, _ in riders]), return_exceptions=True)
        if not isinstance(answers, BaseException):
            for (_, waiting), answer in zip(riders, answers, strict=True):
                _tell(waiting, answer)
            if self._changes is not None:
                self._changes.tell()
        elif len(riders) == 1 or isinstance(answers, BusyError):
            for _, waiting in riders:
                _tell(waiting, answers)
        else:
            for each in riders:
                await self._travel([each])

    def _do(self, requests: Sequence[Q]) -> Sequence[A | DomainError]:
        return in_transaction(self._engine, lambda connection: self._journey(connection, requests), ATTEMPTS)


def line_of(request: Request, name: str, journey: Journey[Q, A], seats: int = SEATS) -> Train[Q, A]:
    """The service's line of trains of that name, made with the first request."""
    state = request.app.state
    if not hasattr(state, "trains"):
        state.trains = {}
    trains: dict[str, Train[Any, Any]] = state.trains
    if name not in trains:
        trains[name] = Train(state.engine, journey, state.changes, seats=seats)
    return trains[name]


def _tell(waiting: asyncio.Future[A], answer: A | BaseException) -> None:
    if waiting.done():
        # Its caller went away.
        return
    if isinstance(answer, BaseException):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)


def one_by_one(work: Callable[[Connection, Q], A]) -> Journey[Q, A]:
    """A journey of a use case that knows one request only: each in a savepoint of its own. Take all fences before, or trains run into each other."""

    def journey(connection: Connection, requests: Sequence[Q]) -> list[A | DomainError]:
        return [_alone(connection, work, request) for request in requests]

    return journey


def _alone(connection: Connection, work: Callable[[Connection, Q], A], request: Q) -> A | DomainError:
    try:
        with savepoint(connection):
            return work(connection, request)
    except BusyError:
        raise
    except DomainError as error:
        return error
