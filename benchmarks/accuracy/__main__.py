# SPDX-License-Identifier: Apache-2.0
"""`make accuracy`: how often a dock door is right, with 95 % intervals; writes benchmarks/results/accuracy.json.

    make accuracy ARGS="--captures FOLDER --rounds 12 --strict"

Captures are grouped by run, never by tag. FOLDER has run*.csv.gz and labels/actual=moving*.csv as corentinbouton/RFID-tags-detection; without it the
excerpt kept with the tests is used. The gateway's own code decides, with its defaults.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.__main__ import RESULTS, machine
from benchmarks.accuracy import captured, yard
from benchmarks.accuracy.scores import Tally

_TARGETS = (
    ("direction of passes, captures, right", ("captures", "all", "tight", "passes", "right"), 0.994, True),
    ("direction of passes, captures, unknown", ("captures", "all", "tight", "passes", "unknown"), 0.01, False),
    ("direction of tags, captures, right", ("captures", "all", "tight", "direction_of_tags", "right"), 0.994, True),
    ("moving versus standing, one pass alone", ("captures", "all", "tight", "moving_versus_standing"), 0.98, True),
    ("moving versus standing, door that stands there", ("captures", "all", "whole", "moving_versus_standing"), 0.98, True),
    ("strays accepted, one pass alone", ("captures", "all", "tight", "strays_accepted"), 0.01, False),
    ("strays accepted, door that stands there", ("captures", "all", "whole", "strays_accepted"), 0.01, False),
    ("missed, one pass alone", ("captures", "all", "tight", "missed"), 0.02, False),
    ("missed, door that stands there", ("captures", "all", "whole", "missed"), 0.02, False),
    ("direction of passes, yard, right", ("yard", "doors", "passes", "right"), 0.994, True),
    ("direction of passes, yard, unknown", ("yard", "doors", "passes", "unknown"), 0.01, False),
    ("pallets at the wrong door or in the wrong direction", ("yard", "wrong_door_or_direction"), 0.001, False),
    ("pallets of which nothing is told", ("yard", "pallets", "silent"), 0.0, False),
)
"""What is aimed at: name, where in the report, the share, and whether it is the least (else the most)."""


def of_captures(folder: Path) -> dict[str, Any]:
    """Every run in three ways of cutting, and all together."""
    report: dict[str, Any] = {"runs": {}}
    together = {name: Tally() for name in ("tight", "wide", "whole", "over_all")}
    for run in captured.runs(folder):
        tallies = {
            "tight": captured.each_alone(run, "tight"),
            "wide": captured.each_alone(run, "wide"),
            "whole": captured.whole(run),
            "over_all": captured.over_all(run),
        }
        report["runs"][run.name] = {name: tally.report() for name, tally in tallies.items()}
        for name, tally in tallies.items():
            together[name].add(tally)
    report["all"] = {name: tally.report() for name, tally in together.items()}
    return report


def of_yard(rounds: int, seed: int) -> dict[str, Any]:
    """Scenes of every kind."""
    total = yard.Score()
    for scene in yard.scenes(rounds, seed):
        total.add(yard.score(scene))
    return total.report()


def targets(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What was aimed at beside what was reached."""
    rows = []
    for name, path, aim, least in _TARGETS:
        found: Any = report
        for step in path:
            found = found.get(step) if found else None
        if found and found["of"]:
            rows.append(
                {"name": name, "aim": aim, "at": "least" if least else "most", "met": found["share"] >= aim if least else found["share"] <= aim, **found}
            )
    return rows


def _shown(share: dict[str, Any]) -> str:
    if not share["of"]:
        return "none"
    return f"{share['share']:8.2%}  ({share['low95']:.2%} to {share['high95']:.2%}; {share['count']} of {share['of']})"


def _print(report: dict[str, Any]) -> None:
    for row in report["targets"]:
        print(f"{'ok  ' if row['met'] else 'MISS'}  {row['name']:54} {'>=' if row['at'] == 'least' else '<='} {row['aim']:6.1%}  {_shown(row)}")
    for name, tally in (report.get("captures") or {}).get("all", {}).items():
        _print_tally(f"captures, {name}", tally)
    if report.get("yard"):
        told = report["yard"]
        _print_tally("yard, doors each for itself", told["doors"])
        print(f"\nyard, pallets as the gateway tells them ({told['scenes']} scenes)")
        for group in ("pallets", "came_and_went_back", "without_tags"):
            for name, share in told[group].items():
                print(f"  {group:20} {name:10} {_shown(share)}")
        for kind, counts in told["by_kind"].items():
            print(f"  {kind:22} {', '.join(f'{name} {count}' for name, count in counts.items())}")


def _print_tally(title: str, tally: dict[str, Any]) -> None:
    print(f"\n{title}")
    for group in ("passes", "direction_of_tags"):
        for name, share in tally[group].items():
            print(f"  {group:20} {name:10} {_shown(share) if isinstance(share, dict) else f'{share:8d}'}")
    for name in ("moving_versus_standing", "strays_accepted", "missed", "unknown"):
        print(f"  {name:31} {_shown(tally[name])}")
    for what in ("passes", "tags"):
        for row in tally[f"calibration_of_{what}"]:
            print(f"  {what:6} said {row['from']:.0%} to {row['to']:.0%} (mean {row['said']:.1%}): right {_shown(row['right'])}")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 when --strict and something aimed at is missed."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path, default=captured.EXCERPTS, metavar="FOLDER", help="captures with labels (default: the excerpt of the tests)")
    parser.add_argument("--rounds", type=int, default=10, help="scenes of each kind in the yard (default 10, some 250 pallets; 0: no yard)")
    parser.add_argument("--seed", type=int, default=1000, help="seed of the first scene (default 1000)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when an aim is missed")
    parser.add_argument("--notes", action="store_true", help="name every scene in which something was wrong")
    options = parser.parse_args(arguments)
    started_s = time.monotonic()
    try:
        report: dict[str, Any] = {"captures": of_captures(options.captures)}
    except (FileNotFoundError, ValueError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 2
    report["captures"]["excerpt"] = options.captures == captured.EXCERPTS
    if options.rounds:
        report["yard"] = {"seed": options.seed, "rounds": options.rounds, **of_yard(options.rounds, options.seed)}
    report = {"benchmark": "accuracy", "took_s": round(time.monotonic() - started_s, 1), "machine": machine(), "targets": targets(report), **report}
    _print(report)
    if options.notes and options.rounds:
        print("\n".join(report["yard"]["notes"]))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "accuracy.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if options.strict and not all(row["met"] for row in report["targets"]) else 0


if __name__ == "__main__":
    sys.exit(main())
