# SPDX-License-Identifier: Apache-2.0
"""A pass through a door as people look at it: what was decided and from what, its tags, what it led to. And the passes of a door, newest first."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select

from central.bulk import among
from central.catalog.tables import item
from central.exceptions.tables import work_order
from central.inbound import captures
from central.inbound.tables import discrepancy, passage, receipt, tag_statistic
from central.ledger.tables import event as event_table
from central.paging import Page, down, page
from central.web.board import Message
from central.web.docks import Case, message_of, pass_key
from central.web.queries import english
from contracts import wire
from contracts.events import PalletPassed
from contracts.identifiers import epc_uri, sgtin_of, sscc_of

TagResult = Literal["moved_in", "moved_out", "stayed", "unknown"]
MOVED = ("moved_in", "moved_out")
SURE = 0.9
"""Below this a direction is called doubtful."""
TAGS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag of a pass. `n` is its place in the capture (-1: it has none); `name` and `code` are for people, `epc` is what was read."""

    n: int
    epc: str
    code: str
    name: str
    name_zh: str
    result: TagResult
    confidence: float | None
    strongest_dbm: float | None
    reads: int
    sides: tuple[str, ...]
    label: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the door decided from: how many tags went which way, what the eyes say (in, out, or empty)."""

    tags_in: int
    tags_out: int
    tags_unknown: int
    stayed: int
    doubtful: int
    neighbour: int
    eyes: Literal["in", "out", ""]


@dataclass(frozen=True, slots=True)
class Led:
    """What a pass led to."""

    received_at: str
    discrepancies: tuple[Row[Any], ...]
    cases: tuple[tuple[Case, bool], ...]


@dataclass(frozen=True, slots=True)
class PassShown:
    """A pass. `outcome` is empty when its movement has not come (yet); `capture` is None when its reads have not, or are forgotten."""

    pass_id: str
    site: str
    station: str
    passed_at: datetime
    direction: Literal["in", "out", "unknown"]
    confidence: float
    reason: str
    outcome: str
    pallet: str
    notice: str
    cases_seen: int
    cases_expected: int | None
    told: Message | None
    evidence: Evidence
    tags: tuple[TagRow, ...]
    led: Led
    capture: captures.Capture | None

    @property
    def doubtful(self) -> bool:
        """Whether a person should look."""
        return self.direction == "unknown" or self.confidence < SURE or bool(self.evidence.doubtful)


def pass_shown(connection: Connection, pass_id: str) -> PassShown | None:
    """One pass by its id, or by the event that told of it; None when nobody knows it."""
    row = _passage(connection, pass_id)
    capture = captures.capture_of(connection, row.pass_id if row is not None and row.pass_id else pass_id)
    if row is None and capture is None:
        return None
    event = None if row is None else _event(connection, row.event_id)
    tags = _tags(connection, capture, event)
    source: Any = row if row is not None else capture
    return PassShown(
        pass_id=pass_id,
        site=source.site,
        station=source.station,
        passed_at=row.passed_at if row is not None else source.started_at,
        direction=source.direction,
        confidence=source.confidence,
        reason=(event.evidence.reason if event is not None else "") or (capture.reason if capture is not None else ""),
        outcome=row.outcome if row is not None else "",
        pallet=row.sscc if row is not None else "",
        notice=row.notice if row is not None else "",
        cases_seen=row.cases_seen if row is not None else 0,
        cases_expected=row.cases_expected if row is not None else None,
        told=message_of(row) if row is not None else None,
        evidence=_evidence(event, capture, tags),
        tags=tags,
        led=_led(connection, row),
        capture=capture,
    )


def _passage(connection: Connection, pass_id: str) -> Row[Any] | None:
    found = connection.execute(select(passage).where(passage.c.pass_id == pass_id).order_by(passage.c.passed_at, passage.c.event_id).limit(1)).first()
    if found is not None or not _is_uuid(pass_id):
        return found
    return connection.execute(select(passage).where(passage.c.event_id == pass_id)).first()


def keys_of(connection: Connection, event_ids: Collection[str]) -> dict[str, str]:
    """What names the page of the pass that each event told of, for those that told of one."""
    if not event_ids:
        return {}
    rows = connection.execute(select(passage.c.event_id, passage.c.pass_id).where(among(connection, passage.c.event_id, sorted(event_ids))))
    return {row.event_id: pass_key(row) for row in rows}


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _event(connection: Connection, event_id: str) -> PalletPassed | None:
    body = connection.execute(select(event_table.c.body).where(event_table.c.id == event_id)).scalar()
    try:
        event = wire.decode_event(body) if body else None
    except wire.WireError:
        return None
    return event if isinstance(event, PalletPassed) else None


def _evidence(event: PalletPassed | None, capture: captures.Capture | None, tags: Sequence[TagRow]) -> Evidence:
    results = [tag.result for tag in tags]
    said = event.evidence if event is not None else None
    told = said is not None and bool(said.tags_in or said.tags_out or said.tags_unknown)
    return Evidence(
        tags_in=said.tags_in if told and said is not None else results.count("moved_in"),
        tags_out=said.tags_out if told and said is not None else results.count("moved_out"),
        tags_unknown=said.tags_unknown if told and said is not None else results.count("unknown"),
        stayed=len(event.stray_epcs) if event is not None else results.count("stayed"),
        doubtful=len(event.doubtful_epcs) if event is not None else 0,
        neighbour=len(event.neighbour_epcs) if event is not None else 0,
        eyes=_way(said.eyes if said is not None else _covered(capture) if capture is not None else ""),
    )


def _covered(capture: captures.Capture) -> str:
    """The order in which the photo-eyes were covered, as a movement tells it."""
    columns = capture.columns
    edges = sorted(zip(columns.edge_ms, columns.edge_eyes, columns.edge_levels, strict=True))
    return "-".join(dict.fromkeys(eye for _, eye, level in edges if level))


def _way(eyes: str) -> Literal["in", "out", ""]:
    """Which way the order says in which the photo-eyes were covered; nothing where only one was, or none."""
    seen = [eye for eye in eyes.split("-") if eye in ("inner", "outer")]
    if len(seen) < 2 or seen[0] == seen[-1]:
        return ""
    return "in" if seen[0] == "outer" else "out"


def _tags(connection: Connection, capture: captures.Capture | None, event: PalletPassed | None) -> tuple[TagRow, ...]:
    rows = _captured_tags(capture) if capture is not None else _told_tags(event) if event is not None else []
    said = [_said(tag.epc) for tag in rows]
    names = _names(connection, [each.gtin for each in said if each.gtin])
    order = {"unknown": 0, "moved_in": 1, "moved_out": 1, "stayed": 2}
    named = [_named(tag, each, names) for tag, each in zip(rows, said, strict=True)]
    return tuple(sorted(named, key=lambda tag: (order[tag.result], not tag.label, tag.name, tag.code, tag.epc)))


def _bare(n: int, epc: str, result: str, confidence: float | None, strongest: float | None, reads: int, sides: tuple[str, ...] = ()) -> TagRow:
    known: TagResult = result if result in captures.RESULTS else "unknown"  # type: ignore[assignment]  # one of the four words
    return TagRow(n, epc, epc, "", "", known, confidence, strongest, reads, sides, label=False)


def _captured_tags(capture: captures.Capture) -> list[TagRow]:
    columns = capture.columns
    reads = [0] * len(columns.epcs)
    strongest: list[float | None] = [None] * len(columns.epcs)
    sides: list[set[str]] = [set() for _ in columns.epcs]
    for tag, antenna, rssi in zip(columns.read_tags, columns.read_antennas, columns.read_rssi_dbm, strict=True):
        reads[tag] += 1
        sides[tag].add(columns.sides.get(str(antenna), ""))
        best = strongest[tag]
        if rssi is not None and (best is None or rssi > best):
            strongest[tag] = rssi
    return [
        _bare(n, epc, columns.results[n], columns.confidences[n], strongest[n], reads[n], tuple(sorted(sides[n] - {""}))) for n, epc in enumerate(columns.epcs)
    ]


def _told_tags(event: PalletPassed) -> list[TagRow]:
    """The tags that the movement itself names, when the reads are not there."""
    moved = {"in": "moved_in", "out": "moved_out"}.get(event.direction, "unknown")
    labels = [*filter(None, (event.parent_id,)), *event.other_parents]
    results = dict.fromkeys([*labels, *event.child_epcs], moved) | dict.fromkeys(event.doubtful_epcs, "unknown") | dict.fromkeys(event.stray_epcs, "stayed")
    return [_bare(-1, epc, result, None, event.strengths_dbm.get(epc), 0) for epc, result in results.items()]


class _Said(NamedTuple):
    """What a tag says of itself: a pallet's SSCC, or a GTIN and a serial, or neither."""

    sscc: str = ""
    gtin: str = ""
    serial: str = ""


