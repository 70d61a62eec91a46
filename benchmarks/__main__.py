# SPDX-License-Identifier: Apache-2.0
"""`make bench`: run the measurements, print medians, write benchmarks/results/NAME.json.

    make bench ARGS="ingest latency --repeats 7"

A number is a median over the repeats of one run on one machine; only ratios within a run are worth comparing with another machine's.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
NAMES = (
    "llrp_decode",
    "reader_twin",
    "epc",
    "outbox",
    "ingest",
    "latency",
    "allocate",
    "as_of",
    "pick_confirm",
    "pick_lights",
    "modbus_lights",
    "tryton",
    "thingsboard",
    "uplink",
    "gs1",
    "scans",
)

ALONE = ("swarm",)
"""Those that take minutes and the whole machine: only when they are named."""


def machine() -> dict[str, Any]:
    """What the numbers were taken on, without names of the machine or its owner."""
    return {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}", "cores": len(os.sched_getaffinity(0))}


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested results as `group.name` -> value."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def shown(value: Any) -> str:
    """A number with as many digits as it deserves."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def measure(name: str, repeats: int) -> dict[str, Any]:
    """Run one module and return what is written to its file."""
    module = importlib.import_module(f"benchmarks.{name}")
    started_s = time.monotonic()
    results: dict[str, Any] = module.run(repeats)
    return {"benchmark": name, "repeats": repeats, "took_s": round(time.monotonic() - started_s, 1), "machine": machine(), "results": results}


def main(arguments: list[str] | None = None) -> int:
    """Run the measurements named (default: all there are); returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", choices=[*NAMES, *ALONE, []], help=f"any of {', '.join(NAMES)} (default: all), or {', '.join(ALONE)}")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of which the median is taken (default 5)")
    options = parser.parse_args(arguments)
    absent = [name for name in NAMES if importlib.util.find_spec(f"benchmarks.{name}") is None]
    for name in options.name or NAMES:
        if name in absent:
            print(f"bench: there is no benchmarks/{name}.py", file=sys.stderr)
            continue
        print(f"\n{name} (median of {options.repeats})", flush=True)
        report = measure(name, options.repeats)
        rows = list(flat(report["results"]))
        width = max((len(key) for key, _ in rows), default=0)
        for key, value in rows:
            print(f"  {key:{width}}  {shown(value)}", flush=True)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
