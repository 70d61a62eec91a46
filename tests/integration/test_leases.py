# SPDX-License-Identifier: Apache-2.0
"""Several workers on one database: each takes its partitions, and one that was overtaken while it stood still can change nothing any more."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from sqlalchemy import Connection, Engine, func, select

from central.database import open_engine, reading, transaction
from central.exceptions.service import raise_work_order
from central.ingest.groups import Grip, Group, take_group
from central.ingest.leases import LeaseLostError, Leases, is_gone, owners, this_process
from central.ingest.registry import EventContext
from central.ingest.service import Door, Taken
from central.ingest.tables import ingest_worker, mark
from central.ledger.tables import balance, event
from central.ledger.verify import verify
from contracts.events import ItemScanned
from contracts.topics import PARTITIONS
from tests.integration.paused_worker import BATCHES, EVENTS, NOW, TERM_S, backlog, one_more

ALL = BATCHES * EVENTS
DEADLINE_S = 30.0
pytestmark = [pytest.mark.requirement("E12")]


def door(handler: Any = one_more) -> Door:
    return Door({ItemScanned: (handler,)}, raise_work_order)


def take(engine: Engine, leases: Leases, handler: Any = one_more) -> list[Taken]:
    return take_group(engine, Group(messages=backlog()), door(handler), lambda: NOW, Grip(leases.worker, dict(leases.held)))


def books(engine: Engine) -> tuple[int, int, int]:
    """The mark, the events and the milk."""
    with reading(engine) as connection:
        upto = connection.execute(select(func.coalesce(func.sum(mark.c.upto), 0))).scalar_one()
        events = connection.execute(select(func.count()).select_from(event)).scalar_one()
        return int(upto), int(events), int(connection.execute(select(func.coalesce(func.sum(balance.c.on_hand), 0))).scalar_one())


def hold_all(leases: Leases) -> None:
    """Rounds until the term of the one before is over."""
    until_s = time.monotonic() + DEADLINE_S
    while len(leases.held) < PARTITIONS:
        assert time.monotonic() < until_s, f"holds {len(leases.held)}"
        leases.keep()
        time.sleep(0.02)  # between two looks at the clock of the database


def test_worker_that_is_alone_holds_all_and_writes_no_more(engine: Engine) -> None:
    leases = Leases(engine, lambda: NOW)
    leases.keep()

    assert len(leases.held) == PARTITIONS
    assert leases.look().quiet
    assert take(engine, leases)[-1].ack is not None


def test_worker_that_did_not_hear_of_its_commit_finds_its_leases_again(engine: Engine) -> None:
    """The connection breaks after the commit and before its answer."""
    leases = Leases(engine, lambda: NOW)
    leases.keep()
    leases.held = {}

    assert not leases.look().quiet
    leases.keep()

    assert len(leases.held) == PARTITIONS
    assert leases.look().quiet


def test_second_worker_gets_its_half_and_all_when_the_first_leaves(engine: Engine) -> None:
    first, second = Leases(engine, lambda: NOW), Leases(engine, lambda: NOW)
    for each in (first, second, first, second):
        each.keep()

    with reading(engine) as connection:
        assert owners(connection) == {first.worker: PARTITIONS // 2, second.worker: PARTITIONS // 2}
    assert not set(first.held) & set(second.held)

    first.give_all()
    second.keep()

    assert len(second.held) == PARTITIONS


def test_worker_that_has_ended_on_this_machine_is_not_waited_for(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    machine, _, _ = this_process().rsplit("/", 2)
    begun = psutil.Process(ended.pid).pid
    dead = Leases(engine, lambda: NOW, process=f"{machine}/{begun}/1")
    dead.keep()
    ended.communicate()

    new = Leases(engine, lambda: NOW)
    new.keep()

    assert len(new.held) == PARTITIONS


def test_process_is_known_to_be_gone_only_on_its_own_machine() -> None:
    machine, pid, begun = this_process().rsplit("/", 2)

    assert not is_gone(this_process(), one_machine=False)
    assert is_gone(f"{machine}/{pid}/{int(begun) - 1}", one_machine=False)
    assert not is_gone(f"another-boot/pid:[1]/{pid}/{begun}", one_machine=False)
    assert is_gone(f"another-boot/pid:[1]/{pid}/{begun}", one_machine=True)


def test_commit_is_refused_when_the_lease_was_taken_over_meanwhile(engine: Engine) -> None:
    old, new = Leases(engine, lambda: NOW, term_s=0.0), Leases(engine, lambda: NOW, term_s=0.0)
    old.keep()
    grip = Grip(old.worker, dict(old.held))
    new.keep()
    hold_all(new)

    with pytest.raises(LeaseLostError):
        take_group(engine, Group(messages=backlog()), door(), lambda: NOW, grip)

    assert books(engine) == (0, 0, 0)
    assert take(engine, new)[-1].ack is not None
    assert books(engine) == (ALL, ALL, ALL)


def test_lease_that_expired_and_that_nobody_took_still_counts(engine: Engine) -> None:
    """The fence is who holds it, not what time it is."""
    leases = Leases(engine, lambda: NOW)
    leases.keep()
    with transaction(engine) as connection:
        connection.execute(ingest_worker.update().values(expires_us=1))

    take(engine, leases)

    assert books(engine) == (ALL, ALL, ALL)


@pytest.mark.slow
@pytest.mark.postgres
def test_takeover_in_the_middle_of_a_transaction_refuses_its_commit(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    old, new = Leases(engine, lambda: NOW, term_s=0.0), Leases(engine, lambda: NOW, term_s=0.0)
    old.keep()

    def overtaken(connection: Connection, context: EventContext, said: Any) -> None:
        one_more(connection, context, said)
        if context.seq == ALL:
            hold_all(new)

    with pytest.raises(LeaseLostError):
        take(engine, old, overtaken)

    assert books(engine) == (0, 0, 0)
    engine.dispose()


@pytest.fixture
def stopped(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Start `tests.integration.paused_worker` and wait until it has stopped itself."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str, where: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-m", "tests.integration.paused_worker", url, where], stdout=subprocess.PIPE, text=True)
        started.append(process)
        until_s = time.monotonic() + DEADLINE_S
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            assert process.poll() is None, "the worker ended"
            assert time.monotonic() < until_s, "the worker did not stop"
            time.sleep(0.02)  # a process that stops gives no event to wait on
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "where"),
    [("sqlite", "before"), pytest.param("postgres", "before", marks=pytest.mark.postgres), pytest.param("postgres", "inside", marks=pytest.mark.postgres)],
)
def test_worker_paused_beyond_its_lease_changes_nothing_when_it_wakes(request: pytest.FixtureRequest, stopped: Any, database: str, where: str) -> None:
    url = request.getfixturevalue(f"{database}_url")
    old = stopped(url, where)
    engine = open_engine(url)
    new = Leases(engine, lambda: NOW, term_s=TERM_S)
    hold_all(new)
    take(engine, new)
    assert books(engine) == (ALL, ALL, ALL)

    old.send_signal(signal.SIGCONT)
    said, _ = old.communicate(timeout=DEADLINE_S)

    assert "committed" not in said
    assert said.splitlines()[-1] == "lease lost"
    assert books(engine) == (ALL, ALL, ALL)
    with reading(engine) as connection:
        assert verify(connection).texts() == []
    engine.dispose()
