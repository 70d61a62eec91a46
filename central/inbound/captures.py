# SPDX-License-Identifier: Apache-2.0
"""Captures of passes: what the antennas and photo-eyes of a door saw, kept for people to look at and for `dockline door replay`.

Of each door the newest are kept, and none for ever: see `forget`. A capture travels apart from its movement and may come before it, after it, or never.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select

from central.database import insert_or_leave
from central.errors import DomainError
from central.inbound.tables import pass_capture
from central.ingest.registry import EventContext
from contracts.events import PassCaptured

RESULTS = ("moved_in", "moved_out", "stayed", "unknown")
SIDES = ("inner", "outer")
READS_HEADER = ("time_s", "epc", "antenna", "peak_rssi_dbm")
EYES_HEADER = ("time_s", "eye", "level")
_PASS_ID_LENGTH_MAX = 64
_COLUMNS_OF_READS = ("read_ms", "read_tags", "read_antennas", "read_rssi_dbm")
_COLUMNS_OF_EDGES = ("edge_ms", "edge_eyes", "edge_levels")


class Columns(msgspec.Struct, frozen=True):
    """The columns of a capture as they are kept; see `contracts.events.PassCaptured`. Lists of one kind have the same length."""

    sides: dict[str, str]
    epcs: list[str]
    results: list[str]
    confidences: list[float]
    read_ms: list[int]
    read_tags: list[int]
    read_antennas: list[int]
    read_rssi_dbm: list[float | None]
    edge_ms: list[int]
    edge_eyes: list[str]
    edge_levels: list[bool]


_decoder = msgspec.json.Decoder(Columns)


@dataclass(frozen=True, slots=True)
class Capture:
    """A kept capture. `left_out` reads were too many for the gateway to keep."""

    pass_id: str
    site: str
    gateway: str
    station: str
    started_at: datetime
    direction: str
    confidence: float
    reason: str
    left_out: int
    columns: Columns


class BrokenCaptureError(DomainError):
    """A capture whose columns do not fit each other."""

    def __init__(self, pass_id: str, what: str) -> None:
        super().__init__(
            "capture_broken", f"the capture of pass {pass_id[:_PASS_ID_LENGTH_MAX]!r} cannot be kept: {what}; bring the gateway's program up to date"
        )


def pass_captured(connection: Connection, context: EventContext, event: PassCaptured) -> None:
    """Keep the reads of a pass; the same pass captured again by its gateway replaces what was kept. Raises: BrokenCaptureError."""
    if fault := _fault(event):
        raise BrokenCaptureError(event.pass_id, fault)
    values = {
        "pass_id": event.pass_id,
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "started_at": event.started_at,
        "direction": event.direction,
        "confidence": event.confidence,
        "reason": event.reason,
        "tags": len(event.epcs),
        "reads": len(event.read_ms),
        "left_out": event.left_out,
        "body": packed(event),
        "kept_at": context.now,
    }
    said = insert_or_leave(connection, pass_capture).values(**values)
    # Another gateway has no say in what this one saw.
    mine = pass_capture.c.gateway == context.gateway
    connection.execute(said.on_conflict_do_update(index_elements=["pass_id"], set_=values, where=mine))


def _fault(event: PassCaptured) -> str:
    """What is wrong with a capture; empty: nothing."""
    if not 0 < len(event.pass_id) <= _PASS_ID_LENGTH_MAX:
        return "it names no pass"
    lengths = (
        {len(event.epcs), len(event.results), len(event.confidences)},
        {len(getattr(event, name)) for name in _COLUMNS_OF_READS},
        {len(getattr(event, name)) for name in _COLUMNS_OF_EDGES},
    )
    if any(len(each) != 1 for each in lengths):
        return "its columns are not of one length"
    if event.read_tags and not 0 <= min(event.read_tags) <= max(event.read_tags) < len(event.epcs):
        return "it has reads of tags that it does not list"
    if strange := sorted({*event.results} - {*RESULTS} | {*event.sides.values()} - {*SIDES}):
        return f"{strange[0]!r} is neither a result nor a side"
    return ""


def packed(event: PassCaptured) -> bytes:
    """The columns of a capture as they are stored."""
    columns = Columns(**{name: getattr(event, name) for name in Columns.__struct_fields__})
    return zlib.compress(msgspec.json.encode(columns), level=6)


def capture_of(connection: Connection, pass_id: str) -> Capture | None:
    """The capture of a pass; None when there is none, or none any more."""
    row = connection.execute(select(pass_capture).where(pass_capture.c.pass_id == pass_id)).one_or_none()
    return None if row is None else _capture(row)


def _capture(row: Row[Any]) -> Capture:
    names = ("pass_id", "site", "gateway", "station", "started_at", "direction", "confidence", "reason", "left_out")
    return Capture(**{name: getattr(row, name) for name in names}, columns=_decoder.decode(zlib.decompress(row.body)))


def reads_csv(capture: Capture) -> str:
    """The reads as `dockline door replay` takes them: time_s (since the session began), epc (hex), antenna, peak_rssi_dbm (empty: not told)."""
    columns = capture.columns
    rows = zip(columns.read_ms, columns.read_tags, columns.read_antennas, columns.read_rssi_dbm, strict=True)
    return _csv(READS_HEADER, ((f"{ms / 1000:.3f}", columns.epcs[tag], antenna, "" if rssi is None else rssi) for ms, tag, antenna, rssi in rows))


def eyes_csv(capture: Capture) -> str:
    """The edges of the photo-eyes as `dockline door replay --eye` takes them: time_s, eye, level (1: something is there)."""
    rows = zip(capture.columns.edge_ms, capture.columns.edge_eyes, capture.columns.edge_levels, strict=True)
    return _csv(EYES_HEADER, ((f"{ms / 1000:.3f}", eye, int(level)) for ms, eye, level in rows))


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return written.getvalue()


def replay_sides(sides: Mapping[str, str]) -> str:
    """The sides of the antennas as arguments of `dockline door replay`: `--side inner=1,2 --side outer=3,4`."""
    named = {side: sorted((antenna for antenna, where in sides.items() if where == side), key=lambda text: (len(text), text)) for side in SIDES}
    return " ".join(f"--side {side}={','.join(antennas)}" for side, antennas in named.items() if antennas)


def forget(connection: Connection, before: datetime, keep_per_door: int) -> int:
    """Forget captures that were kept before an instant, and of each door all but the newest; returns how many were forgotten."""
    gone = connection.execute(delete(pass_capture).where(pass_capture.c.kept_at < before)).rowcount
    doors = connection.execute(select(pass_capture.c.site, pass_capture.c.station).distinct()).all()
    for site, station in doors:
        here = (pass_capture.c.site == site) & (pass_capture.c.station == station)
        newest = select(pass_capture.c.kept_at).where(here).order_by(pass_capture.c.kept_at.desc())
        first_too_old = connection.execute(newest.offset(keep_per_door).limit(1)).scalar()
        if first_too_old is not None:
            gone += connection.execute(delete(pass_capture).where(here, pass_capture.c.kept_at <= first_too_old)).rowcount
    return gone
