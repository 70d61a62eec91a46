# SPDX-License-Identifier: Apache-2.0
"""Leases: which worker takes the gateways of which partition, and the fence that refuses what one does that has lost them.

A worker that is alone writes nothing to keep its leases: it looks every two seconds, which costs no disk. One that comes asks it to speak within a term,
and from then on each speaks once a round, one row for all its partitions. Time is PostgreSQL's, or with SQLite the time since this machine's boot: setting a
clock moves neither.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, text, update

from central.database import in_transaction, insert_or_leave, reading, take_turns
from central.errors import BusyError
from central.ingest.shares import TERM_S, Lease, Plan, Worker, plan
from central.ingest.tables import ingest_worker, lease

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


class LeaseLostError(BusyError):
    """Another worker has taken over a partition of this transaction: none of it may be committed."""


def read_boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


@cache
def _machine() -> str:
    """This boot and this space of process numbers (a container has its own)."""
    return f"{read_boot_id()}/{_PIDS.readlink() if _PIDS.exists() else ''}"


def _begun(process: int) -> str | None:
    """When a process of this machine began, in clock ticks since the boot (proc_pid_stat(5), field 22); None: there is none."""
    try:
        said = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = said.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


def this_process() -> str:
    """Names this process so that another one on the same machine can see whether it still is."""
    return f"{_machine()}/{os.getpid()}/{_begun(os.getpid())}"


def is_gone(process: str, *, one_machine: bool) -> bool:
    """Whether that process has ended for certain. `one_machine`: all workers share this one, so that one of another boot has ended with it."""
    machine, number, begun = process.rsplit("/", 2)
    if machine == _machine():
        return _begun(int(number)) != begun
    return one_machine and machine.split("/", 1)[0] != read_boot_id()


class Leases:
    """The leases of one worker. `held` are its partitions with their fences; whoever takes events passes them to `check`."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], process: str = "", term_s: float = TERM_S) -> None:
        self.worker = secrets.token_hex(8)
        self.held: Mapping[int, int] = {}
        self._engine = engine
        self._clock = clock
        self._process = process or this_process()
        self._term_s = term_s
        self._one_machine = engine.dialect.name == "sqlite"

    def look(self) -> Plan:
        """What this round asks for; reads only. Raises: SQLAlchemyError."""
        with reading(self._engine) as connection:
            planned = self._plan(connection)
        # A commit of which no word came back: the database knows of leases that this worker does not.
        return planned if planned.held == self.held else replace(planned, quiet=False)

    def keep(self) -> None:
        """Say that this worker lives, take what is free and due to it, give back what is too much. Raises: BusyError, SQLAlchemyError."""
        self.held = in_transaction(self._engine, self._keep)

    def _plan(self, connection: Connection) -> Plan:
        rows = connection.execute(select(ingest_worker.c.id, ingest_worker.c.expires_us, ingest_worker.c.process))
        workers = [Worker(row.id, row.expires_us, is_gone(row.process, one_machine=self._one_machine)) for row in rows]
        leases = {row.partition: Lease(row.owner, row.fence) for row in connection.execute(select(lease))}
        return plan(self.worker, _now_us(connection), workers, leases, self._term_s)

    def _keep(self, connection: Connection) -> Mapping[int, int]:
        take_turns(connection, "leases")  # two workers that both see a free partition do not both take it
        planned = self._plan(connection)
        self._speak(connection, planned)
        if planned.ask:
            limit_us = _now_us(connection) + int(self._term_s * 1e6)
            asked = ingest_worker.c.id.in_(planned.ask) & ingest_worker.c.expires_us.is_(None)
            connection.execute(update(ingest_worker).where(asked).values(expires_us=limit_us))
        if planned.bury:
            connection.execute(delete(ingest_worker).where(ingest_worker.c.id.in_(planned.bury)))
        _give(connection, self.worker, planned.give)
        taken = _take(connection, self.worker, planned.take)
        return {partition: fence for partition, fence in planned.held.items() if partition not in planned.give} | taken

    def _speak(self, connection: Connection, planned: Plan) -> None:
        row = {"id": self.worker, "process": self._process, "begun_at": self._clock(), "expires_us": planned.expires_us}
        said = insert_or_leave(connection, ingest_worker).values(**row)
        connection.execute(said.on_conflict_do_update(index_elements=[ingest_worker.c.id], set_={"expires_us": planned.expires_us}))

    def give_all(self) -> None:
        """An orderly end: nobody has to wait for this worker's term. Raises: BusyError, SQLAlchemyError."""
        held, self.held = self.held, {}
        in_transaction(self._engine, lambda connection: self._leave(connection, held))

    def _leave(self, connection: Connection, held: Collection[int]) -> None:
        _give(connection, self.worker, held)
        connection.execute(delete(ingest_worker).where(ingest_worker.c.id == self.worker))


def check(connection: Connection, worker: str, held: Mapping[int, int], partitions: Collection[int]) -> None:
    """The last statement of a transaction that moves marks: these partitions are still this worker's. Who takes one over waits for the commit.

    Raises: LeaseLostError.
    """
    mine = select(lease.c.partition, lease.c.fence).where(lease.c.owner == worker, lease.c.partition.in_(sorted(set(partitions)))).order_by(lease.c.partition)
    found: dict[int, int] = {row.partition: row.fence for row in connection.execute(mine.with_for_update(read=True))}
    if any(found.get(partition, -1) != held.get(partition) for partition in partitions):
        raise LeaseLostError


def bound(connection: Connection, term_s: float = TERM_S) -> None:
    """The first statement of such a transaction: a worker that stands still in its middle keeps its locks for a term, not for ever (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('idle_in_transaction_session_timeout', :term, true)"), {"term": f"{int(term_s * 1000)}"})


def _now_us(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")).scalar_one())
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def _take(connection: Connection, worker: str, partitions: Collection[int]) -> dict[int, int]:
    if not partitions:
        return {}
    made: Any = insert_or_leave(connection, lease)
    rows = [{"partition": partition, "owner": worker, "fence": 1} for partition in partitions]
    kept = made.values(rows).on_conflict_do_update(index_elements=[lease.c.partition], set_={"owner": worker, "fence": lease.c.fence + 1})
    return {row.partition: row.fence for row in connection.execute(kept.returning(lease.c.partition, lease.c.fence))}


def _give(connection: Connection, worker: str, partitions: Collection[int]) -> None:
    """What another one has taken over meanwhile stays with it."""
    if partitions:
        mine = lease.c.owner == worker
        connection.execute(update(lease).where(mine, lease.c.partition == bindparam("given")).values(owner=""), [{"given": each} for each in partitions])


def owners(connection: Connection) -> Mapping[str, int]:
    """How many partitions each worker holds that holds any."""
    query = select(lease.c.owner, func.count()).where(lease.c.owner != "").group_by(lease.c.owner)
    return {row[0]: int(row[1]) for row in connection.execute(query)}
