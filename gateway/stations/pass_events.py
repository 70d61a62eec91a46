# SPDX-License-Identifier: Apache-2.0
"""What a dock door tells of a pass: the event for the goods, and the capture of what was seen."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

from contracts.commands import DoorWork
from contracts.events import PalletPassed, PassCaptured, PassEvidence
from gateway.clock import Instant
from gateway.portal.arbiter import Ruling
from gateway.portal.pallets import Pallet, uri_of
from gateway.portal.reads import Pass, Read, Side, TagResult

CAPTURE_READS_MAX = 2_000  # chosen: some 25 kB before compression; a pallet of 50 tags has 600
CAPTURE_TAGS_MAX = 500
CAPTURE_EDGES_MAX = 200
_SPACE = uuid.UUID("6f1c7d0e-5d1a-5b43-9a57-3b2c8c6e2f10")  # chosen once: names of passes are unique within it
Checked = Literal["", "expected", "unexpected"]


class Place(NamedTuple):
    """The door as events name it."""

    station: str
    read_point: str
    biz_step: str
    sides: Mapping[int, Side]


class Told(NamedTuple):
    """A pallet of a pass, with what neighbours and the door's work list say of it."""

    pallet: Pallet
    ruling: Ruling
    checked: Checked
    work_version: int
    pass_id: str

    @property
    def own(self) -> list[TagResult]:
        """The tags that are said to have gone here."""
        lost = self.ruling.neighbours | self.ruling.contested
        return [tag for tag in self.pallet.tags if tag.epc not in lost]

    @property
    def doubtful(self) -> list[TagResult]:
        """The tags that may have."""
        return [tag for tag in self.pallet.tags if tag.epc in self.ruling.contested] + list(self.pallet.doubtful)

    @property
    def parent(self) -> str | None:
        """The pallet, if its label is said to have gone here."""
        return self.pallet.parent if self.pallet.parent in {uri_of(tag.epc) for tag in self.own} else None

    @property
    def contested_parents(self) -> set[str]:
        """The pallet, if its label may as well have gone by a neighbour; else none."""
        return {uri for uri in map(uri_of, self.ruling.contested) if uri == self.pallet.parent}


def first_seen_s(one: Pass, pallet: Pallet) -> float:
    """When the goods were seen first: the same for the same reads, whatever else was read beside them."""
    own = {tag.epc for tag in pallet.tags}
    seen = [read.t_s for read in one.reads if read.epc in own] or [edge.t_s for edge in one.edges]
    return min(seen, default=one.start_s)


def pass_id_of(read_point: str, started_us: int, pallet: Pallet) -> str:
    """UUID version 5 of read point, microsecond of the reader's clock at which the goods were seen first, and tags."""
    return str(uuid.uuid5(_SPACE, "|".join([read_point, str(started_us), *sorted(tag.epc for tag in pallet.tags)])))


def checked_by(work: DoorWork | None, one: Pass, sscc: str | None) -> Checked:
    """What the work list says of a pallet: empty where there is none for this way, or where pallet or way are not known."""
    listed = None if work is None else work.may_come if one.direction == "in" else work.may_leave if one.direction == "out" else None
    if listed is None or sscc is None:
        return ""
    return "expected" if sscc in listed else "unexpected"


def is_clear(one: Pass, told: Told) -> bool:
    """Whether nobody needs to look: pallet and way are known, the pallet is this door's, and it may pass."""
    return one.direction != "unknown" and told.pallet.is_clear and told.parent is not None and told.checked != "unexpected"


def pallet_passed(place: Place, one: Pass, told: Told, at: Instant, decided_s: float) -> PalletPassed | None:
    """The event; None: all of it went by a neighbour's door, which tells it. `at` is when the goods passed, `decided_s` when that was known."""
    own = told.own
    if told.pallet.tags and not own and not told.doubtful:
        return None
    parent, doubtful = told.parent, told.doubtful
    contested = any(tag.epc in told.ruling.contested for tag in told.pallet.tags)
    reason = f"read as strongly at {', '.join(told.ruling.doors)}" if contested else one.reason
    kept = {uri_of(tag.epc) for tag in own}
    return PalletPassed(
        **{**at.stamp(), "monotonic_s": decided_s},
        station=place.station,
        read_point=place.read_point,
        biz_step=place.biz_step,
        direction=one.direction,
        confidence=round(min(max(one.confidence, 0.0), 1.0), 3),
        parent_id=parent,
        child_epcs=[uri for uri in told.pallet.children() if uri in kept],
        other_parents=sorted({*kept.intersection(told.pallet.others), *told.contested_parents}),
        stray_epcs=sorted(uri_of(tag.epc) for tag in one.stayed()),
        evidence=evidence_of(one, own, reason, place.sides),
        pass_id=told.pass_id,
        doubtful_epcs=sorted({uri_of(tag.epc) for tag in doubtful} - told.contested_parents),
        neighbour_epcs=sorted(uri_of(tag.epc) for tag in told.pallet.tags if tag.epc in told.ruling.neighbours),
        strengths_dbm={uri_of(tag.epc): round(tag.peak_dbm, 1) for tag in (*own, *doubtful) if tag.peak_dbm is not None},
        checked=told.checked if parent is not None else "",
        work_version=told.work_version,
    )


