# SPDX-License-Identifier: Apache-2.0
"""One run: a site is opened, worked in and troubled; every so often it is let come to rest and judged."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from benchmarks.chaos.audit import Audit, Seen, between
from benchmarks.chaos.books import Books
from benchmarks.chaos.faults import GATEWAYS, Fault, drawn
from benchmarks.chaos.floor import Floor
from benchmarks.chaos.office import Office
from benchmarks.chaos.trouble import Done, Trouble
from benchmarks.chaos.world import BrokerKind, DatabaseKind, World
from central.database import open_engine

_LONG_FROM_FAULTS, _LONG_FROM_S = 200, 300.0
_WARM_UP_S = 2.0
_REST_S = 90.0
_ORDERS_S = 45.0
_POLL_S = 0.1
_AFTERMATH_S = 1.5
"""What happens so long after the end of a fault counts as its doing."""
_SETTLE_S = 1.0
_EXCUSED_S = 15.0
_VERIFY_TRIES, _SEAL_S = 4, 3.0
_KINDS_OF_FINDING = ("lost", "duplicated", "drift", "unexplained")


@dataclass(frozen=True)
class Plan:
    """What to do. With `for_s` it ends after so long however many faults there were; `checkpoint_faults`: judge after so many."""

    faults: int = 20
    seed: int = 1
    for_s: float = 0.0
    pace_s: float = 1.6
    database: DatabaseKind = "sqlite"
    broker: BrokerKind = "mosquitto"
    checkpoint_faults: int = 50
    with_clocks: bool = True

    @property
    def has_long(self) -> bool:
        """Whether there is time for the holes of 20 s and 90 s."""
        return self.for_s >= _LONG_FROM_S if self.for_s else self.faults >= _LONG_FROM_FAULTS

    @property
    def command(self) -> str:
        """How to do the same again."""
        options = f"--faults {self.faults} --seed {self.seed} --database {self.database} --broker {self.broker} --pace {self.pace_s:g}"
        rest = f"{f' --for {self.for_s:g}' if self.for_s else ''}{'' if self.with_clocks else ' --without-clocks'}"
        return f'make chaos ARGS="{options}{rest}"'


@dataclass
class Report:
    """What came of it. `findings` empty: everything that must hold holds. `kept_in`: where logs and disks are, after findings."""

    plan: Plan
    figures: dict[str, Any]
    by_kind: dict[str, dict[str, Any]]
    findings: list[str]
    kept_in: str = ""


@dataclass
class Run:
    """The parts of a run that is under way."""

    plan: Plan
    world: World
    office: Office
    trouble: Trouble
    say: Callable[[str], None]
    seen: Seen = field(default_factory=Seen)
    rests_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    at_work: list[asyncio.Task[None]] = field(default_factory=list)
    """Whatever emits, presses, orders and watches, for the whole run."""

    @property
    def floors(self) -> dict[str, Floor]:
        """The floors of all gateways."""
        return self.world.floors

    def work(self, *, is_working: bool, may_press: bool) -> None:
        """Let the floors emit, and pickers press what is lit, or not."""
        for floor in self.floors.values():
            (floor.is_working.set if is_working else floor.is_working.clear)()
            (floor.may_press.set if may_press else floor.may_press.clear)()

    async def watch(self, gateway: str) -> None:
        """Ask a gateway all the time what it has accepted."""
        while True:
            health = await self.world.health(gateway)
            if health is not None:
                self.seen.add(gateway, health["epoch"], asyncio.get_running_loop().time(), health["lanes"]["movements"]["accepted"])
            await asyncio.sleep(_POLL_S)

    async def come_to_rest(self, books: Books) -> float:
        """No more emissions and faults; until both ends have the same numbers. Returns the moment up to which everything can be judged."""
        self.work(is_working=False, may_press=False)
        await self.world.heal()
        until_s = asyncio.get_running_loop().time()
        await asyncio.sleep(_SETTLE_S)
        waiting: dict[str, str] = dict.fromkeys(self.floors, "not asked yet")
        while waiting and asyncio.get_running_loop().time() - until_s < _REST_S:
            for gateway in list(waiting):
                waiting[gateway] = await self._difference(gateway, books)
                if not waiting[gateway]:
                    del waiting[gateway]
            await asyncio.sleep(_POLL_S)
        self.problems += [f"{gateway} and central did not agree within {_REST_S:g} s after the last fault: {why}" for gateway, why in waiting.items()]
        self.rests_s.append(asyncio.get_running_loop().time() - until_s)
        return until_s

    async def _difference(self, gateway: str, books: Books) -> str:
        """Why a gateway and central are not at rest on the same numbers; empty: they are."""
        before = await self.world.health(gateway)
        if before is None:
            return "the gateway does not answer"
        if any(lane["pending"] for lane in before["lanes"].values()):
            return f"pending: {before['lanes']}, uplink {before['uplink']}"
        try:
            marks = await asyncio.to_thread(books.marks)
        except SQLAlchemyError as error:  # it comes back just now
            return f"the database does not answer: {type(error).__name__}"
        after = await self.world.health(gateway)
        if after is None or after["lanes"] != before["lanes"]:
            return "it goes on"
        wrong = {lane: (level["last_seq"], marks.get((gateway, before["epoch"], lane), 0)) for lane, level in before["lanes"].items()}
        wrong = {lane: pair for lane, pair in wrong.items() if pair[0] != pair[1]}
        return f"last number and mark differ: {wrong}" if wrong else ""

    async def finish_orders(self, audit: Audit) -> None:
        """Pick until every acknowledged order is filled: what is lit by its light, what central has listed from the list."""
        self.work(is_working=False, may_press=True)
        deadline_s = asyncio.get_running_loop().time() + _ORDERS_S
        while (unfilled := await asyncio.to_thread(audit.orders_filled)) and asyncio.get_running_loop().time() < deadline_s:
            await self.office.pick_from_the_list()
            await asyncio.sleep(5 * _POLL_S)
        if unfilled:
            dark = [f"{task['bin']} (order {task['order']}, {task['state']})" for task in await self.office.open_tasks()]
            self.problems.append(f"{unfilled} pieces of acknowledged orders were not picked (negative: too many); open tasks: {', '.join(dark) or 'none'}")


async def run(plan: Plan, say: Callable[[str], None] = lambda _text: None) -> Report:
    """Do the plan in a folder of its own, which is removed unless something is found. Raises: WorldError, NoCompilerError."""
    folder = Path(tempfile.mkdtemp(prefix="dockline-chaos-"))
    floors = {gateway: Floor(gateway, plan.seed) for gateway in GATEWAYS}
    world = World(folder, plan.seed, plan.database, plan.broker, floors, plan.with_clocks)
    office = Office(world.central_url, plan.seed)
    going = Run(plan, world, office, Trouble(world, say), say)
    keep = True
    try:
        async with AsyncExitStack() as stack:
            await world.open(stack)
            report = await _whole(going, stack)
        report.findings += _deaths(going)
        keep = bool(report.findings)
        report.kept_in = str(folder) if keep else ""
        return report
    finally:
        world.close(keep=keep)


async def _whole(going: Run, stack: AsyncExitStack) -> Report:
    plan, floors = going.plan, going.floors
    engine = open_engine(going.world.database_url)
    stack.callback(engine.dispose)
    books = Books(engine)
    audit = Audit(floors, books, going.seen, going.office)
    await going.office.open_business(list(floors.values()))
    for floor in floors.values():
        for work in (floor.scan_for_ever(), floor.weigh_for_ever(), floor.pick_for_ever(), going.office.order_for_ever(floor), going.watch(floor.gateway)):
            going.at_work.append(asyncio.create_task(work))
            stack.push_async_callback(_end, going.at_work[-1])
    began_s = time.monotonic()
    going.work(is_working=True, may_press=True)
    await asyncio.sleep(_WARM_UP_S)
    for part in _parts(plan):
        if going.trouble.is_over or (plan.for_s and time.monotonic() - began_s > plan.for_s):
            break
        going.work(is_working=True, may_press=True)
        limit_s = plan.for_s - (time.monotonic() - began_s) if plan.for_s else None
        await _troubled(going, part, limit_s)
        until_s = await going.come_to_rest(books)
        await going.office.pick_from_the_list()
        await asyncio.to_thread(audit.look, until_s)
        going.say(f"       at rest after {going.rests_s[-1]:.1f} s; {len(audit.findings)} findings so far")
    await going.finish_orders(audit)
    going.problems += [f"{task.get_name()} ended: {task.exception()}" for task in going.at_work if task.done()]
    going.problems += await _verified(going.world)
    return _report(going, audit, time.monotonic() - began_s)


async def _troubled(going: Run, part: Sequence[Fault], limit_s: float | None) -> None:
    """These faults, or as many of them as there is time for."""
    making = asyncio.create_task(going.trouble.make(part))
    if limit_s is not None:
        await asyncio.wait([making], timeout=max(1.0, limit_s))
        going.trouble.is_over = not making.done()
    await making


def _parts(plan: Plan) -> Iterator[Sequence[Fault]]:
    faults = drawn(plan.seed, plan.faults, pace_s=plan.pace_s, has_long=plan.has_long, has_database=plan.database == "postgresql", has_clocks=plan.with_clocks)
    for start in range(0, len(faults), plan.checkpoint_faults):
        yield faults[start : start + plan.checkpoint_faults]


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _verified(world: World) -> list[str]:
    """Verify when nothing comes any more and the last events had time to be sealed: after a clock that ran ahead one that is not yet looks forgotten."""
    for gateway in world.floors:
        world.programs[gateway].send(signal.SIGSTOP)
    complaints: list[str] = []
    for _ in range(_VERIFY_TRIES):
        await asyncio.sleep(_SEAL_S)
        complaints = await asyncio.to_thread(_ledger_complaints, world)
        if not complaints:
            break
    for gateway in world.floors:
        world.programs[gateway].send(signal.SIGCONT)
    return complaints


def _ledger_complaints(world: World) -> list[str]:
    """What `dockline ledger verify` says against the books."""
    command = [sys.executable, "-m", "dockline", "ledger", "verify", "--database", world.database_url]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return [] if said.returncode == 0 else [f"dockline ledger verify: {said.stdout[-2000:]}{said.stderr[-2000:]}"]


def _deaths(going: Run) -> list[str]:
    """Programs that ended by themselves. One may that has a full disk under it, or a database that is away; a killed PostgreSQL until its children are gone."""
    faults = [done for done in going.trouble.done if done.fault.kind.endswith("disk_full") or done.fault.part == "database"]
    excused = [(_concerned(done), done.began_s, done.ended_s + (done.back_s or 0.0) + _EXCUSED_S) for done in faults]
    return [
        f"{program.name} ended by itself with status {ended.status} at {ended.at_s:.1f}"
        for program in going.world.programs.values()
        for ended in program.ended
        if not any(program.name in names and since_s <= ended.at_s <= until_s for names, since_s, until_s in excused)
    ]


def _concerned(done: Done) -> Sequence[str]:
    """The programs that a full disk or a dead database can take along."""
    name = done.fault.part.split()[-1]
    return ("central", "database") if name in ("central", "database") else (name,)


def _report(going: Run, audit: Audit, took_s: float) -> Report:
    done, books = going.trouble.done, audit.books
    lost = sum(each.count for each in audit.findings if each.kind == "lost")
    applied = sum(len(lane.at_s) for lane in books.lanes.values())
    figures: dict[str, Any] = {
        "faults": len(done),
        "took_s": round(took_s, 1),
        "accepted": applied + lost,
        "applied": applied,
        **{kind: sum(each.count for each in audit.findings if each.kind == kind) for kind in _KINDS_OF_FINDING},
        "scans": sum(len(floor.scans) for floor in going.floors.values()),
        "samples": sum(len(floor.sensor.served) for floor in going.floors.values()),
        "picks": len(books.picks),
        "weights": sum(sum(weights.values()) for weights in books.weights.values()),
        "weighed_again_after_a_kill": audit.weighed_again,
        "orders": len(going.office.acknowledged),
        "picked_from_the_list": len(going.office.from_list),
        "not_accepted": {
            name: {
                "nobody_connected": missed.unheard,
                "under_way_at_a_kill": missed.under_way,
                "disk_full": missed.refused,
                "window_ms": round(1000 * missed.window_s),
            }
            for name, missed in (("scans", audit.scans), ("samples", audit.samples))
        },
        "rest_s_max": round(max(going.rests_s, default=0.0), 1),
        "ended_by_themselves": sum(len(program.ended) for program in going.world.programs.values()),
        "starts": {name: program.starts for name, program in going.world.programs.items()},
        "mounted_disks": going.world.is_mounted,
    }
    findings = [*(f"{each.kind}: {each.text}" for each in audit.findings), *going.problems]
    findings += [
        f"{each.fault.kind} of {each.fault.part} (fault {each.fault.number}): it did not serve again within two minutes" for each in done if each.back_s is None
    ]
    return Report(going.plan, figures, _by_kind(done, audit), findings)


def _by_kind(done: Sequence[Done], audit: Audit) -> dict[str, dict[str, Any]]:
    """For each kind of fault: what was accepted and applied while it was there and shortly after, and what was found of that time."""
    for times in audit.books.times.values():
        times.sort()
    kinds: dict[str, dict[str, Any]] = {}
    for kind in sorted({each.fault.kind for each in done}):
        mine = [each for each in done if each.fault.kind == kind]
        applied = sum(between(audit.books.times[gateway], since_s, until_s) for each in mine for gateway, since_s, until_s in _spans(each, audit))
        found = {name: sum(_found(each, name, audit) for each in mine) for name in _KINDS_OF_FINDING}
        back = [each.back_s for each in mine if each.back_s is not None and not each.fault.part.startswith("link")]
        served = {"back_s_median": round(median(back), 2), "back_s_max": round(max(back), 2)} if back else {}
        kinds[kind] = {"faults": len(mine), "accepted": applied + found["lost"], "applied": applied, **found, **served}
    return kinds


def _spans(done: Done, audit: Audit) -> Iterator[tuple[str, float, float]]:
    """The gateways that a fault concerns, and when."""
    name = done.fault.part.split()[-1]
    for gateway in [name] if name in audit.floors else audit.floors:
        yield gateway, done.began_s, done.ended_s + (done.back_s or 0.0) + _AFTERMATH_S


def _found(done: Done, kind: str, audit: Audit) -> int:
    spans = list(_spans(done, audit))
    return sum(
        each.count
        for each in audit.findings
        if each.kind == kind
        and each.at_s is not None
        and any(each.gateway in (gateway, "") and since_s <= each.at_s <= until_s for gateway, since_s, until_s in spans)
    )
