# SPDX-License-Identifier: Apache-2.0
"""Whether anything went through at all, and the way it seems: the numbers of a pass as a whole, and how sure they make it.

Tags that stand are read on this side and then on that by chance; where many stand, some look as if they had crossed together. What did cross shows
by more than that: it is clear beside other moments, its tags get strong in the middle, and they agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gateway.portal import direction
from gateway.portal.crossings import Crossing
from gateway.portal.evidence import CORE_S
from gateway.portal.reads import EVEN
from gateway.portal.strength import known_dbm, spread_db
from gateway.portal.template import Seen

NAMES = ("clearness", "next_clearness", "agreement", "group", "others", "vote", "both_sides", "rise_db", "spread_db", "fit")
_AWAY_S, _TURN_S = 1.5, 6.0
"""So long after (before) a crossing goods are through (not yet there), and so long it takes them to turn round at most."""


def gather(
    tags: Mapping[str, Sequence[Seen]], moved: Mapping[str, float], ratios: Mapping[str, float], crossing: Crossing, next_clearness: float
) -> tuple[float, ...]:
    """The numbers named in `NAMES`. `ratios` are the tags' log likelihood ratios of having moved, `next_clearness` that of the next clearest moment around."""
    group = {epc: chance for epc, chance in moved.items() if chance >= EVEN}
    weight = sum(group.values())

    def mean(values: Mapping[str, float]) -> float:
        return sum(group[epc] * values[epc] for epc in group) / weight if group else 0.0

    return (
        math.log1p(crossing.clearness),
        math.log1p(next_clearness),
        crossing.agreement,
        math.log1p(weight),
        math.log1p(len(tags) - weight),
        mean({epc: direction.vote(tags[epc]) for epc in group}),
        mean({epc: float(_came_and_went(tags[epc])) for epc in group}),
        mean({epc: _rise_db(tags[epc]) for epc in group}),
        mean({epc: spread_db(tags[epc]) for epc in group}),
        mean({epc: 6 * math.tanh(ratios[epc] / 6) for epc in group}),
    )


def turned(tags: Mapping[str, Sequence[Seen]], moved: Mapping[str, float]) -> float:
    """The share (0-1) of the group's reads well after the crossing that are where it came from, or well before it where it goes: goods that turn round."""
    group = {epc: chance for epc, chance in moved.items() if chance >= EVEN}
    weight = sum(group.values())
    return max(sum(chance * _share(tags[epc], after=after) for epc, chance in group.items()) / weight for after in (True, False)) if group else 0.0


def _share(reads: Sequence[Seen], *, after: bool) -> float:
    away = [read for read in reads if (_AWAY_S < read.after_s < _TURN_S if after else -_TURN_S < read.after_s < -_AWAY_S)]
    return sum(read.ahead < 0 if after else read.ahead > 0 for read in away) / len(away) if away else 0.0


def _came_and_went(reads: Sequence[Seen]) -> bool:
    behind = any(read.ahead < 0 and read.after_s < 0 for read in reads)
    return behind and any(read.ahead > 0 and read.after_s > 0 for read in reads)


def _rise_db(reads: Sequence[Seen]) -> float:
    """How much stronger the tag was in the portal than otherwise; 0 when it was read only there or only elsewhere."""
    near = known_dbm([read for read in reads if abs(read.after_s) <= CORE_S])
    away = known_dbm([read for read in reads if abs(read.after_s) > CORE_S])
    return max(near) - sum(away) / len(away) if near and away else 0.0
