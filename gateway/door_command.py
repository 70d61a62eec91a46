# SPDX-License-Identifier: Apache-2.0
"""`dockline door replay|tune`: the code of a dock door over recorded reads, without reader or gateway."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from gateway.portal import tuning
from gateway.portal.files import FileError, Recording, load_edges, load_reads
from gateway.portal.pallets import pallets
from gateway.portal.reads import Pass, Side
from gateway.portal.replay import replay
from gateway.portal.settings import Settings
from gateway.portal.summary import Part, TagSummary, summarise
from gateway.stations.pass_events import first_seen_s, pass_id_of

_WRONG_USE = 2
_WORDS = {"moved_in": "moved in", "moved_out": "moved out", "stayed": "stayed", "unknown": "not known"}


class UsageError(Exception):
    """Wrong words on the command line; the text says what and what would be right."""


def parse_sides(words: Sequence[str]) -> dict[int, Side]:
    """`inner=1,2 outer=3,4` as antenna: side. Raises: UsageError."""
    sides: dict[int, Side] = {}
    for word in words:
        side, equals, numbers = word.partition("=")
        if not equals or side not in get_args(Side) or not numbers:
            raise UsageError(f"--side {word!r} is not understood; write for example --side inner=1,2 --side outer=3,4")
        for number in numbers.split(","):
            if not number.strip().isdecimal():
                raise UsageError(f"--side {word}: {number.strip()!r} is no number of an antenna")
            if sides.setdefault(int(number), side) != side:  # type: ignore[arg-type]  # checked above
                raise UsageError(f"antenna {int(number)} is given to both sides; an antenna looks to one of them")
    return sides


def parse_settings(words: Sequence[str]) -> Settings:
    """`key=value` words over the defaults. Raises: UsageError."""
    fields = {each.name: each for each in dataclasses.fields(Settings)}
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            raise UsageError(f"--settings {word!r}: {f'did you mean {near[0]}=...?' if near else 'write key=value; there are: ' + ', '.join(fields)}")
        kind = int if isinstance(fields[key].default, int) else float
        try:
            number = kind(value)
        except ValueError:
            raise UsageError(f"--settings {key}: {value!r} is no {'whole number' if kind is int else 'number'}") from None
        if not 0 <= number < float("inf") or (key == "sure" and number > 1):
            raise UsageError(f"--settings {key}: {value} is out of range; it is {'from 0 to 1' if key == 'sure' else 'not negative'}")
        given[key] = number
    return Settings(**given)


def _complete(sides: dict[int, Side], recording: Recording) -> dict[int, Side]:
    """The sides given, or those that the capture knows. Raises: UsageError: one is missing."""
    known = sides or recording.sides
    for side in get_args(Side):
        if side not in known.values():
            raise UsageError(f"say which antennas look to the {side} side: --side inner=1,2 --side outer=3,4")
    return known


def _note(text: str) -> None:
    print(f"dockline door: {text}", file=sys.stderr)


def load(reads: str, eye: str | None, sides: dict[int, Side], *, skip_bad: bool) -> tuple[Recording, dict[int, Side]]:
    """A recording and its sides; what a person should know is said on standard error. Raises: FileError, UsageError."""
    recording = load_reads(reads, skip_bad=skip_bad)
    if eye is not None:
        load_edges(eye, recording, skip_bad=skip_bad)
    known = _complete(sides, recording)
    strange = Counter(read.antenna for read in recording.reads if read.antenna not in known)
    if len(recording.reads) == strange.total() and recording.reads:
        raise FileError(f"{reads}: all its reads are of antennas {', '.join(map(str, sorted(strange)))}; none of them is given with --side")
    if strange:
        _note(f"{reads}: {strange.total()} reads of antennas {', '.join(map(str, sorted(strange)))} are left out; no --side names them")
    if recording.skipped:
        _note(f"{len(recording.skipped)} bad rows are left out, the first: {recording.skipped[0]}")
    if recording.dated:
        _note(f"{reads}: times are shown as seconds since the first read")
    for note in recording.notes:
        _note(note)
    return recording, known


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _part_object(part: Part) -> dict[str, Any]:
    tag = part.tag
    told = {
        "pass": part.n,
        "result": tag.result,
        "confidence": tag.confidence,
        "moved": tag.moved,
        "reads": tag.reads,
        "crossed_s": tag.crossed_s,
        **tag.evidence,
    }
    return {key: _rounded(value) for key, value in told.items() if value is not None}


def tag_object(tag: TagSummary) -> dict[str, Any]:
    """A tag as a line of --json."""
    parts = [_part_object(part) for part in tag.parts]
    evidence: dict[str, Any] = {
        "reads": tag.reads,
        "first_s": tag.first_s,
        "last_s": tag.last_s,
        "peak_rssi_dbm": tag.peak_dbm,
        "reads_by_antenna": {str(antenna): count for antenna, count in tag.antennas.items()},
        "passes": parts,
    }
    if len(parts) == 1:
        evidence |= {key: value for key, value in parts[0].items() if key not in ("result", "confidence", "reads")}
    return {
        "kind": "tag",
        "epc": tag.epc,
        "result": tag.result,
        "confidence": _rounded(tag.confidence),
        "evidence": {key: _rounded(value) for key, value in evidence.items()},
    }


def pass_object(n: int, one: Pass, read_point: str = "", origin_s: float = 0.0) -> dict[str, Any]:
    """A pass as a line of --json. Identities are the gateway's when times are the reader's clock; `origin_s` is second 0."""
    found = [
        {"sscc": pallet.sscc, "tags": len(pallet.tags), "pass_id": pass_id_of(read_point, round((first_seen_s(one, pallet) + origin_s) * 1e6), pallet)}
        for pallet in pallets(one)
    ]
    return {
        "kind": "pass",
        "pass": n,
        "start_s": _rounded(one.start_s),
        "end_s": _rounded(one.end_s),
        "crossed_s": _rounded(one.crossed_s),
        "direction": one.direction,
        "confidence": _rounded(one.confidence),
        "moved": len(one.moved()),
        "stayed": len(one.stayed()),
        "doubtful": [tag.epc for tag in one.doubtful()],
        "antennas": one.antennas,
        "antennas_confidence": _rounded(one.antennas_confidence),
        "eyes": "-".join(one.eyes),
        "closed_by": one.closed_by,
        "reason": one.reason,
        "pass_id": found[0]["pass_id"],
        "pallets": found,
    }


def _percent(share: float) -> str:
    return f"{min(share, 0.999) * 100:.1f} %"


def _second(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under their names, the first to the left, the last as it is."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def print_for_people(tags: Sequence[TagSummary], passes: Sequence[Pass]) -> None:
    """Tags, passes, and one sentence of sum."""
    rows = [
        (tag.epc, _WORDS[tag.result], _percent(tag.confidence), str(tag.reads), _second(tag.peak_dbm), ", ".join(str(part.n) for part in tag.moves()) or "-")
        for tag in tags
    ]
    print(table(("tag", "result", "sure", "reads", "strongest dBm", "went with pass"), rows))
    print()
    if passes:
        print(
            table(
                ("pass", "from s", "to s", "middle s", "direction", "sure", "moved", "stayed", "doubtful", "why not sure"),
                map(_pass_row, range(1, len(passes) + 1), passes),
            )
        )
    else:
        print("no pass: nothing changed sides")
    count: Counter[str] = Counter(tag.result for tag in tags)
    print(f"\n{len(tags)} tags: " + ", ".join(f"{count[result]} {word}" for result, word in _WORDS.items() if count[result]) + f"; {len(passes)} passes")


def _pass_row(n: int, one: Pass) -> tuple[str, ...]:
    return (
        str(n), _second(one.start_s), _second(one.end_s), _second(one.crossed_s), one.direction, _percent(one.confidence),
        str(len(one.moved())), str(len(one.stayed())), str(len(one.doubtful())), one.reason or "-",
    )  # fmt: skip


def _replay(options: argparse.Namespace) -> int:
    settings = parse_settings(options.settings)
    recording, sides = load(options.reads, options.eye, parse_sides(options.side), skip_bad=options.skip_bad)
    passes = replay(recording.reads, recording.edges, sides, settings)
    tags = summarise(recording.reads, passes, sides)
    if not options.json:
        print_for_people(tags, passes)
        return 0
    for tag in tags:
        print(json.dumps(tag_object(tag)))
    for n, one in enumerate(passes, 1):
        print(json.dumps(pass_object(n, one, options.read_point, recording.origin_s)))
    return 0


def _eyes_beside(reads: str) -> str | None:
    """The file of eyes that lies beside a file of reads, if there is one."""
    if reads == "-":
        return None
    path = Path(reads)
    stem = path.name.removesuffix(".gz").removesuffix(".csv")
    return next((str(beside) for name in (f"{stem}-eyes.csv", "eyes.csv") if (beside := path.with_name(name)).is_file()), None)


def _labels(path: str) -> frozenset[str]:
    """The EPCs of a file, one a line. Raises: FileError."""
    try:
        words = Path(path).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {error}; it must be text with one EPC a line") from error
    return frozenset(word.upper() for word in words if word.lower() != "epc")


def _tune(options: argparse.Namespace) -> int:
    settings, sides = parse_settings(options.settings), parse_sides(options.side)
    recordings = [load(reads, _eyes_beside(reads), sides, skip_bad=options.skip_bad) for reads in options.reads]
    labels = _labels(options.labels) if options.labels else None
    trials = list(tuning.tune(recordings, settings, labels))
    usual = trials[0].outcome
    if options.json:
        for trial in trials:
            print(json.dumps(tuning.as_object(trial, usual)))
        return 0
    print(table(tuning.header(labelled=labels is not None), (tuning.row(trial, usual) for trial in trials)))
    idle = sorted({trial.setting for trial in trials[1:]} - {trial.setting for trial in trials[1:] if trial.outcome != usual})
    if idle:
        print(f"\nno value tried changes anything: {', '.join(idle)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline door", description="A dock door's own decisions over recorded reads.")
    actions = parser.add_subparsers(dest="action", required=True)
    replaying = actions.add_parser(
        "replay",
        help="say what a door makes of a file of reads",
        description="Columns time_s, epc, antenna, peak_rssi_dbm in any order, with a header; comma, semicolon or tab; .gz too. "
        "Exports of reader tools with // lines and PassCaptured as JSON are understood as well.",
    )
    replaying.add_argument("reads", metavar="READS.csv", help="the reads; - is standard input")
    _add_common(replaying)
    replaying.add_argument("--eye", metavar="FILE", help="edges of photo-eyes: time_s, eye (inner, outer, presence), level (1 covered, 0 free)")
    replaying.add_argument("--json", action="store_true", help="one JSON object a line: every tag (kind tag), then every pass (kind pass)")
    replaying.add_argument("--read-point", default="", metavar="URI", help="the door's read point, which is part of a pass's identity")
    tuning = actions.add_parser(
        "tune",
        help="say what other settings would change",
        description="Works through every recording with the defaults, and again with other values of each setting, one at a time.",
    )
    tuning.add_argument("reads", metavar="CAPTURE", nargs="+", help="files as for replay; eyes are taken from FILE-eyes.csv or eyes.csv beside it, if there")
    _add_common(tuning)
    tuning.add_argument("--labels", metavar="FILE", help="EPCs that truly moved, one a line: shows how many tags are told rightly")
    tuning.add_argument("--json", action="store_true", help="one JSON object a line for every value")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--side", action="append", default=[], metavar="SIDE=ANTENNAS", help="which antennas look where: --side inner=1,2 --side outer=3,4")
    parser.add_argument("--settings", action="append", default=[], metavar="KEY=VALUE", help="another value than the default, for example quiet_s=2")
    parser.add_argument("--skip-bad", action="store_true", help="leave bad rows out and count them, instead of stopping")


def main(argv: list[str]) -> int:
    """Returns the exit status: 0, or 2 for wrong usage and files that cannot be used."""
    options = _parser().parse_args(argv)
    try:
        return _replay(options) if options.action == "replay" else _tune(options)
    except (UsageError, FileError) as error:
        for line in str(error).splitlines():
            _note(line)
        return _WRONG_USE
