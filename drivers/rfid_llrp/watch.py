# SPDX-License-Identifier: Apache-2.0
"""Whether the reader still lives: it says so by itself, and where it does not, it is asked."""

from __future__ import annotations

from drivers.base.errors import ReplyTimeout

LOST_AFTER_KEEPALIVES = 2.2  # chosen: two whole periods and a little for the network
_ASK_AFTER_KEEPALIVES = 1.1  # a reader that refused the keepalive, or forgot it, has as long again to answer


class LinkWatch:
    """Silence is counted from the last byte, whatever it belonged to."""

    def __init__(self, keepalive_s: float) -> None:
        self._keepalive_s = keepalive_s
        self._heard_at_s = 0.0
        self._asked = False

    def heard(self, now_s: float) -> None:
        """Bytes came."""
        self._heard_at_s, self._asked = now_s, False

    def next_deadline_s(self) -> float:
        """When it is to be asked, or is lost."""
        return self._heard_at_s + self._keepalive_s * (LOST_AFTER_KEEPALIVES if self._asked else _ASK_AFTER_KEEPALIVES)

    def wants_to_ask(self, now_s: float) -> bool:
        """Whether the reader is to be asked now; true once for each silence. Raises: ReplyTimeout: it counts as lost."""
        if now_s >= self._heard_at_s + self._keepalive_s * LOST_AFTER_KEEPALIVES:
            raise ReplyTimeout("keepalive", round(now_s - self._heard_at_s, 3))
        if self._asked or now_s < self._heard_at_s + self._keepalive_s * _ASK_AFTER_KEEPALIVES:
            return False
        self._asked = True
        return True
