# SPDX-License-Identifier: Apache-2.0
"""One stress run: writers that are killed over and over on a real database, then the audit and the replay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Engine

from benchmarks.stress import audit
from benchmarks.stress.courier import Courier, shuffled
from benchmarks.stress.operations import World
from central.database import open_engine, transaction
from central.migrations import upgrade

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Plan:
    """How hard: so many operations by `processes` times `threads` writers, all killed `kill_every_s` seconds after they began; at most for `give_up_s`.

    With `kill_every_messages` they are killed after so many answers instead, however fast the machine is.
    """

    operations: int = 20_000
    processes: int = 4
    threads: int = 16
    kill_every_s: float = 10.0
    kill_every_messages: int = 0
    seed: int = 1
    give_up_s: float = 3600.0
    world: World = field(default_factory=World)


@dataclass
class Report:
    """What came of it. `findings` empty: everything that must hold holds."""

    findings: list[str]
    figures: dict[str, Any]


class Writers:
    """The processes that write."""

    def __init__(self, database: str, port: int, plan: Plan, log: IO[bytes]) -> None:
        self._command = [sys.executable, "-m", "benchmarks.stress.writer", database, str(port), str(plan.threads)]
        self._plan, self._log = plan, log
        self._running: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    def start(self) -> None:
        """Begin anew with all of them."""
        self._running = [subprocess.Popen(self._command, cwd=_ROOT, stdout=self._log, stderr=self._log) for _ in range(self._plan.processes)]

    def kill(self) -> None:
        """SIGKILL: nothing is finished, closed or told to anybody."""
        for each in self._running:
            each.kill()
            self.kills += 1
        self.wait(10)

    def wait(self, seconds: float) -> None:
        """Until all have ended. Raises: subprocess.TimeoutExpired."""
        for each in self._running:
            each.wait(seconds)


def run(database: str, plan: Plan) -> Report:
    """Run the plan on an empty database that may be migrated already; the replay is done on an SQLite file beside it."""
    engine = open_engine(database)
    upgrade(engine)
    with transaction(engine) as connection:
        plan.world.furnish(connection)
    operations = list(plan.world.operations(plan.operations, plan.seed))
    messages = shuffled(operations, plan.seed)
    courier = Courier(messages)
    began_s = time.monotonic()
    with tempfile.NamedTemporaryFile(prefix="dockline-stress-", suffix=".log") as log:
        writers = Writers(database, courier.port, plan, log)
        _fight(courier, writers, plan)
        complaints = Path(log.name).read_text(errors="replace")
    took_s = time.monotonic() - began_s
    courier.close()
    found = audit.examine(engine, operations, courier.first_answers)
    found.figures |= {"operations": len(operations), "messages": len(messages), "writers": plan.processes * plan.threads, "kills": writers.kills}
    found.figures |= {"took_s": round(took_s, 1), "messages_per_s": round(len(messages) / took_s, 1), "answers": dict(courier.counts)}
    found.figures["complaints"] = complaints.count("comes again")
    if "Traceback" in complaints:
        found.findings.append(f"a writer broke: {complaints[complaints.index('Traceback') :][:3000]}")
    found.figures["replayed_hash"] = _replayed(engine, plan, operations, found)
    engine.dispose()
    return Report(found.findings, found.figures)


def _fight(courier: Courier, writers: Writers, plan: Plan) -> None:
    ends_at_s = time.monotonic() + plan.give_up_s
    writers.start()
    alive_since_s, killed_at = 0.0, 0
    while not courier.finished.wait(0.1) and time.monotonic() < ends_at_s:
        answered, now_s = courier.answered, time.monotonic()
        # Starting takes longer than the interval on a busy machine: it counts from the first answer, else nothing would ever be done.
        alive_since_s = alive_since_s or (now_s if answered > killed_at else 0.0)
        by_time = alive_since_s and now_s - alive_since_s >= plan.kill_every_s
        due = answered - killed_at >= plan.kill_every_messages if plan.kill_every_messages else by_time
        if due:
            writers.kill()
            writers.start()
            alive_since_s, killed_at = 0.0, answered
    if courier.finished.is_set():
        writers.wait(60)
    else:
        writers.kill()


def _replayed(engine: Engine, plan: Plan, operations: list[Any], found: audit.Audit) -> str:
    with tempfile.TemporaryDirectory(prefix="dockline-replay-") as folder:
        other = open_engine(f"sqlite:///{folder}/replay.db")
        upgrade(other)
        try:
            replayed = audit.replay(other, plan.world, audit.in_true_order(engine, operations), at_once=50)
        except (AssertionError, ValueError) as error:
            found.findings.append(f"replay: {error}")
            return ""
        finally:
            other.dispose()
    if replayed != found.figures["hash"]:
        found.findings.append(f"replay: the state has hash {replayed}, after the run it was {found.figures['hash']}")
    return replayed
