# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is on a line that several devices share, without any input or output.

A half-duplex line carries one exchange at a time. The session of a device that can share says what it wants the line for, is granted it, and holds
it until its exchange is over, and with it the time in which a late reply may still come: so the drain rule of one device protects all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

SILENCE_S = 0.05  # as DRAIN_SILENCE_S of Modbus: measured, it ends every burst of late replies at 9600 baud
PASSED_OVER_MAX = 8  # chosen: at 7 ms an exchange (115200 baud) whoever waits has the line after 60 ms however much the others want
_BYTES_IN_VAIN_S_MAX = 10.0  # as DRAIN_MAX_S of Modbus: a line on which somebody talks for so long without being asked is broken


class Priority(IntEnum):
    """What the line is wanted for; the smaller goes first."""

    BUTTON = 0
    WRITE = 1
    SENSOR = 2
    SCAN = 3


@runtime_checkable
class SharesLine(Protocol):
    """A session that asks for the line before it talks."""

    @property
    def wants_line(self) -> Priority | None:
        """What for; None: nothing to say now."""
        ...

    @property
    def holds_line(self) -> bool:
        """Whether its exchange, or what may still come of it, is not over."""
        ...

    @property
    def worst_reply_s(self) -> float:
        """How long after a request its reply may still come."""
        ...

    @property
    def gap_s(self) -> float:
        """Silence that the line needs before a request."""
        ...

    def shares_with(self, others: int) -> None:
        """From now on it talks only when it is granted the line, which so many others use too."""
        ...

    def grant(self, now_s: float) -> None:
        """Its turn: it asks at once, or does not want to any more."""
        ...


@dataclass
class _Member:
    session: SharesLine
    granted_at: int = 0


class Arbiter:
    """The sessions on one line: the more urgent first, fair among equals, and of every nine turns one for those who would starve.

    Times are monotonic seconds.
    """

    def __init__(self, opened_at_s: float) -> None:
        self._opened_at_s = opened_at_s
        self._members: list[_Member] = []
        self._holder: SharesLine | None = None
        self._turn = 0
        self._passed_over: dict[Priority, int] = {}
        self._quiet_from_s = float("-inf")
        self._gap_s = 0.0
        self._last_byte_s = float("-inf")
        self._stray_since_s: float | None = None

    def join(self, session: SharesLine) -> None:
        """One more. What was asked before the line was opened may be answered as late as the slowest device does."""
        self._members.append(_Member(session, self._turn))
        self._gap_s = max(self._gap_s, session.gap_s)
        self._quiet_from_s = max(self._quiet_from_s, self._opened_at_s + session.worst_reply_s)
        self._count()

    def leave(self, session: SharesLine, now_s: float) -> None:
        """One less; what it asked may still be answered."""
        if session is self._holder:
            self._quiet_from_s = max(self._quiet_from_s, now_s + session.worst_reply_s)
            self._holder = None
        self._members = [member for member in self._members if member.session is not session]
        self._count()

    def received(self, now_s: float) -> SharesLine | None:
        """Bytes came: whose they are. None: nobody was asked, and nobody is before the line is silent."""
        self._last_byte_s = now_s
        if self._is_held():
            self._stray_since_s = None
            return self._holder
        if self._stray_since_s is None:
            self._stray_since_s = now_s
        slowest_s = max((member.session.worst_reply_s for member in self._members), default=0.0)
        self._quiet_from_s = max(self._quiet_from_s, self._stray_since_s + slowest_s, now_s + SILENCE_S)
        return None

    def is_jammed(self) -> bool:
        """Whether somebody who was not asked does not stop talking."""
        return self._stray_since_s is not None and self._last_byte_s - self._stray_since_s > _BYTES_IN_VAIN_S_MAX

    def next_grant(self, now_s: float) -> SharesLine | None:
        """Who may talk now; it is granted the line by this. None: nobody wants it, or somebody has it, or it has to be silent."""
        if self._is_held() or now_s < self._free_at_s():
            return None
        self._stray_since_s = None
        while (member := self._first()) is not None:
            self._turn += 1
            member.granted_at = self._turn
            member.session.grant(now_s)
            if member.session.holds_line:
                self._holder = member.session
                return member.session
            if member.session.wants_line is not None:  # it was its turn and it did not talk: not again before something happens
                return None
        return None

    def next_deadline_s(self) -> float | None:
        """When `next_grant` is worth a try; None: not before a session changes."""
        if self._is_held() or all(member.session.wants_line is None for member in self._members):
            return None
        return self._free_at_s()

    def _count(self) -> None:
        for member in self._members:
            member.session.shares_with(len(self._members) - 1)

    def _is_held(self) -> bool:
        return self._holder is not None and self._holder.holds_line

    def _free_at_s(self) -> float:
        return max(self._quiet_from_s, self._last_byte_s + self._gap_s)

    def _first(self) -> _Member | None:
        """Of those that want the line for what is most urgent, or was passed over too often, who has waited longest."""
        wanting = [(want, member) for member in self._members if (want := member.session.wants_line) is not None]
        if not wanting:
            return None
        urgencies = sorted({want for want, _ in wanting})
        starved = [urgency for urgency in urgencies if self._passed_over.get(urgency, 0) >= PASSED_OVER_MAX]
        chosen = (starved or urgencies)[0]
        for urgency in urgencies:
            self._passed_over[urgency] = 0 if urgency == chosen else self._passed_over.get(urgency, 0) + 1
        return min((member for want, member in wanting if want == chosen), key=lambda member: member.granted_at)
