# SPDX-License-Identifier: Apache-2.0
"""What a portal may be told; every value has a default that fits an ordinary dock door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Smoothing by the names of ALE 1.1, sessions, and how sure a decision must be.

    A session ends when nothing that moves was read for `quiet_s`, `settle_s` after the second photo-eye (or the presence sensor) is free again,
    or after `session_max_s`. An eye that flickers for less than `debounce_s` did not change.
    """

    glimpsed_timeout_s: float = 1.0
    observed_time_threshold_s: float = 0.0
    observed_count_threshold: int = 1
    lost_timeout_s: float = 1.5
    quiet_s: float = 1.5
    settle_s: float = 0.4
    debounce_s: float = 0.03
    session_max_s: float = 30.0
    sure: float = 0.9
