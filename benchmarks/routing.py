# SPDX-License-Identifier: Apache-2.0
"""`make bench-routing`: solve every routing instance of a folder and compare with proven optima.

    make bench-routing DIR=/path/to/instances OPTIMA=/path/to/optima.csv

Each file is solved as one block and as two blocks (a middle cross aisle); files with a choice of places are groups of their own.
OPTIMA is optional: a CSV with the columns file, one_block_optimum, two_block_optimum; what it does not know is reported as `no optimum known`.
A file that cannot be read is reported and does not stop the run. The exit status is 1 when a tour over given places is not the optimum, or any tour
is not what it claims to be, and 2 when there is nothing to solve.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.__main__ import RESULTS, machine
from central.tours import Aisle, Face, Layout, LayoutError, Point, Stop, Tour, length_mm, plan_scattered, plan_tour
from central.tours.instances import Instance, InstanceError, layout_of, parse_instance, stop_at
from central.tours.scattered import DEFAULT_EFFORT

ROOT = Path(__file__).parent.parent
PLACES = (ROOT.parent / "shared" / "data" / "routing" / "instances", ROOT / "tests" / "captures" / "routing" / "instances")
BLOCKS = {1: "one block", 2: "two blocks"}
OPTIMUM_COLUMNS = {1: "one_block_optimum", 2: "two_block_optimum"}
STOPS = 60
FLOORS = ((10, 2), (25, 2), (60, 2), (10, 3), (25, 3), (60, 3), (10, 4), (25, 4), (10, 5), (25, 5))
"""Aisles and cross aisles of the floors on which tours of 60 stops are timed."""
FLOOR_TOURS = 40

Optima = Mapping[tuple[str, int], Fraction]


@dataclass(frozen=True)
class Result:
    """One instance solved on one floor. `bound` is a proven lower bound; lengths in the file's units."""

    file: str
    group: str
    took_ms: float
    length: Fraction
    bound: Fraction
    optimum: Fraction | None
    flaw: str = ""

    @property
    def gap_percent(self) -> float | None:
        """How much longer than the optimum, if that is known."""
        return None if not self.optimum else float(100 * (self.length - self.optimum) / self.optimum)


def read_optima(path: Path) -> dict[tuple[str, int], Fraction]:
    """By file name (without its ending) and number of blocks. Empty cells are optima that nobody has proven; rows that are no numbers are reported."""
    found: dict[tuple[str, int], Fraction] = {}
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            name = Path((row.get("file") or "").strip()).stem
            for blocks, column in OPTIMUM_COLUMNS.items():
                text = (row.get(column) or "").strip()
                try:
                    if text:
                        found[name, blocks] = Fraction(text)
                except ValueError:
                    print(f"bench-routing: {path.name}: {name}: {column} {text!r} is not a number; taken as not known", file=sys.stderr)
    return found


def solve(instance: Instance, blocks: int, effort: int) -> tuple[Tour, int, float, set[str]]:
    """The tour, a proven lower bound of its walk, the milliseconds it took and the articles of which the tour misses some."""
    layout, depot = layout_of(instance, blocks)
    faces = [Face(place.article, stop_at(instance, place, blocks), place.quantity) for place in instance.places]
    if instance.scattered:
        started = time.perf_counter()
        planned = plan_scattered(layout, instance.wanted, faces, depot, depot, effort=effort)
        took_ms = 1000 * (time.perf_counter() - started)
        tour, bound = planned.tour, planned.lower_bound_mm
    else:
        stops = [face.stop for face in faces if instance.wanted.get(face.article)]
        started = time.perf_counter()
        tour = plan_tour(layout, stops, depot, depot)
        took_ms = 1000 * (time.perf_counter() - started)
        bound = tour.walk_mm
    return tour, bound, took_ms, _missed(layout, instance, faces, tour)


def _missed(layout: Layout, instance: Instance, faces: Sequence[Face], tour: Tour) -> set[str]:
    walked = set(tour.walk)
    visited = {stop.code for stop in tour.order}
    there = dict.fromkeys(instance.wanted, 0)
    for face in faces:
        spot = layout.spot_of_stop(face.stop)
        if face.article in there and face.stop.code in visited and Point(spot.x_mm, spot.y_mm) in walked:
            there[face.article] += face.quantity
    return {article for article, quantity in instance.wanted.items() if there[article] < quantity}