def _said(epc: str) -> _Said:
    uri = epc if epc.startswith(("urn:", "https:")) else epc_uri(epc) or ""
    if sscc := sscc_of(uri):
        return _Said(sscc=sscc)
    sgtin = sgtin_of(uri)
    return _Said("", *sgtin) if sgtin is not None else _Said()


def _names(connection: Connection, gtins: Sequence[str]) -> dict[str, Any]:
    if not gtins:
        return {}
    query = select(item.c.gtin, item.c.code, item.c.name, item.c.name_zh).where(among(connection, item.c.gtin, sorted(set(gtins))))
    return {row.gtin: row for row in connection.execute(query)}


def _named(tag: TagRow, said: _Said, names: Mapping[str, Any]) -> TagRow:
    if said.sscc:
        return replace(tag, code=said.sscc, label=True)
    if said.gtin:
        known = names.get(said.gtin)
        name, name_zh = (known.name or known.code, known.name_zh) if known is not None else ("", "")
        return replace(tag, code=f"{said.gtin} · {said.serial}", name=name, name_zh=name_zh)
    return tag


def _led(connection: Connection, row: Row[Any] | None) -> Led:
    if row is None:
        return Led("", (), ())
    place = connection.execute(select(receipt.c.place).where(receipt.c.event_id == row.event_id).limit(1)).scalar()
    differences = connection.execute(select(discrepancy).where(discrepancy.c.event_id == row.event_id).order_by(discrepancy.c.id).limit(50)).all()
    asked = or_(work_order.c.event_id == row.event_id, among(connection, work_order.c.id, [each.work_order for each in differences if each.work_order]))
    orders = connection.execute(select(work_order).where(asked).order_by(work_order.c.priority, work_order.c.id)).all()
    cases = tuple((Case(each.id, Message.of(each.kind, each.message, each.params), each.priority, each.created_at), each.state == "open") for each in orders)
    return Led(place or "", tuple(differences), cases)


