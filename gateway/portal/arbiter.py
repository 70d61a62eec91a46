# SPDX-License-Identifier: Apache-2.0
"""Whose a tag is that several doors of one gateway read at the same time: the door's that read it clearly stronger, else nobody's until a person decides.

A door claims the tags of its pass when its window is closed. It waits for a neighbour that still reads some of them in an open window, but no longer than that
window may last. Times are monotonic seconds of the gateway, the same for all doors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CLEAR_DB = 6.0  # the advantage at which a tag changes doors
_CLAIMS_MAX = 200
_TOGETHER_MIN = 3  # chosen: so few tags that both doors claim are judged one by one
_CLAIM_AGE_S_MAX = 600.0


class OpenWindow(NamedTuple):
    """What a door sees in a window that is not closed: since when, and how strong each tag was at most (None: not told)."""

    start_s: float
    strengths_dbm: Mapping[str, float | None]


@dataclass(frozen=True)
class Claim:
    """A pass of a door. `strengths_dbm` has the tags that moved or are in doubt, `beside_dbm` those that stood beside, each with its strongest read."""

    door: str
    start_s: float
    end_s: float
    closed_s: float
    strengths_dbm: Mapping[str, float | None]
    beside_dbm: Mapping[str, float | None] = field(default_factory=dict)

    def overlaps(self, other: Claim) -> bool:
        """Whether both happened at the same time."""
        return self.start_s <= other.end_s and other.start_s <= self.end_s


class Ruling(NamedTuple):
    """What a claim came to: tags that are a neighbour's, tags of which nobody knows whose they are, and the doors that they were seen at."""

    neighbours: frozenset[str]
    contested: frozenset[str]
    doors: tuple[str, ...]


@dataclass(frozen=True)
class _Member:
    open_window: Callable[[], OpenWindow | None]
    window_s_max: float


class Arbiter:
    """Shared by the dock doors of a gateway; a door alone never waits and loses nothing."""

    def __init__(self, clear_db: float = CLEAR_DB) -> None:
        self._clear_db = clear_db
        self._doors: dict[str, _Member] = {}
        self._claims: list[Claim] = []
        self._told: dict[tuple[str, float], frozenset[str]] = {}  # tags that were told to be a claim's

    def join(self, door: str, open_window: Callable[[], OpenWindow | None], window_s_max: float) -> None:
        """A door takes part; it tells of its open window whenever it is asked, and none of them lasts longer than `window_s_max` with settling."""
        self._doors[door] = _Member(open_window, window_s_max)

    def leave(self, door: str) -> None:
        """A door is not there any more; what it claimed counts until it is forgotten."""
        self._doors.pop(door, None)

    def claim(self, claim: Claim) -> None:
        """A window was closed with these tags."""
        if len(self._doors) > 1:
            recent = [one for one in self._claims if claim.closed_s - one.closed_s <= _CLAIM_AGE_S_MAX]
            self._claims = [*recent[-_CLAIMS_MAX:], claim]

    def wait_until_s(self, claim: Claim) -> float | None:
        """Until when a claim has to wait at most for neighbours that are still reading its tags; None: no need to."""
        waits = [claim.closed_s + member.window_s_max for door, member in self._doors.items() if door != claim.door and self._rivals(member, claim)]
        return max(waits, default=None)

    def rule(self, claim: Claim) -> Ruling:
        """Whose the tags are, by all that is claimed so far. It is told, and what a door was told to have no other one gets later."""
        ruling = self.foresee(claim)
        if len(self._doors) > 1:
            before = self._told.get((claim.door, claim.start_s), frozenset())
            self._told[claim.door, claim.start_s] = before | (frozenset(claim.strengths_dbm) - ruling.neighbours)
            known = {(one.door, one.start_s) for one in self._claims}
            self._told = {key: tags for key, tags in self._told.items() if key in known}
        return ruling

    def unsettled(self, claim: Claim) -> Ruling:
        """What has to be said of a claim should nothing more be heard of the neighbours that it waits for: what they still read is nobody's."""
        ruling = self.foresee(claim)
        contested, doors = set(ruling.contested), set(ruling.doors)
        for door, member in self._doors.items():
            window = member.open_window() if door != claim.door else None
            if window is not None and self._rivals(member, claim):
                contested |= window.strengths_dbm.keys() & claim.strengths_dbm.keys()
                doors.add(door)
        return Ruling(ruling.neighbours, frozenset(contested - ruling.neighbours), tuple(sorted(doors)))

    def foresee(self, claim: Claim) -> Ruling:
        """What `rule` would say now, without telling it."""
        neighbours, contested, doors = set[str](), set[str](), set[str]()
        for rival in self._claims:
            if rival.door == claim.door or not rival.overlaps(claim):
                continue
            whole = self._as_a_whole(claim, rival)
            for epc, own_dbm in claim.strengths_dbm.items():
                is_theirs = self._compare(own_dbm, rival, epc)
                if is_theirs is False and whole is not None:
                    is_theirs = True if whole < 0 else None
                if is_theirs is not None:
                    (neighbours if is_theirs else contested).add(epc)
                    doors.add(rival.door)
        return Ruling(frozenset(neighbours), frozenset(contested - neighbours), tuple(sorted(doors)))

    def _as_a_whole(self, claim: Claim, rival: Claim) -> float | None:
        """By how many dB the tags that both doors claim were read stronger here, when that is clear for most of them: they travel together. Else None."""
        both = [(claim.strengths_dbm[epc], rival.strengths_dbm[epc]) for epc in claim.strengths_dbm.keys() & rival.strengths_dbm.keys()]
        gains_db = sorted(own - other for own, other in both if own is not None and other is not None)
        if len(gains_db) < _TOGETHER_MIN:
            return None
        middle_db = gains_db[len(gains_db) // 2]
        already_theirs = any(epc in self._told.get((rival.door, rival.start_s), ()) for epc in claim.strengths_dbm)
        return middle_db if abs(middle_db) >= self._clear_db and not (middle_db > 0 and already_theirs) else None

    def _compare(self, own_dbm: float | None, rival: Claim, epc: str) -> bool | None:
        """True: the rival's; False: nobody knows; None: ours as far as the rival is concerned."""
        if epc in rival.strengths_dbm:
            other_dbm = rival.strengths_dbm[epc]
            if own_dbm is None or other_dbm is None:
                return False
            if own_dbm >= other_dbm + self._clear_db:
                return False if epc in self._told.get((rival.door, rival.start_s), ()) else None
            return other_dbm >= own_dbm + self._clear_db
        beside_dbm = rival.beside_dbm.get(epc)
        stood_nearer = own_dbm is not None and beside_dbm is not None and beside_dbm >= own_dbm + self._clear_db
        return True if stood_nearer else None

    def _rivals(self, member: _Member, claim: Claim) -> bool:
        window = member.open_window()
        return window is not None and window.start_s <= claim.end_s and not window.strengths_dbm.keys().isdisjoint(claim.strengths_dbm)