def results_of(path: Path, optima: Optima, effort: int) -> Iterator[Result]:
    """Both floors of one file. Raises InstanceError or LayoutError for a file that is no instance."""
    instance = parse_instance(path.read_bytes())
    extra = 2 * instance.row_to_depot
    for blocks, name in BLOCKS.items():
        if blocks == 2 and instance.cells < 2:
            continue
        tour, bound, took_ms, missed = solve(instance, blocks, effort)
        flaw = ""
        if missed:
            flaw = f"misses articles {', '.join(sorted(missed))}"
        elif length_mm([(point.x_mm, point.y_mm) for point in tour.walk]) != tour.walk_mm:
            flaw = "its walk is not as long as it claims"
        yield Result(
            file=path.name,
            group=f"scattered, {name}" if instance.scattered else name,
            took_ms=took_ms,
            length=Fraction(tour.walk_mm + extra, instance.scale),
            bound=Fraction(bound + extra, instance.scale),
            optimum=optima.get((path.stem, blocks)),
            flaw=flaw,
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """One group as the numbers that are printed and written. Gaps are to the known optima; without one, to the proven bound."""
    gaps = [gap for result in results if (gap := result.gap_percent) is not None]
    times = [result.took_ms for result in results]
    bounds = [float(100 * (result.length - result.bound) / result.bound) if result.bound else 0.0 for result in results]
    return {
        "solved": len(results),
        "optimum_known": len(gaps),
        "optimal": sum(gap == 0 for gap in gaps),
        "proven_by_bound": sum(result.length == result.bound for result in results),
        "gap_mean_percent": round(statistics.fmean(gaps), 4) if gaps else None,
        "gap_worst_percent": round(max(gaps), 4) if gaps else None,
        "gap_to_bound_mean_percent": round(statistics.fmean(bounds), 4),
        "p50_ms": round(percentile(times, 50), 3),
        "p99_ms": round(percentile(times, 99), 3),
    }


def floor_times() -> dict[str, Any]:
    """Tours of 60 random stops on floors of several sizes: p50 and p99 of one planned tour, walk and all."""
    found: dict[str, Any] = {}
    for aisles, crossings in FLOORS:
        rng = random.Random(f"{aisles} {crossings}")
        rows = [number * 20_000 for number in range(crossings)]
        layout = Layout([Aisle(str(number), 3000 * number, 0, rows[-1]) for number in range(aisles)], rows)
        times = []
        for _ in range(FLOOR_TOURS):
            stops = [Stop(str(number), str(rng.randrange(aisles)), rng.randrange(rows[-1])) for number in range(STOPS)]
            started = time.perf_counter()
            plan_tour(layout, stops, Point(0, 0), Point(3000 * (aisles - 1), 0))
            times.append(1000 * (time.perf_counter() - started))
        found[f"{aisles} aisles, {crossings} cross aisles"] = {"p50_ms": round(percentile(times, 50), 3), "p99_ms": round(percentile(times, 99), 3)}
    return found


def _report(groups: Mapping[str, dict[str, Any]]) -> None:
    print(f"{'':24}{'solved':>8}{'optimum known':>15}{'optimal':>9}{'mean gap':>10}{'worst gap':>11}{'p50 ms':>9}{'p99 ms':>10}{'proven here':>13}")
    for name, group in groups.items():
        gaps = [f"{group[key]:.3f} %" if group[key] is not None else "-" for key in ("gap_mean_percent", "gap_worst_percent")]
        print(
            f"{name:24}{group['solved']:>8}{group['optimum_known']:>15}{group['optimal']:>9}{gaps[0]:>10}{gaps[1]:>11}"
            f"{group['p50_ms']:>9.2f}{group['p99_ms']:>10.2f}{group['proven_by_bound']:>13}"
        )


def _complaint(result: Result) -> str:
    """Why a result makes the run fail; empty: it does not."""
    if result.flaw:
        return result.flaw
    if result.optimum is None or result.length == result.optimum:
        return ""
    if result.length < result.optimum:
        return f"length {float(result.length):g} is below the proven optimum {float(result.optimum):g}: the floor is read in another way"
    return "" if result.group.startswith("scattered") else f"length {float(result.length):g}, the optimum is {float(result.optimum):g}"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-routing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", default="", help="folder with the instance files, *.txt (default: the ones at hand)")
    parser.add_argument("--optima", default="", help="CSV of proven optima (default: optima.csv beside the folder, or in it)")
    parser.add_argument("--effort", type=int, default=DEFAULT_EFFORT, help=f"for scattered storage: partial walks tried (default {DEFAULT_EFFORT})")
    parser.add_argument("--json", type=Path, default=RESULTS / "routing.json", help="where the numbers go")
    return parser.parse_args(arguments)


def _inputs(options: argparse.Namespace) -> tuple[list[Path], dict[tuple[str, int], Fraction]]:
    folder = Path(options.dir) if options.dir else next(place for place in (*PLACES, PLACES[-1]) if place.is_dir() or place == PLACES[-1])
    files = sorted(folder.glob("*.txt")) or sorted((folder / "instances").glob("*.txt"))
    beside = [Path(options.optima)] if options.optima else [folder.parent / "optima.csv", folder / "optima.csv"]
    optima = next((read_optima(path) for path in beside if path.is_file()), {})
    if options.optima and not beside[0].is_file():
        print(f"bench-routing: {options.optima}: not there; no optimum is known", file=sys.stderr)
    print(f"{len(files)} instance files in {folder}; {len(optima)} optima known")
    return files, optima


def main(arguments: list[str] | None = None) -> int:
    """Solve, print and write the numbers; returns the exit status."""
    options = _options(arguments)
    files, optima = _inputs(options)
    results: list[Result] = []
    unreadable: dict[str, str] = {}
    for path in files:
        try:
            results += results_of(path, optima, options.effort)
        except (InstanceError, LayoutError, OSError) as error:
            unreadable[path.name] = str(error)
            print(f"bench-routing: {path.name}: {error}", file=sys.stderr)
    names = dict.fromkeys([*BLOCKS.values(), *(f"scattered, {name}" for name in BLOCKS.values())])
    groups = {name: summary(chosen) for name in names if (chosen := [result for result in results if result.group == name])}
    _report(groups)
    complaints = [f"{result.file}, {result.group}: {complaint}" for result in results if (complaint := _complaint(result))]
    unknown = sum(result.optimum is None for result in results)
    print(f"no optimum known: {unknown}; files that are no instance: {len(unreadable)}; wrong: {len(complaints)}")
    for complaint in complaints:
        print(f"WRONG {complaint}")
    floors = floor_times()
    for name, times in floors.items():
        print(f"{STOPS} stops, {name:26} p50 {times['p50_ms']:8.2f} ms   p99 {times['p99_ms']:8.2f} ms")
    report = {"benchmark": "routing", "machine": machine(), "groups": groups, "unreadable": unreadable, "wrong": complaints, f"stops_{STOPS}": floors}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if not results:
        print("bench-routing: nothing was solved; give DIR=/path/to/instances", file=sys.stderr)
        return 2
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
