# SPDX-License-Identifier: Apache-2.0
"""Which pallets a pass was: one SSCC and its cases, none, or several that are told apart by when their tags crossed, where that is clear."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from contracts.identifiers import epc_uri, identity_of_epc
from gateway.portal.reads import Pass, TagResult

APART_S = 1.0  # chosen: pallets whose middles follow each other faster are not told apart (1.2 m deep, 1.2 m/s)
APART_SPREADS = 4.5  # one load cut in two by time lies 3.5 standard deviations of its halves apart (evenly laden) or less: this is more than chance
BETWEEN_SHARE = 0.3  # a case that crossed in the middle 30 % between two pallets is nobody's
GROUP_MIN = 4  # chosen: fewer tags that crossed apart from the others are a matter of reads, not another pallet
LABEL_READS_MIN = 4  # chosen: when a label crossed is not known by fewer reads
_ROUNDS_MAX = 10


class Pallet(NamedTuple):
    """What one event tells. `sscc` (18 digits) and `parent` (URI) None: no SSCC was read, or `others` were and nobody knows whose the tags are."""

    sscc: str | None
    parent: str | None
    others: tuple[str, ...]
    tags: tuple[TagResult, ...]
    doubtful: tuple[TagResult, ...]
    crossed_s: float | None

    def children(self) -> list[str]:
        """URIs of the tags that are no SSCC."""
        return sorted(uri_of(tag.epc) for tag in self.tags if sscc_of(tag.epc) is None)

    @property
    def is_clear(self) -> bool:
        """Whether the pallet is known."""
        return self.parent is not None and not self.others


def sscc_of(epc: str) -> str | None:
    """The 18 digits, if a tag (hex) is a pallet's."""
    identity = identity_of_epc(epc)
    return identity.sscc if identity is not None else None


def uri_of(epc: str) -> str:
    """The pure identity of a tag (hex); what is no GS1 EPC of ours stays raw (TDS 1.13 section 12)."""
    return epc_uri(epc) or f"urn:epc:raw:{len(epc) * 4}.x{epc}"


def pallets(one: Pass) -> list[Pallet]:
    """The pallets of a pass, in the order in which they crossed."""
    moved = tuple(one.moved())
    named = {tag.epc for tag in (*moved, *one.stayed())}
    doubtful = tuple(tag for tag in one.tags if tag.epc not in named)
    parents = [tag for tag in moved if sscc_of(tag.epc) is not None]
    if len(parents) > 1:
        return _split(parents, moved, doubtful) or [Pallet(None, None, tuple(sorted(uri_of(tag.epc) for tag in parents)), moved, doubtful, one.crossed_s)]
    if not parents:
        return [Pallet(None, None, (), moved, doubtful, one.crossed_s)]
    own, unsure = _with(parents[0], moved)
    return [Pallet(sscc_of(parents[0].epc), uri_of(parents[0].epc), (), own, (*unsure, *doubtful), one.crossed_s)]


def _with(parent: TagResult, moved: tuple[TagResult, ...]) -> tuple[tuple[TagResult, ...], tuple[TagResult, ...]]:
    """(tags that crossed with a pallet's label, tags that clearly crossed before or after it: perhaps of another pallet whose label was not read)."""
    timed = sorted(tag.crossed_s for tag in moved if tag.crossed_s is not None)
    if parent.crossed_s is None or parent.reads < LABEL_READS_MIN or len(timed) < 2 * GROUP_MIN:
        return moved, ()
    middles = _middles(timed, [timed[0], timed[-1]])
    if middles is None or not _are_apart(timed, middles):
        return moved, ()
    number = _nearest(parent.crossed_s, middles)
    others = tuple(tag for tag in moved if tag is not parent and tag.crossed_s is not None and _nearest(tag.crossed_s, middles) != number)
    if min(len(others), len(moved) - len(others)) < GROUP_MIN:
        return moved, ()
    return tuple(tag for tag in moved if tag not in others), others


def _split(parents: Sequence[TagResult], moved: Sequence[TagResult], doubtful: Sequence[TagResult]) -> list[Pallet] | None:
    """A pallet for each SSCC by the times at which tags crossed (k-means that starts at the SSCCs); None: that is not clear."""
    timed = sorted((tag.crossed_s, tag.epc) for tag in moved if tag.crossed_s is not None)
    seeds = sorted((tag.crossed_s, tag.epc) for tag in parents if tag.crossed_s is not None)
    if len(seeds) < len(parents):
        return None
    middles = _middles([second for second, _ in timed], [second for second, _ in seeds])
    if middles is None or [_nearest(second, middles) for second, _ in seeds] != list(range(len(middles))):
        return None
    if not _are_apart([second for second, _ in timed], middles):
        return None
    return [_pallet(number, parent, middles, moved, doubtful) for number, (_, parent) in enumerate(seeds)]


def _pallet(number: int, parent: str, middles: Sequence[float], moved: Sequence[TagResult], doubtful: Sequence[TagResult]) -> Pallet:
    own, unsure = [], list(doubtful)
    for tag in moved:
        owners = _owners(tag.crossed_s, middles) if tag.epc != parent else {number}
        if owners == {number}:
            own.append(tag)
        elif number in owners and sscc_of(tag.epc) is None:
            unsure.append(tag)
    return Pallet(sscc_of(parent), uri_of(parent), (), tuple(own), tuple(unsure), middles[number])


def _owners(crossed_s: float | None, middles: Sequence[float]) -> set[int]:
    """To which pallets a tag may belong by its time."""
    if crossed_s is None:
        return set(range(len(middles)))
    nearest = _nearest(crossed_s, middles)
    owners = {nearest}
    for other in (nearest - 1, nearest + 1):
        if 0 <= other < len(middles):
            apart_s = abs(middles[other] - middles[nearest])
            if abs(crossed_s - (middles[other] + middles[nearest]) / 2) < BETWEEN_SHARE / 2 * apart_s:
                owners.add(other)
    return owners


def _nearest(second: float, middles: Sequence[float]) -> int:
    return min(range(len(middles)), key=lambda number: abs(second - middles[number]))


def _middles(seconds: Sequence[float], seeds: Sequence[float]) -> list[float] | None:
    """The middle of each group; None: a group lost all its tags."""
    middles = list(seeds)
    for _ in range(_ROUNDS_MAX):
        groups = [[second for second in seconds if _nearest(second, middles) == number] for number in range(len(middles))]
        if not all(groups):
            return None
        moved = [statistics.fmean(group) for group in groups]
        if moved == middles:
            break
        middles = moved
    return middles


def _are_apart(seconds: Sequence[float], middles: Sequence[float]) -> bool:
    """Whether the groups are clearly groups: further apart than a load cut in two would be, each by its own spread."""
    groups = [[second for second in seconds if _nearest(second, middles) == number] for number in range(len(middles))]
    for one, other in zip(range(len(middles)), range(1, len(middles)), strict=False):
        spread_s = (statistics.pstdev(groups[one]) + statistics.pstdev(groups[other])) / 2
        apart_s = middles[other] - middles[one]
        if apart_s < APART_S or apart_s < APART_SPREADS * spread_s:
            return False
    return True
