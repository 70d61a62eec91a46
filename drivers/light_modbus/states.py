# SPDX-License-Identifier: Apache-2.0
"""What a session remembers of tags and units, and what outlives it. Times are monotonic seconds."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from drivers.base.modbus.frames import Request
from drivers.light_modbus.tags import LitTag

PAUSE_FACTOR = 60.0  # a dead unit costs the line one part in sixty of its time, less than 2 %
LIT_PAUSE_S, LIT_PATIENCE_S = 1.8, 10.0  # chosen: a lit tag that was without power for less than ten seconds is lit again within 2 s of its return
DARK_PAUSE_S_MAX = 60.0  # chosen


@dataclass
class Memory:
    """What shall be lit and which keys were down outlives connections: a press while the line was away counts, the same press twice does not."""

    lit: dict[int, LitTag] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)
    """The quantity that people counted the display of a tag to, by keys that the tag itself does not count."""
    active: dict[int, frozenset[int]] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    """Tags that have shown what they shall show: a press of them answers it. One that came before was of a dark tag."""


@dataclass
class Unit:
    """A Modbus unit. `retry_at_s`: nothing is asked of it before; `faulty`: it was reported."""

    failures: int = 0
    retry_at_s: float = float("-inf")
    pause_s: float = 0.0
    faulty: bool = False
    faulty_since_s: float = 0.0

    def answered(self) -> None:
        """It is there."""
        self.failures, self.retry_at_s, self.pause_s, self.faulty = 0, float("-inf"), 0.0, False

    def give_up(self, now_s: float, cost_s: float, *, lit: bool) -> None:
        """It is asked again after a pause: soon while it is news and something there is lit, then less often, ever less where nothing is."""
        if not self.faulty:
            self.faulty, self.faulty_since_s = True, now_s
        shortest_s = max(PAUSE_FACTOR * cost_s, LIT_PAUSE_S)
        if lit:
            self.pause_s = LIT_PAUSE_S if now_s - self.faulty_since_s < LIT_PATIENCE_S else shortest_s
        else:
            self.pause_s = min(max(2 * self.pause_s, shortest_s), max(DARK_PAUSE_S_MAX, shortest_s))
        self.retry_at_s = now_s + self.pause_s


@dataclass
class Tag:
    """A tag. `todo`: what is still to be written; `seen`: its keys were read; `stated`: it was told what it shall show, since `stated_at_s`."""

    buzzing: bool = False
    todo: list[Request] = field(default_factory=list)
    latched: int = 0
    seen: bool = False
    stated: bool = False
    stated_at_s: float = float("-inf")
    pressed_at_s: float = float("-inf")
    down_since_s: dict[int, float] = field(default_factory=dict)
    up_since_s: dict[int, float] = field(default_factory=dict)
    checked_at_s: float = float("-inf")


@dataclass(eq=False)
class Poll:
    """One request that asks for the keys of one or more tags."""

    request: Request
    nodes: list[int]
    due_s: float = float("inf")


class Agenda:
    """Polls by when they are due."""

    def __init__(self, polls: Iterable[Poll]) -> None:
        self.polls = list(polls)
        self._heap: list[tuple[float, int, Poll]] = []
        self._count = 0

    def set(self, poll: Poll, due_s: float) -> None:
        """From now on it is due then."""
        poll.due_s = due_s
        self._count += 1
        heapq.heappush(self._heap, (due_s, self._count, poll))

    def hasten(self, poll: Poll, due_s: float) -> None:
        """It is due then, if not before."""
        if due_s < poll.due_s:
            self.set(poll, due_s)

    def first(self) -> Poll:
        """The one that is due first; all of them must have been set."""
        while self._heap[0][0] != self._heap[0][2].due_s:
            heapq.heappop(self._heap)
        return self._heap[0][2]
