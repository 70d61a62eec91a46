# SPDX-License-Identifier: Apache-2.0
"""`make stress ARGS="--operations 100000"`: the ledger under fire on a PostgreSQL of its own (or `--sqlite`); writes benchmarks/results/stress.json."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict

from benchmarks.__main__ import RESULTS, flat, machine, shown
from benchmarks.stress.run import Plan, run


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write the report; the exit status is 1 when something does not hold."""
    parser = argparse.ArgumentParser(prog="make stress", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=16, help="writers in each process (default 16: 64 in all)")
    parser.add_argument("--kill-every-s", type=float, default=10.0, help="SIGKILL to all processes every so many seconds (default 10)")
    parser.add_argument("--kill-every-messages", type=int, default=0, help="kill after so many answers instead, however fast the machine is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true", help="on an SQLite file instead of PostgreSQL; use fewer writers")
    parser.add_argument("--durable", action="store_true", help="PostgreSQL with fsync")
    options = parser.parse_args(arguments)
    plan = Plan(options.operations, options.processes, options.threads, options.kill_every_s, options.kill_every_messages, options.seed)
    with _sqlite() if options.sqlite else _postgres(options.durable) as database:
        report = run(database, plan)
    for name, value in flat(report.figures):
        print(f"  {name:24}  {shown(value)}")
    for finding in report.findings[:50]:
        print(f"  NOT SO: {finding}")
    print("everything holds" if not report.findings else f"{len(report.findings)} findings")
    RESULTS.mkdir(exist_ok=True)
    written = {"database": "sqlite" if options.sqlite else "postgresql", "plan": asdict(plan), "machine": machine(), **asdict(report)}
    (RESULTS / "stress.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return 1 if report.findings else 0


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="dockline-stress-") as folder:
        yield f"sqlite:///{folder}/stress.db"


def _postgres(durable: bool) -> AbstractContextManager[str]:
    from tests import servers

    return servers.postgres(durable=durable)


if __name__ == "__main__":
    sys.exit(main())
