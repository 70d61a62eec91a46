# SPDX-License-Identifier: Apache-2.0
"""Fire at every parser: make fuzz ARGS="--for 60s --json FILE".

For each parser: inputs tried, exceptions that left it, the slowest input, growth of memory; for each driver: how soon a damaged conversation is back in step.
`--inputs 10000000` tries so many on each, however long it takes. With 20 s or more for each parser, a quarter of the time is coverage-guided (atheris).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivers import registry
from gateway.device_command import UsageError, parse_duration_s
from tests.fuzz.firing import outcomes
from tests.fuzz.in_step import Story, story_of
from tests.fuzz.run import Outcome
from tests.fuzz.targets import names

_TRIALS = 120


def write_transcripts(outcome: Outcome, folder: Path) -> list[Path]:
    """What was found in a session as transcripts (tests/captures), to be looked at, given a reason and kept."""
    kind, _, driver = outcome.target.partition(" ")
    if kind != "session":
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, finding in enumerate(outcome.findings, 1):
        path = folder / f"{driver}_{finding.kind}_{outcome.seed}_{number}.hex"
        path.write_text("\n".join([f"# {finding.what} {finding.where}", "@100.0", *(f"<< {data}" for data in finding.inputs if data)]) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _print(outcome: Outcome) -> None:
    slowest = f"slowest {outcome.slowest_s * 1000:.1f} ms for {outcome.slowest_bytes} bytes"
    rate = outcome.inputs / outcome.took_s if outcome.took_s else 0
    print(
        f"{outcome.target:36} {outcome.inputs:>10} inputs {rate:>8.0f}/s  {slowest}, grew {outcome.growth_bytes / 1e6:.1f} MB, {len(outcome.findings)} findings"
    )
    for finding in outcome.findings:
        print(f"    {finding.kind}: {finding.what} {finding.where}")
        print(f"    the last input: {finding.inputs[-1][:200] if finding.inputs else ''}", flush=True)


def _print_story(story: Story) -> None:
    lost = f"; LOST, seeds {story.lost}" if story.lost else ""
    print(f"{story.name:36} back in step: {dict(sorted(story.outcomes.items()))}{lost}", flush=True)


def main() -> int:
    """Returns 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", dest="for_s", default="60s", metavar="TIME", help="for all parsers together, like 60s or 10m")
    parser.add_argument("--inputs", type=int, help="so many for each parser instead, however long it takes")
    parser.add_argument("--only", default="", metavar="TEXT", help="parsers whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--findings", type=Path, metavar="FOLDER", default=Path("fuzz-findings"), help="for transcripts of what was found")
    arguments = parser.parse_args()
    try:
        for_s = parse_duration_s(arguments.for_s)
    except UsageError as error:
        parser.error(str(error))
    parsers = [name for name in names() if arguments.only in name]
    if not parsers:
        parser.error(f"no parser has {arguments.only!r} in its name; there are: {', '.join(names())}")
    return _run(arguments, parsers, for_s)


def _run(arguments: argparse.Namespace, parsers: Sequence[str], for_s: float) -> int:
    logging.disable()
    began_s = time.monotonic()
    stories = [story_of(name, arguments.seed, _TRIALS) for name in registry.BUILT_IN if arguments.only in f"session {name}"]
    for story in stories:
        _print_story(story)
    results = []
    for outcome in outcomes(parsers, arguments.seed, for_s, arguments.inputs, arguments.processes):
        _print(outcome)
        results.append(outcome)
        for path in write_transcripts(outcome, arguments.findings):
            print(f"    {path}")
    findings = sum(len(outcome.findings) for outcome in results) + sum(len(story.lost) for story in stories)
    total = sum(outcome.inputs for outcome in results)
    print(f"{len(results)} parsers, {total} inputs in {time.monotonic() - began_s:.0f} s, {findings} findings (again: --seed {arguments.seed})")
    if arguments.json:
        arguments.json.write_text(json.dumps(_as_json(arguments.seed, results, stories), indent=1) + "\n", encoding="utf-8")
    return int(findings > 0)


def _as_json(seed: int, results: Sequence[Outcome], stories: Sequence[Story]) -> dict[str, Any]:
    return {"seed": seed, "parsers": [outcome.as_json() for outcome in results], "in_step": [asdict(story) for story in stories]}


if __name__ == "__main__":
    sys.exit(main())
