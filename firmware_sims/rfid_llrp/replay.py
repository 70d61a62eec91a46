# SPDX-License-Identifier: Apache-2.0
"""Captured portal reads as a schedule for the simulated reader, with their original timing.

Format: lines after those that begin with `//` are `timestamp;EPC;TID;antenna;RSSI dBm;frequency MHz;host;phase;Doppler`, numbers with a decimal comma,
timestamps in ISO 8601 with seven decimals. Source of the format and of the excerpt in `captured/`: github.com/corentinbouton/RFID-tags-detection, MIT.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

CAPTURED = Path(__file__).parent / "captured"
TWO_PASSES = CAPTURED / "portal_two_passes.csv.gz"
"""25 s of four antennas (1 and 2 inner, 3 and 4 outer): 100 tags pass outward at about 5 s and inward at about 19 s, before 49 that stand still."""

_ISO_CHARACTERS = 26  # date and time with microseconds; a seventh decimal follows, then the zone


class CapturedRead(NamedTuple):
    """One read, `at_s` seconds after the first of its file."""

    at_s: float
    epc: str
    antenna: int
    peak_rssi_dbm: float


class CaptureError(ValueError):
    """A line that is not a captured read; the text says where and what."""


def moving_epcs() -> frozenset[str]:
    """The EPCs of the excerpt that really moved."""
    return frozenset((CAPTURED / "moving_epcs.csv").read_text(encoding="ascii").split())


def captured_reads(path: Path = TWO_PASSES) -> list[CapturedRead]:
    """The reads of a capture file, plain or gzip, in their order. Raises: CaptureError: a line cannot be read."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = enumerate(raw.decode("utf-8").splitlines(), 1)
    parsed = [_parsed(path, number, line) for number, line in lines if line.strip() and not line.startswith("//")]
    begin = parsed[0][0] if parsed else None
    return [read._replace(at_s=(at - begin).total_seconds()) for at, read in parsed if begin is not None]


def _parsed(path: Path, number: int, line: str) -> tuple[datetime, CapturedRead]:
    try:
        stamp, epc, _, antenna, rssi, *_ = line.split(";")
        at = datetime.fromisoformat(stamp[:_ISO_CHARACTERS] + stamp[_ISO_CHARACTERS:].lstrip("0123456789"))
        return at, CapturedRead(0.0, bytes.fromhex(epc).hex().upper(), int(antenna), float(rssi.replace(",", ".")))
    except ValueError as error:
        raise CaptureError(f"{path.name}:{number}: not a captured read: {error}") from error


def schedule(reads: Sequence[CapturedRead], *, begin_s: float = 0.0, speed: float = 1.0, pause_s: float | None = None) -> Iterator[CapturedRead]:
    """When each read is to happen: from `begin_s` on, `speed` times as fast; again and again with `pause_s` between, or once when that is None."""
    while reads:
        for read in reads:
            yield read._replace(at_s=begin_s + read.at_s / speed)
        if pause_s is None:
            return
        begin_s += reads[-1].at_s / speed + pause_s
