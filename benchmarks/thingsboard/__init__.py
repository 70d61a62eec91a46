# SPDX-License-Identifier: Apache-2.0
"""The gateway side by side with thingsboard-gateway 3.8.5 (SQLite storage), the Python incumbent on the edge.

Both poll the same simulated Modbus controllers every 100 ms, 100 holding registers in one request, keep every value durably and publish it with QoS 1 to
the same Mosquitto; the same proxy makes the same faults; the same sink takes what comes. The sink answers theirs as ThingsBoard's cloud does, and ours as
central does on the wire (acknowledgements by lane and mark), without storing anything, so that ours may forget what was acknowledged. Trials of both
alternate, each on servers of its own; the trials of faults (two controllers, 10 registers) run at once, since nothing is timed in them. Latency is from the
moment in which the controller answered, by the stamp it put into its registers, to the moment in which the sink has the message, by the same clock.
Theirs runs in an environment of its own that is made at the first run. Run: python -m benchmarks thingsboard --repeats 5 (about 10 minutes).
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.thingsboard import trial
from benchmarks.thingsboard.chart import drawn
from benchmarks.thingsboard.contestants import VERSION, Contestant, Dockline, ThingsBoard

CONTROLLERS, REGISTERS, WINDOW_S = 10, 100, 20.0
CHART = Path(__file__).resolve().parents[2] / "docs" / "images" / "thingsboard.svg"
Round = dict[str, dict[str, float]]


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def _faults(contestants: Sequence[Contestant]) -> list[Round]:
    """Losses and idle memory of all, at once."""
    one_each = [(trial.fault(each, "hole"), trial.fault(each, "cut"), trial.idle(type(each)())) for each in contestants]
    found = await asyncio.gather(*(asyncio.gather(*coroutines) for coroutines in one_each))
    return [{"hole": hole, "cut": cut, "idle": idle} for hole, cut, idle in found]


async def _round(contestants: Sequence[Contestant], number: int) -> list[Round]:
    rounds = []
    for each in contestants if number % 2 else contestants[::-1]:
        _say(f"round {number}: {each.name} under load ...")
        rounds.append({"load": await trial.loaded(each, CONTROLLERS, REGISTERS, WINDOW_S)})
    _say(f"round {number}: both without a network for 20 s ...")
    ordered = rounds if number % 2 else rounds[::-1]
    return [{**load, **rest} for load, rest in zip(ordered, await _faults(contestants), strict=True)]


def _summary(rounds: list[Round]) -> dict[str, Any]:
    """Medians, and of what was lost also the worst."""
    medians: dict[str, Any] = {part: {name: statistics.median(each[part][name] for each in rounds) for name in values} for part, values in rounds[0].items()}
    for part in ("hole", "cut"):
        medians[part]["lost_at_worst"] = max(each[part]["lost"] for each in rounds)
    return medians


def run(repeats: int) -> dict[str, Any]:
    """Medians of the rounds, ratios of the medians; draws docs/images/thingsboard.svg."""
    contestants: tuple[Contestant, ...] = (ThingsBoard(), Dockline())
    found = [asyncio.run(_round(contestants, number)) for number in range(1, repeats + 1)]
    theirs, ours = (_summary([each[index] for each in found]) for index in range(2))
    results = {
        "peer": f"thingsboard-gateway {VERSION}, SQLite storage",
        "load": f"{CONTROLLERS} controllers x {REGISTERS} registers every 100 ms",
        "thingsboard": theirs,
        "dockline": ours,
        "times_values_per_cpu_s": ours["load"]["values_per_cpu_s"] / theirs["load"]["values_per_cpu_s"],
    }
    CHART.parent.mkdir(parents=True, exist_ok=True)
    CHART.write_text(drawn(results), encoding="utf-8")
    return results