def evidence_of(one: Pass, own: Sequence[TagResult], reason: str, sides: Mapping[int, Side]) -> PassEvidence:
    """Why the door decided so."""
    epcs = {tag.epc for tag in own}
    results = [tag.result for tag in own]
    return PassEvidence(
        reads=sum(read.epc in epcs for read in one.reads),
        eyes="-".join(one.eyes),
        antennas=one.antennas,
        antennas_confidence=round(one.antennas_confidence, 3),
        closed_by=one.closed_by,
        peaks_s=side_peaks_s(one.reads, epcs, sides, one.start_s),
        tags_in=results.count("moved_in"),
        tags_out=results.count("moved_out"),
        tags_unknown=results.count("unknown"),
        duration_s=round(one.end_s - one.start_s, 3),
        reason=reason,
    )


def side_peaks_s(reads: Sequence[Read], epcs: set[str], sides: Mapping[int, Side], start_s: float) -> dict[str, float]:
    """Seconds since `start_s` at which the goods were nearest to each side: the median of the times at which their tags were read strongest there."""
    strongest: dict[tuple[str, Side], Read] = {}
    for read in reads:
        side = sides.get(read.antenna)
        if side is None or read.rssi_dbm is None or read.epc not in epcs:
            continue
        known = strongest.get((read.epc, side))
        if known is None or known.rssi_dbm is None or read.rssi_dbm > known.rssi_dbm:
            strongest[read.epc, side] = read
    times: dict[str, list[float]] = {}
    for (_, side), read in strongest.items():
        times.setdefault(side, []).append(read.t_s - start_s)
    return {side: round(median(seconds), 3) for side, seconds in sorted(times.items())}


def pass_captured(place: Place, one: Pass, pass_id: str, started: Instant, start_s: float, told_at: Instant) -> PassCaptured:
    """What was seen, in columns; reads beyond what is kept are left out evenly."""
    tags = sorted(one.tags, key=lambda tag: (tag.result == "stayed", -tag.reads, tag.epc))[:CAPTURE_TAGS_MAX]
    number_of = {tag.epc: number for number, tag in enumerate(tags)}
    known = [read for read in one.reads if read.epc in number_of]
    reads = thinned(known, CAPTURE_READS_MAX)
    edges = one.edges[:CAPTURE_EDGES_MAX]
    columns: dict[str, Any] = {
        "read_ms": [round((read.t_s - start_s) * 1000) for read in reads],
        "read_tags": [number_of[read.epc] for read in reads],
        "read_antennas": [read.antenna for read in reads],
        "read_rssi_dbm": [read.rssi_dbm for read in reads],
        "edge_ms": [round((edge.t_s - start_s) * 1000) for edge in edges],
        "edge_eyes": [edge.eye for edge in edges],
        "edge_levels": [edge.level for edge in edges],
    }
    return PassCaptured(
        **told_at.stamp(),
        station=place.station,
        pass_id=pass_id,
        started_at=started.utc,
        direction=one.direction,
        confidence=round(min(max(one.confidence, 0.0), 1.0), 3),
        reason=one.reason,
        sides={str(antenna): side for antenna, side in sorted(place.sides.items())},
        epcs=[tag.epc for tag in tags],
        results=[tag.result for tag in tags],
        confidences=[round(tag.confidence, 3) for tag in tags],
        left_out=len(one.reads) - len(reads),
        **columns,
    )


def thinned(reads: Sequence[Read], most: int) -> list[Read]:
    """At most so many, spread evenly, the first and the last among them."""
    if len(reads) <= most:
        return list(reads)
    return [reads[round(number * (len(reads) - 1) / (most - 1))] for number in range(most)]