def history(connection: Connection, site: str, station: str, direction: str, doubtful: bool, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """The passes of a door (of any site when `site` is empty), newest first. Raises: BadCursorError."""
    query = select(passage).where(passage.c.station == station)
    if site:
        query = query.where(passage.c.site == site)
    if direction:
        query = query.where(passage.c.direction == direction)
    if doubtful:
        query = query.where(or_(passage.c.direction == "unknown", passage.c.confidence < SURE, passage.c.outcome.in_(("not_received", "differences"))))
    return page(connection, query, [down(passage.c.passed_at), down(passage.c.event_id)], after, limit, _passed)


def _passed(row: Any) -> dict[str, Any]:
    known = Message.of(row["reason"], english(row["reason"], row["params"]), row["params"]) if row["reason"] else None
    return {**row, "key": row["pass_id"] or row["event_id"], "told": known}


def read_rates(connection: Connection, site: str, station: str, limit: int = 20) -> Sequence[Any]:
    """How often this door reads the tags of each item: code, name, name_zh, there, seen; the worst first."""
    here = and_(tag_statistic.c.station == station, tag_statistic.c.site == site) if site else tag_statistic.c.station == station
    query = (
        select(item.c.code, item.c.name, item.c.name_zh, tag_statistic.c.there, tag_statistic.c.seen)
        .join(item, item.c.code == tag_statistic.c.item)
        .where(here, tag_statistic.c.there >= 1)
    )
    return connection.execute(query.order_by(tag_statistic.c.seen / tag_statistic.c.there, item.c.code).limit(limit)).all()
