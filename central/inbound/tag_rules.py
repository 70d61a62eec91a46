# SPDX-License-Identifier: Apache-2.0
"""How often tags are read, pure: counts that fade with age, and whether a case that was not seen is missing or has a weak tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

HALF_LIFE_S: Final = 30 * 86_400.0
"""What was counted a month ago weighs half: tags, antennas and suppliers change."""
READ_PRIOR: Final = (19.0, 1.0)
"""Before anything was counted, tags are taken to be read 19 times of 20 (a Beta distribution of so many cases seen and not seen)."""
SHORT_PRIOR: Final = (0.5, 99.5)
"""Before anything was counted, one announced case of two hundred does not come."""
MISSES: Final = 2.0
"""So many cases that were there must have gone unread before a tag is called weak: with fewer the prior would speak and not the house."""

Verdict = Literal["weak_tag", "missing", "not_known"]


@dataclass(frozen=True, slots=True)
class Count:
    """`hits` of `trials`, both faded by age."""

    trials: float = 0.0
    hits: float = 0.0

    def later(self, seconds: float) -> Count:
        """The same after so long; a clock that went back fades nothing."""
        left = 0.5 ** (max(seconds, 0.0) / HALF_LIFE_S)
        return Count(self.trials * left, self.hits * left)

    def plus(self, trials: float, hits: float) -> Count:
        """With more counted; never more hits than trials, whatever the rounding."""
        return Count(self.trials + trials, min(self.hits + hits, self.trials + trials))


def rate(count: Count, prior: tuple[float, float]) -> float:
    """The expected share of hits (mean of the Beta distribution)."""
    return (count.hits + prior[0]) / (count.trials + sum(prior))


def weak_tag_probability(read: Count, short: Count) -> float:
    """How likely a case that was not seen is there all the same (Bayes): it came and its tag was not read, against it did not come."""
    came_unread = (1 - rate(short, SHORT_PRIOR)) * (1 - rate(read, READ_PRIOR))
    return came_unread / (came_unread + rate(short, SHORT_PRIOR))


def verdict(read: Count, short: Count) -> Verdict:
    """What to tell a person of a case that was not seen. Too little counted to call the tag weak, and too little to trust it, is `not_known`."""
    if weak_tag_probability(read, short) < 0.5:
        return "missing"
    return "weak_tag" if read.trials - read.hits >= MISSES else "not_known"
