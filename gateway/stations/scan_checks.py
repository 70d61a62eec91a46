# SPDX-License-Identifier: Apache-2.0
"""What scans are checked against: the list of what is expected at a station, and what of it was scanned here. It needs neither broker nor central.

Central's list says how much is expected in all, so what was scanned is counted here from list to list, under the names of its lines: a list that was made
before central heard of a scan takes nothing back. What is no longer on the list is forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from contracts.commands import ScanLine, ScanWork
from contracts.events import ScanChecked
from contracts.readings import Identifiers, Scan

_GTIN_DIGITS = 14


class _Taken(msgspec.Struct):
    """What was scanned of a line: pieces, and the serials among them."""

    pieces: int = 0
    serials: list[str] = []


class Verdict(NamedTuple):
    """What the list says of a scan; `pieces` of `line` are expected by it."""

    checked: ScanChecked = ""
    version: int = 0
    line: str = ""
    pieces: int = 0
    task: str = ""
    order: str = ""


class ScanChecks:
    """The list of one station and what was scanned of it."""

    def __init__(self) -> None:
        self._work: ScanWork | None = None
        self._list = b""
        self._taken: dict[str, _Taken] = {}
        self._by_code: dict[str, list[ScanLine]] = {}

    def take_list(self, work: ScanWork) -> None:
        """A new list replaces the one before; an older one than is known changes nothing."""
        if self._work is None or work.version >= self._work.version:
            self._set(work)

    def judge(self, scan: Scan) -> Verdict:
        """What the list says of a scan; of several lines that it fits, one that it completes, else the first of which enough is left. Nothing is counted."""
        if self._work is None or self._work.expected is None:
            return Verdict(version=self._work.version if self._work is not None else 0)
        version = self._work.version
        code, fits = self._fitting(scan)
        said = scan.identifiers
        open_lines = [(line, line.codes[code] * max(1, said.count or 1)) for line in fits if not self._has(line, said)]
        enough = [(line, pieces) for line, pieces in open_lines if self._left(line) >= pieces]
        if enough:
            line, pieces = next((each for each in enough if self._left(each[0]) == each[1]), enough[0])
            return Verdict("expected", version, line.line, pieces, line.task, line.order)
        if fits:
            return Verdict("repeated", version, fits[0].line, 0, fits[0].task, fits[0].order)
        return Verdict("unexpected", version)

    def count(self, verdict: Verdict, scan: Scan) -> None:
        """What was expected is there now: it is counted down."""
        if verdict.checked != "expected":
            return
        taken = self._taken.setdefault(verdict.line, _Taken())
        taken.pieces += verdict.pieces
        if scan.identifiers.serial:
            taken.serials.append(scan.identifiers.serial)

    def parts(self) -> dict[str, bytes]:
        """The list, which is large and seldom changes, and the counts, which change with every scan."""
        return {"": self._list, "taken": msgspec.msgpack.encode(self._taken)}

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """Take up what `parts` gave. Raises: ValueError: it is damaged."""
        listed, taken = parts.get("", b""), parts.get("taken", b"")
        try:
            work = msgspec.msgpack.decode(listed, type=ScanWork) if listed else None
            self._taken = msgspec.msgpack.decode(taken, type=dict[str, _Taken]) if taken else {}
        except msgspec.MsgspecError as error:
            raise ValueError(f"what is expected: {error}") from error
        self._set(work)

    def _set(self, work: ScanWork | None) -> None:
        lines = (work.expected or []) if work is not None else []
        by_code = defaultdict(list)
        for line in lines:
            for code in line.codes:
                by_code[code].append(line)
        self._work, self._by_code = work, dict(by_code)
        self._list = msgspec.msgpack.encode(work) if work is not None else b""
        names = {line.line for line in lines}
        self._taken = {name: taken for name, taken in self._taken.items() if name in names}
        for line in lines:  # what was counted here may be news to central; what central knows of here may have been lost with a card
            if line.here > self._taken.get(line.line, _Taken()).pieces:
                self._taken.setdefault(line.line, _Taken()).pieces = line.here

    def _fitting(self, scan: Scan) -> tuple[str, list[ScanLine]]:
        """Under which of its codes a scan is expected, and the lines that it fits."""
        for code in codes_of(scan):
            if fits := [line for line in self._by_code.get(code, ()) if fits_line(line, scan.identifiers)]:
                return code, fits
        return "", []

    def _left(self, line: ScanLine) -> int:
        """Pieces of a line not yet scanned."""
        here = self._taken.get(line.line)
        return line.quantity - line.elsewhere - (here.pieces if here is not None else 0)

    def _has(self, line: ScanLine, said: Identifiers) -> bool:
        here = self._taken.get(line.line)
        return here is not None and said.serial is not None and said.serial in here.serials


def codes_of(scan: Scan) -> Iterable[str]:
    """What a list may call a scan, the most telling first; nothing for one that could not be read."""
    if scan.error is not None:
        return ()
    said = scan.identifiers
    gtin = said.gtin.zfill(_GTIN_DIGITS) if said.gtin else None
    return [code for code in (said.sscc, gtin, scan.text.strip()) if code]


def fits_line(line: ScanLine, said: Identifiers) -> bool:
    """Whether what a label says beside its code is what the line expects; what the label does not say cannot be wrong."""
    if line.lot and said.lot is not None and said.lot != line.lot:
        return False
    return not line.serials or said.serial is None or said.serial in line.serials
