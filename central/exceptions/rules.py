# SPDX-License-Identifier: Apache-2.0
"""Rules of work orders, pure: until when one must be settled."""

from __future__ import annotations

from datetime import datetime, timedelta

SETTLE_WITHIN = {1: timedelta(minutes=15), 2: timedelta(hours=1), 3: timedelta(hours=8), 4: timedelta(hours=24)}
"""By priority (guessed: a stopped truck, goods that wait, the same shift, the next day)."""


def due_at(priority: int, now: datetime) -> datetime:
    """Until when a work order that is raised now must be settled."""
    return now + SETTLE_WITHIN[priority]
