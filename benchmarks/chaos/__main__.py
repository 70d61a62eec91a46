# SPDX-License-Identifier: Apache-2.0
"""`make chaos ARGS="--faults 20 --seed 7 --json FILE"`: real programs under random faults; fails when anything is lost, applied twice or unexplained."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.__main__ import flat, machine, shown
from benchmarks.chaos.clocks import NoCompilerError
from benchmarks.chaos.office import OfficeError
from benchmarks.chaos.run import Plan, Report, run
from benchmarks.chaos.world import DatabaseKind, WorldError

_COLUMNS = ("faults", "accepted", "applied", "lost", "duplicated", "drift", "unexplained", "back_s_median", "back_s_max")
_SHOWN_FINDINGS = 40
_MANY = 10**6


def main(arguments: list[str] | None = None) -> int:
    """Run, print the table, write the report; 1: something does not hold; 2: it could not be run."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--faults",
        type=int,
        default=0,
        help="how many (default 20, with --for as many as there is time for); from 200 on, or 300 s, with holes of 20 s and 90 s",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same sequence of faults (default 1)")
    parser.add_argument("--for", dest="for_s", type=float, default=0.0, metavar="SECONDS", help="begin no fault after so long")
    parser.add_argument("--pace", type=float, default=1.6, metavar="SECONDS", help="a fault so often, on average (default 1.6)")
    parser.add_argument(
        "--database", choices=["sqlite", "postgresql", "by-seed"], default="by-seed", help="by-seed: odd seeds SQLite, even ones PostgreSQL (default)"
    )
    parser.add_argument("--broker", choices=["mosquitto", "iotcore"], default="mosquitto")
    parser.add_argument("--without-clocks", action="store_true", help="no faults of clocks, which need a C compiler")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument("--quiet", action="store_true", help="do not name each fault as it happens")
    options = parser.parse_args(arguments)
    is_sqlite = bool(options.seed % 2) if options.database == "by-seed" else options.database == "sqlite"
    database: DatabaseKind = "sqlite" if is_sqlite else "postgresql"
    faults = options.faults or (_MANY // 100 if options.for_s else 20)
    plan = Plan(faults, options.seed, options.for_s, options.pace, database, options.broker, with_clocks=not options.without_clocks)
    try:
        report = asyncio.run(_run(plan, is_quiet=options.quiet))
    except asyncio.CancelledError:
        print("make chaos: ended before it was done", file=sys.stderr)
        return 2
    except (WorldError, NoCompilerError, OfficeError) as error:
        print(f"make chaos: {error}", file=sys.stderr)
        return 2
    print("\n".join(table(report)))
    if options.json:
        written = {"command": plan.command, "machine": machine(), **asdict(report)}
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return 1 if report.findings else 0


async def _run(plan: Plan, *, is_quiet: bool) -> Report:
    """As `run`; SIGTERM ends it in order, as Ctrl-C does: disks are mounted, programs run."""
    running = asyncio.ensure_future(run(plan, (lambda _text: None) if is_quiet else _say))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running


def table(report: Report) -> Sequence[str]:
    """The report for people."""
    rows = [["fault", *(name.replace("_", " ") for name in _COLUMNS)]]
    rows += [[kind, *(str(figures.get(name, "")) for name in _COLUMNS)] for kind, figures in report.by_kind.items()]
    rows.append(["all", *(str(report.figures.get(name, "")) for name in _COLUMNS)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows
    ]
    lines += ["", *(f"  {name:42}  {shown(value)}" for name, value in flat(report.figures))]
    lines += [f"  NOT SO: {finding}" for finding in report.findings[:_SHOWN_FINDINGS]]
    if report.findings:
        lines += [f"{len(report.findings)} findings; logs and disks are kept in {report.kept_in}", f"again: {report.plan.command}"]
    else:
        lines.append(f"everything holds: nothing accepted was lost, nothing was applied twice (again: {report.plan.command})")
    return lines


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
