# SPDX-License-Identifier: Apache-2.0
"""How soon a conversation is back in step: driver and twin talk in virtual time, the line damages what the device says, and then something happens there.

Of what happens there at most the first may be lost, the one that ran into the damage. A conversation that gives itself up (ProtocolError, ReplyTimeout)
is begun anew, as the gateway does; then nothing more may be lost.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from drivers import registry
from drivers.base.errors import ProtocolError, ReplyTimeout
from drivers.base.session import SessionReady
from tests.conformance.entries import driver, entry, twin

HAPPENINGS_MAX = 2
_READY_S, _HEARD_S = 60.0, 90.0
_STEPS_MAX = 20_000
_CALM_S = 7.0


@dataclass
class Story:
    """What became of one driver's trials: in step after so many happenings, or begun anew; `lost` names the seeds of those that were neither."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)


class Talk:
    """A driver and its twin on a line in virtual time."""

    def __init__(self, name: str, dice: random.Random) -> None:
        self._name, self._dice, self._sample = name, dice, entry(name)
        self._device = driver(registry.load(name), self._sample.fields)
        self._twin = twin(name)
        self.now_s = 100.0
        self.damage = 0
        self.heard = 0
        self.is_ready = False
        self.begin()

    def begin(self) -> None:
        """A connection is made."""
        self.is_ready = False
        self._session = self._device.new_session()
        self._to_driver = bytearray(self._twin.connected(self.now_s))
        self._take(self._session.advance_to(self.now_s))

    def give_up(self) -> None:
        """The conversation is over; the gateway tries again a moment later."""
        self._twin.disconnected(self.now_s)
        self.now_s += 1.0
        self.begin()

    def happen(self) -> None:
        """What the sample says that happens to the device."""
        assert self._sample.stimulus
        name, arguments = self._sample.stimulus
        self._to_driver += self._twin.stimulate(name, arguments, self.now_s)

    def until(self, over_s: float, *, ready: bool = False, heard: int = 0) -> bool:
        """Let time pass until it is ready, or so many readings came, or time is over. Raises: ProtocolError, ReplyTimeout: the session gave up."""
        for _ in range(_STEPS_MAX):
            self._exchange()
            if (ready and self.is_ready) or (heard and self.heard >= heard):
                return True
            due = [each for each in (self._session.next_deadline_s(), self._twin.next_deadline_s()) if each is not None]
            next_s = max(self.now_s + 1e-4, min(due, default=over_s))
            if next_s > over_s:
                break
            self.now_s = next_s
        self.now_s = max(self.now_s, over_s)
        return False

    def _exchange(self) -> None:
        self._to_driver += self._twin.advance_to(self.now_s)
        self._take(self._session.advance_to(self.now_s))
        while (said := self._session.bytes_to_send()) or self._to_driver:
            if said:
                self._to_driver += self._twin.receive_bytes(said, self.now_s)
            if self._to_driver:
                data, self._to_driver = self._damaged(bytes(self._to_driver)), bytearray()
                if data:
                    self._take(self._session.receive_bytes(data, self.now_s))

    def _damaged(self, data: bytes) -> bytes:
        """The line hurts this once for each `damage`: bytes flipped, lost, doubled, or noise before or behind."""
        if not self.damage:
            return data
        self.damage -= 1
        at, hurt = self._dice.randrange(len(data)), bytearray(data)
        kind = self._dice.randrange(5)
        if kind == 0:
            hurt[at] ^= 1 << self._dice.randrange(8)
        elif kind == 1:
            del hurt[at:]
        elif kind == 2:
            del hurt[: at + 1]
        elif kind == 3:
            hurt[at:at] = self._dice.randbytes(self._dice.randint(1, 20))
        else:
            hurt += self._dice.randbytes(self._dice.randint(1, 20))
        return bytes(hurt)

    def _take(self, events: Any) -> None:
        for event in events:
            self.is_ready |= isinstance(event, SessionReady)
            self.heard += any(type(reading).__name__ == self._sample.reading for reading in self._device.readings(event, self.now_s))


def trial(name: str, seed: int) -> str:
    """One damaged conversation; returns how it ended: `after 1`, `after 2`, `anew`, or `lost`."""
    talk = Talk(name, random.Random(seed))  # nobody gains by guessing it
    if not talk.until(talk.now_s + _READY_S, ready=True):
        return "lost"
    talk.damage = 1 + seed % 3
    for happening in range(1, HAPPENINGS_MAX + 1):
        if happening == HAPPENINGS_MAX:
            talk.damage = 0
        before = talk.heard
        try:
            talk.happen()
            if talk.until(talk.now_s + (_HEARD_S if happening == HAPPENINGS_MAX else _CALM_S), heard=before + 1):
                return f"after {happening}"
        except (ProtocolError, ReplyTimeout):
            return _anew(talk)
    return "lost"


def _anew(talk: Talk) -> str:
    """What is a state of the device may be told with the beginning of the new conversation; what is not has to happen once more."""
    talk.damage = 0
    before = talk.heard
    talk.give_up()
    try:
        if not talk.until(talk.now_s + _READY_S, ready=True):
            return "lost"
        if not talk.until(talk.now_s + _CALM_S, heard=before + 1):
            talk.happen()
        return "anew" if talk.until(talk.now_s + _HEARD_S, heard=before + 1) else "lost"
    except (ProtocolError, ReplyTimeout):
        return "lost"


def story_of(name: str, first: int, trials: int) -> Story:
    """Some trials of one driver, by their seeds."""
    story = Story(name)
    for seed in range(first, first + trials):
        outcome = trial(name, seed)
        story.outcomes[outcome] += 1
        if outcome == "lost":
            story.lost.append(seed)
    return story
