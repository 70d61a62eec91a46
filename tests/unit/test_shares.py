# SPDX-License-Identifier: Apache-2.0
"""How partitions are shared out: everybody gets his part, nothing is held twice, and it settles."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from central.ingest.shares import TERM_S, Lease, Plan, Worker, plan
from contracts.topics import PARTITIONS

pytestmark = [pytest.mark.requirement("E12")]
SECOND_US = 1_000_000


@dataclass
class Table:
    """What the database keeps."""

    now_us: int = 0
    speak: dict[str, int | None] = field(default_factory=dict)
    leases: dict[int, Lease] = field(default_factory=dict)

    def round(self, me: str) -> Plan:
        done = plan(me, self.now_us, [Worker(name, expires_us) for name, expires_us in self.speak.items()], self.leases)
        self.speak[me] = done.expires_us
        for name in done.ask:
            self.speak[name] = self.now_us + int(TERM_S * SECOND_US)
        for name in done.bury:
            del self.speak[name]
        for partition in done.give:
            self.leases[partition] = Lease("", self.leases[partition].fence)
        for partition in done.take:
            before = self.leases.get(partition, Lease("", 0))
            self.leases[partition] = Lease(me, before.fence + 1)
        return done

    def held(self, me: str) -> int:
        return sum(lease.owner == me for lease in self.leases.values())


def test_worker_that_is_alone_takes_all_and_then_has_nothing_to_write() -> None:
    table = Table()

    table.round("a")

    assert table.held("a") == PARTITIONS
    table.now_us += 3600 * SECOND_US
    assert table.round("a").quiet


@pytest.mark.parametrize("workers", [2, 3, 5, 64, 70])
def test_workers_that_come_one_after_the_other_end_with_equal_shares(workers: int) -> None:
    table, names = Table(), [f"w{n}" for n in range(workers)]
    for known in range(1, workers + 1):
        for name in names[:known]:
            table.round(name)
            table.now_us += 1000
    for name in names * 2:
        table.round(name)

    shares = [table.held(name) for name in names]
    assert sum(shares) == PARTITIONS
    assert max(shares) <= -(-PARTITIONS // workers)


def test_worker_that_was_alone_and_died_is_given_a_term_to_answer() -> None:
    table = Table()
    table.round("dead")
    table.now_us += 3600 * SECOND_US

    table.round("new")
    assert table.held("new") == 0
    table.now_us += int((TERM_S - 1) * SECOND_US)
    table.round("new")
    assert table.held("new") == 0
    table.now_us += 2 * SECOND_US
    table.round("new")

    assert table.held("new") == PARTITIONS
    assert {lease.fence for lease in table.leases.values()} == {2}


def test_worker_that_has_ended_for_certain_is_not_waited_for() -> None:
    done = plan("new", 0, [Worker("dead", None, gone=True)], {7: Lease("dead", 4)})

    assert (len(done.take), list(done.bury), done.expires_us) == (PARTITIONS, ["dead"], None)


def test_worker_that_is_alone_again_needs_to_speak_no_more() -> None:
    table = Table()
    for name in ("a", "b", "a", "b"):
        table.round(name)
    del table.speak["b"]
    table.leases = {partition: Lease("" if lease.owner == "b" else lease.owner, lease.fence) for partition, lease in table.leases.items()}

    table.round("a")

    assert table.held("a") == PARTITIONS
    assert table.speak == {"a": None}
    assert table.round("a").quiet


@pytest.mark.parametrize("seed", range(20))
def test_shares_settle_whatever_comes_and_dies(seed: int) -> None:
    chance, table, alive = random.Random(seed), Table(), ["w0"]
    for n in range(1, 60):
        table.now_us += chance.randint(0, int(TERM_S * SECOND_US) // 2)
        if chance.random() < 0.2:
            alive.append(f"w{n}")
        if chance.random() < 0.2 and len(alive) > 1:
            alive.remove(chance.choice(alive))
        for name in alive:
            table.round(name)
    for _ in range(8):
        table.now_us += int(TERM_S * SECOND_US) // 3
        for name in alive:
            table.round(name)

    assert sum(table.held(name) for name in alive) == PARTITIONS, f"seed {seed}"
    assert set(table.speak) == set(alive), f"seed {seed}"
