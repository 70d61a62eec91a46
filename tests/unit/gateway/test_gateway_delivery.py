# SPDX-License-Identifier: Apache-2.0
"""What the uplink does about silence, in virtual time: nothing here waits, and no broker is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest

from contracts import wire
from contracts.events import LANES, Lane
from gateway.clock import Instant
from gateway.delivery import PROBE_S, Delivery, FruitlessError, NumbersInDoubtError, SilentError
from gateway.metrics import Metrics
from gateway.outbox import OutboxFullError, StoredBatch
from gateway.store import Store
from tests.unit.gateway.virtual_time import instant

pytestmark = pytest.mark.requirement("E12")


@dataclass
class FakeLevel:
    acked: int = 0
    accepted: int = 0
    oldest_kept: int = 1
    pending: int = 0


@dataclass
class FakeStore:
    """Events are numbers; everything that is asked for is there at once."""

    known: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    levels: dict[Lane, FakeLevel] = field(default_factory=lambda: {lane: FakeLevel() for lane in LANES})
    rewound: list[tuple[Lane, int]] = field(default_factory=list)
    epoch: str = "e"
    next_telemetry_row: int = 1
    must_begin_epoch: bool = False
    is_live: bool = False
    is_full: bool = False
    epochs_begun: int = 0

    class changed:  # noqa: N801  # stands for an asyncio.Event that nobody waits for
        @staticmethod
        def set() -> None:
            pass

    def level(self, lane: Lane) -> FakeLevel:
        return self.levels[lane]

    async def batch_after(self, lane: Lane, seq: int, live_from_row: int) -> StoredBatch | None:
        count = min(50, self.levels[lane].accepted - seq)
        return StoredBatch(lane, seq + 1, (b"{}",) * count, self.epoch) if count > 0 else None

    async def acknowledge(self, lane: Lane, upto: int) -> None:
        self.levels[lane].acked = max(self.levels[lane].acked, upto)

    async def rewind(self, lane: Lane, upto: int) -> int:
        self.rewound.append((lane, upto))
        self.levels[lane].acked = upto
        return upto

    async def answered(self) -> None:
        self._note()

    async def begin_epoch(self, central_has: Mapping[Lane, int]) -> str:
        self._note()
        self.epochs_begun += 1
        return "e2"

    def _note(self) -> None:
        if self.is_full:
            raise OutboxFullError("the disk takes no more")


@dataclass
class Link:
    """A delivery over a link with a broker that answers at once, or not, and a central that does, or not."""

    brokers: int = 1
    broker_answers: bool = True
    central_answers: bool = True
    now_s: float = 100.0
    heard_s: float = 100.0
    sent: list[tuple[float, StoredBatch]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = FakeStore()
        self.marks: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self.delivery = Delivery(cast("Store", self.store), self.now, Metrics(), lambda: self.heard_s, self.brokers)

    def now(self) -> Instant:
        return instant(self.now_s)

    async def turn(self) -> None:
        """What `Uplink` does each time something changed or is due."""
        self.delivery.check()
        while (batch := await self.delivery.next_batch()) is not None:
            self.sent.append((self.now_s, batch))
            if self.broker_answers:
                self.heard_s = self.now_s
                if self.central_answers:
                    await self.acknowledge(batch)

    async def acknowledge(self, batch: StoredBatch) -> None:
        gap = batch.first_seq > self.marks[batch.lane] + 1
        if not gap:
            self.marks[batch.lane] = max(self.marks[batch.lane], batch.last_seq)
        await self.delivery.on_ack(wire.Ack(epoch="e", lane=batch.lane, upto=self.marks[batch.lane], resend=gap))

    async def until(self, end_s: float, each_s: Callable[[], None] | None = None) -> None:
        """Let time pass: to each deadline, and to each second."""
        while self.now_s < end_s:
            deadline_s = self.delivery.deadline_s()
            self.now_s = min(end_s, self.now_s + 1.0, max(self.now_s, deadline_s) if deadline_s is not None else end_s)
            if each_s is not None:
                each_s()
            await self.turn()


async def started(link: Link, accepted: int = 0) -> Link:
    link.delivery.reconnected()
    await link.turn()
    link.store.levels["movements"].accepted = accepted
    await link.turn()
    link.sent.clear()
    return link


async def died_after_s(link: Link, each_s: Callable[[], None] | None = None) -> float:
    """When the delivery gives the link up, in seconds after the first batch that gets no answer."""
    with pytest.raises(SilentError):
        await link.until(link.now_s + 60, each_s)
    return link.now_s - link.sent[0][0]


@pytest.mark.parametrize("events", [1, 50, 5000])
async def test_silent_link_is_given_up_within_three_seconds_of_the_first_batch_without_answer(events: int) -> None:
    link = await started(Link())
    link.broker_answers = False
    link.store.levels["movements"].accepted += events
    await link.turn()

    assert await died_after_s(link) < 3.0


async def test_silent_link_is_given_up_as_early_when_only_telemetry_trickles() -> None:
    link = await started(Link())
    link.broker_answers = False

    def trickle() -> None:
        link.store.levels["telemetry"].accepted += 1

    trickle()
    await link.turn()
    assert await died_after_s(link, trickle) < 3.0


async def test_link_that_dies_between_the_brokers_answer_and_centrals_is_given_up_as_early() -> None:
    link = await started(Link())
    link.central_answers = False
    link.store.levels["movements"].accepted += 1
    await link.turn()
    assert link.heard_s == link.now_s
    link.broker_answers = False

    assert await died_after_s(link) < 3.0


async def test_question_without_answer_is_asked_again_and_then_the_link_is_given_up() -> None:
    link = Link(broker_answers=False)
    link.delivery.reconnected()
    await link.turn()

    assert await died_after_s(link) < 3.0
    assert [len(batch.events) for _, batch in link.sent] == [0, 0]


async def test_central_that_says_nothing_behind_a_broker_that_answers_is_waited_for_longer() -> None:
    link = await started(Link())
    link.central_answers = False
    link.store.levels["movements"].accepted += 1
    with pytest.raises(FruitlessError):
        await link.until(link.now_s + 60)

    assert 4.0 < link.now_s - link.sent[0][0] < 6.0
    assert len(link.sent) == 3


async def test_with_another_broker_to_go_to_a_central_that_says_nothing_is_left_within_three_seconds() -> None:
    link = await started(Link(brokers=2))
    link.central_answers = False
    link.store.levels["movements"].accepted += 1
    with pytest.raises(FruitlessError):
        await link.until(link.now_s + 60)

    assert link.now_s - link.sent[0][0] < 3.0


async def test_central_that_said_goodbye_is_knocked_at_now_and_then_and_the_link_is_kept() -> None:
    link = await started(Link())
    link.delivery.on_central(wire.CentralState(online=False, session_id="c"))
    link.central_answers = False
    link.store.levels["movements"].accepted += 500
    await link.until(link.now_s + 60)

    assert 6 <= len(link.sent) <= 2 * 60 / PROBE_S
    link.central_answers = True
    link.delivery.on_central(wire.CentralState(online=True, session_id="d"))
    await link.turn()
    assert link.marks["movements"] == 500


async def test_link_that_dies_while_central_is_away_is_given_up_within_three_seconds_of_the_next_knock() -> None:
    link = await started(Link())
    link.delivery.on_central(wire.CentralState(online=False, session_id="c"))
    link.central_answers = False
    link.store.levels["movements"].accepted += 1
    await link.until(link.now_s + 20)
    link.broker_answers = False
    link.sent.clear()

    assert await died_after_s(link) < 3.0


async def test_slow_central_that_gets_on_is_neither_sent_to_again_nor_left() -> None:
    link = await started(Link())
    link.central_answers = False
    link.store.levels["movements"].accepted += 5000
    await link.turn()
    for _ in range(40):
        _, oldest = min(link.sent, key=lambda each: (each[1].first_seq <= link.marks["movements"], each[1].first_seq))
        await link.until(link.now_s + 0.9)
        await link.acknowledge(oldest)
        await link.turn()

    assert len({batch.first_seq for _, batch in link.sent}) == len(link.sent)


async def test_central_that_lost_what_is_still_kept_gets_it_again() -> None:
    link = await started(Link(), accepted=300)
    link.store.levels["movements"].oldest_kept = 101
    link.marks["movements"] = 150
    link.store.levels["movements"].accepted += 1
    await link.until(link.now_s)
    link.delivery = Delivery(cast("Store", link.store), link.now, Metrics(), lambda: link.heard_s)

    await link.turn()

    assert link.store.rewound == [("movements", 150)]
    assert link.marks["movements"] == 301
    assert next(batch.first_seq for _, batch in link.sent if batch.events) == 151


@pytest.mark.parametrize("begins_epoch", [False, True])
async def test_answer_that_a_full_disk_does_not_let_be_noted_is_asked_for_again_before_anything_is_sent(begins_epoch: bool) -> None:
    """Else the next start takes what was sent meanwhile for another copy's, or events of a new epoch go under old numbers."""
    link = Link()
    link.store.levels["movements"].accepted = 5
    link.store.is_full = True
    link.marks["movements"] = 900 if begins_epoch else 0
    link.delivery.reconnected()
    with pytest.raises(OutboxFullError):
        await link.turn()

    link.delivery.reconnected()
    with pytest.raises(OutboxFullError):
        await link.turn()
    assert not any(batch.events for _, batch in link.sent)

    link.store.is_full = False
    link.delivery.reconnected()
    if begins_epoch:
        with pytest.raises(NumbersInDoubtError):
            await link.turn()
        assert link.store.epochs_begun == 1
        assert not any(batch.events for _, batch in link.sent)
    else:
        await link.turn()
        assert [batch.first_seq for _, batch in link.sent if batch.events] == [1]
