# SPDX-License-Identifier: Apache-2.0
"""Run many seeds: python -m tests.simulation --seeds 5000 --first 1. A seed that fails is named with the command that runs it again."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.virtual_time import run
from tests.simulation.world import Report, World

_CHUNK = 25


def simulate(seed: int) -> Report:
    """One world, from its beginning to its end."""
    memory = Path("/dev/shm")  # a folder of our own is made there; the disk is simulated, so it need not be one
    with tempfile.TemporaryDirectory(prefix="dockline-simulation-", dir=memory if memory.is_dir() else None) as folder:
        return run(World(seed, Path(folder)).live())


def again(seed: int) -> str:
    """The command that runs a seed again."""
    return f"python -m tests.simulation --first {seed} --seeds 1"


def reports(first: int, count: int, processes: int) -> Iterator[Report]:
    """The seeds in order."""
    if processes == 1:
        yield from map(simulate, range(first, first + count))
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(simulate, range(first, first + count), chunksize=_CHUNK)


def main() -> int:
    """Returns 1 if a seed found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    began_s, faults, failed, accepted, applied = time.monotonic(), Counter[str](), 0, 0, 0
    for report in reports(arguments.first, arguments.seeds, 1 if arguments.seeds == 1 else arguments.processes):
        faults += report.faults
        accepted, applied = accepted + report.accepted, applied + report.applied
        if report.findings:
            failed += 1
            print(f"seed {report.seed}: {'; '.join(report.findings)}\n  again: {again(report.seed)}", flush=True)
    took_s = time.monotonic() - began_s
    print(f"{arguments.seeds} worlds in {took_s:.0f} s ({arguments.seeds / took_s * 60:.0f} a minute), {failed} with findings")
    print(f"movements accepted {accepted}, events applied {applied}, faults {sum(faults.values())}: {dict(faults.most_common())}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
