# SPDX-License-Identifier: Apache-2.0
"""Stock work side by side with Tryton on the same PostgreSQL server: receive and put away pallets, take orders, allocate their lines, confirm the picks.

Tryton 8.2 (PyPI: trytond, modules stock, stock_lot, stock_lot_sled) runs in an environment of its own that is made at the first run. It works in process,
through its models and workflow, with two workers: no HTTP, no lots, one commit a document. Dockline works as it is installed: `dockline central run`,
pallets announced and received by the scan of their labels through MQTT and ingest, put away into their bins a notice at a time (as many as on one of
Tryton's documents), orders, releases and picks through the HTTP API with idempotent answers, lots and first-expired-first-out. The rounds of both
alternate. CPU is user and system time of the service's process tree and of the PostgreSQL server; Tryton's clients are its workers and so are counted,
ours only ask over HTTP and are not. Run: python -m benchmarks tryton.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import dockline_day
from benchmarks.processes import listener_pid, tree_cpu_s
from tests import servers

ITEMS, PALLETS, ORDERS, LINES, WORKERS = 40, 5, 40, 10, 2
STEPS = ("receive", "order", "allocate", "pick")
_HERE = Path(__file__).parent
_ENVIRONMENT = _HERE / ".peers" / "tryton"
_PACKAGES = ("trytond==8.2.1", "trytond-stock==8.2.1", "trytond-stock-lot==8.2.0", "trytond-stock-lot-sled==8.2.0", "psycopg[binary,pool]==3.3.9", "setuptools")
_WORKER = _HERE / "peers" / "tryton_worker.py"


def _python() -> Path:
    """The interpreter of Tryton's own environment, made when it is not there yet."""
    python = _ENVIRONMENT / "bin" / "python"
    if not (_ENVIRONMENT / "complete").exists():
        venv.create(_ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PACKAGES], check=True)
        (_ENVIRONMENT / "complete").touch()
    return python


def _environment(url: str) -> dict[str, str]:
    address = url.replace("postgresql+psycopg://", "postgresql://").rpartition("/")[0]
    return {**os.environ, "TRYTOND_DATABASE__URI": f"{address}/"}


def _measured_steps(process: subprocess.Popen[str], roots: Callable[[], list[int]]) -> Iterator[tuple[str, dict[str, float]]]:
    """Each step of a worker that says when it begins and when it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    before_s = 0.0
    for line in process.stdout:
        said = json.loads(line)
        if "ready" in said:
            before_s = tree_cpu_s(roots())
        else:
            cpu_s = tree_cpu_s(roots()) - before_s
            count, seconds = said["count"], said["seconds"]
            yield said["done"], {"per_s": count / seconds, "cpu_ms": 1000 * cpu_s / count}
        process.stdin.write("\n")
        process.stdin.flush()


def tryton_round(url: str, postgres: int) -> dict[str, dict[str, float]]:
    """One round of Tryton's on fresh products: by step, things a second and CPU milliseconds a thing.

    Raises: RuntimeError: it ended with an error.
    """
    counts = [str(number) for number in (ITEMS, PALLETS, ORDERS, LINES, WORKERS, 0)]
    command = [str(_python()), str(_WORKER), "run", *counts]
    with subprocess.Popen(command, env=_environment(url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        steps = dict(_measured_steps(process, lambda: [process.pid, postgres]))
    if process.returncode or set(steps) != set(STEPS):
        raise RuntimeError(f"Tryton's worker ended with status {process.returncode} after {', '.join(steps) or 'nothing'}")
    return steps


@contextmanager
def _server() -> Iterator[tuple[str, int]]:
    with servers.postgres(durable=True) as url:
        yield url, listener_pid(int(url.rpartition("/")[0].rpartition(":")[2]))


def _median(rounds: list[dict[str, dict[str, float]]], step: str, name: str) -> float:
    return statistics.median(each[step][name] for each in rounds)


def _compared(theirs: list[dict[str, dict[str, float]]], ours: list[dict[str, dict[str, float]]]) -> Mapping[str, Any]:
    results: dict[str, Any] = {}
    for step in STEPS:
        ratios = [their[step]["cpu_ms"] / our[step]["cpu_ms"] for their, our in zip(theirs, ours, strict=True)]
        speeds = [our[step]["per_s"] / their[step]["per_s"] for their, our in zip(theirs, ours, strict=True)]
        results[step] = {
            "dockline_per_s": _median(ours, step, "per_s"),
            "tryton_per_s": _median(theirs, step, "per_s"),
            "dockline_cpu_ms": _median(ours, step, "cpu_ms"),
            "tryton_cpu_ms": _median(theirs, step, "cpu_ms"),
            "times_per_cpu_second": statistics.median(ratios),
            "times_per_second": statistics.median(speeds),
        }
    return results


def run(repeats: int) -> dict[str, Any]:
    """Alternate rounds of both; medians of the rounds, ratios within a round."""
    python = _python()
    with _server() as (url, postgres):
        print("  making Tryton's database ...", file=sys.stderr, flush=True)
        subprocess.run([python, _WORKER, "setup"], env=_environment(url), check=True)
        theirs, ours = [], []
        for _ in range(repeats):
            theirs.append(tryton_round(url, postgres))
            ours.append(dockline_day.measured(url, postgres, ITEMS, PALLETS, LINES))
    return {"per": "pallet (receive) or order line", "tryton": "trytond 8.2.1 in process, no lots, no HTTP", **_compared(theirs, ours)}
