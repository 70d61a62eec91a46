# SPDX-License-Identifier: Apache-2.0
"""How fast a scanned code becomes GS1 elements, beside biip, in one process: microseconds a code, medians of interleaved rounds. Goal: a tenth of biip's.

The common strings of a warehouse: pallet labels, cases, goods with lot and expiry, serialised goods, catch weight. Each round reads codes that are all
different, so that no cache helps anybody; both sides must agree on every code before they are timed. Time is the process's CPU time. Ours includes the
rules on what may stand together, which biip has not. Beside it what reading costs to begin with: the memory and the time of the import and the table,
each in a process of its own.
Run: python -m benchmarks gs1.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import biip

from contracts.gs1.elements import GS, combination_error, load_applications, parse_elements
from contracts.identifiers import check_digit

CODES = 300
"""Different codes of a kind; our side reads each `_OURS` times a round, so that the clock has something to measure."""
_OURS = 10
GOAL_RATIO = 0.1


def _key(chance: random.Random, length: int) -> str:
    payload = "".join(chance.choices("0123456789", k=length - 1))
    return payload + check_digit(payload)


def _date(chance: random.Random) -> str:
    return f"{chance.randrange(26, 32)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"


KINDS: dict[str, Callable[[random.Random], str]] = {
    "sscc": lambda chance: "00" + _key(chance, 18),
    "gtin_lot": lambda chance: f"01{_key(chance, 14)}10L{chance.randrange(10**6)}",
    "gtin_expiry_lot": lambda chance: f"01{_key(chance, 14)}17{_date(chance)}10L{chance.randrange(10**6)}",
    "gtin_serial_expiry_lot": lambda chance: f"01{_key(chance, 14)}21S{chance.randrange(10**9)}{GS}17{_date(chance)}10L{chance.randrange(10**6)}",
    "contents_of_a_pallet": lambda chance: f"02{_key(chance, 14)}15{_date(chance)}37{chance.randrange(1, 999)}{GS}10L{chance.randrange(10**6)}",
    "catch_weight": lambda chance: f"01{_key(chance, 14)}3103{chance.randrange(10**6):06}10L{chance.randrange(10**6)}",
}


def _ours(code: str) -> dict[str, str]:
    elements = parse_elements(code)
    combination_error(elements, needs_companions=False)
    return elements


def _theirs(code: str) -> dict[str, str]:
    message = biip.parse("]C1" + code).gs1_message
    assert message is not None
    return {element.ai.ai: element.value for element in message.element_strings}


def _us(read: Callable[[str], Any], codes: list[str], times: int) -> float:
    gc.collect()
    gc.disable()
    try:
        begun_s = time.process_time()
        for _ in range(times):
            for code in codes:
                read(code)
        return (time.process_time() - begun_s) / (times * len(codes)) * 1e6
    finally:
        gc.enable()


_COST = """
import sys, time, msgspec, asyncio, re, contracts.readings, contracts.identifiers, drivers.base.driver
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096
before, begun_s = rss(), time.process_time()
{what}
print((rss() - before) / 2**20, (time.process_time() - begun_s) * 1000)
"""
_COSTS = {
    "ours": "from contracts.gs1.elements import load_applications; load_applications()",
    "biip": "import biip; biip.parse(']C10109506000134352')",
}


def _cost(what: str) -> tuple[float, float]:
    """Memory in MiB and CPU time in ms until the first code can be read."""
    said = subprocess.run([sys.executable, "-c", _COST.format(what=what)], capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), float(said[1])


def run(repeats: int) -> dict[str, Any]:
    """Microseconds a code by kind, ratios, and the cost to begin with."""
    load_applications()
    results: dict[str, Any] = {}
    for kind, make in KINDS.items():
        chance = random.Random(kind)
        codes = list(dict.fromkeys(make(chance) for _ in range(CODES)))
        for code in codes:
            assert _ours(code) == _theirs(code), code
        rounds = [(_us(_ours, codes, _OURS), _us(lambda code: biip.parse("]C1" + code), codes, 1)) for _ in range(repeats)]
        ours, theirs, ratio = median(a for a, _ in rounds), median(b for _, b in rounds), median(a / b for a, b in rounds)
        results[kind] = {"ours_us": round(ours, 2), "biip_us": round(theirs, 1), "ratio": round(ratio, 3)}
    worst = max(row["ratio"] for row in results.values())
    costs = {name: [_cost(what) for _ in range(repeats)] for name, what in _COSTS.items()}
    begins = {
        name: {"memory_mib": round(median(mib for mib, _ in found), 2), "cpu_ms": round(median(ms for _, ms in found), 1)} for name, found in costs.items()
    }
    return {"codes": results, "worst_ratio": worst, "goal_ratio": GOAL_RATIO, "meets_goal": worst <= GOAL_RATIO, "to_begin_with": begins}


if __name__ == "__main__":
    print(json.dumps(run(5), indent=2))
