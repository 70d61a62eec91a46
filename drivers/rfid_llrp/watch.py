# SPDX-License-Identifier: Apache-2.0
"""Whether the reader still lives: it says so by itself, and where it does not, it is asked."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError, ReplyTimeout

LOST_AFTER_KEEPALIVES = 2.2  # chosen: two whole periods and a little for the network
_ASK_AFTER_KEEPALIVES = 1.1  # a reader that refused the keepalive, or forgot it, has as long again to answer
MESSAGE_S_MAX = 30.0  # chosen: the longest message that is taken, 1 MiB, at 35 kB/s


class LinkWatch:
    """Silence is counted from the last byte, whatever it belonged to; and no message takes for ever, since a wrong length would swallow all that follows."""

    def __init__(self, keepalive_s: float) -> None:
        self._keepalive_s = keepalive_s
        self._heard_at_s = 0.0
        self._asked = False
        self._unfinished_bytes = 0
        self._unfinished_since_s: float | None = None

    def heard(self, now_s: float) -> None:
        """Bytes came."""
        self._heard_at_s, self._asked = now_s, False

    def unfinished(self, pending_bytes: int, came_bytes: int, now_s: float) -> None:
        """So many bytes of a message wait for its rest, after so many have come: fewer than came and waited before mean that another one has begun."""
        if not pending_bytes:
            self._unfinished_since_s = None
        elif self._unfinished_since_s is None or pending_bytes < self._unfinished_bytes + came_bytes:
            self._unfinished_since_s = now_s
        self._unfinished_bytes = pending_bytes

    def next_deadline_s(self) -> float:
        """When it is to be asked, or is lost."""
        silent_s = self._heard_at_s + self._keepalive_s * (LOST_AFTER_KEEPALIVES if self._asked else _ASK_AFTER_KEEPALIVES)
        return silent_s if self._unfinished_since_s is None else min(silent_s, self._unfinished_since_s + MESSAGE_S_MAX)

    def wants_to_ask(self, now_s: float) -> bool:
        """Whether the reader is to be asked now; true once for each silence. Raises: ReplyTimeout, RemoteProtocolError: it counts as lost."""
        if self._unfinished_since_s is not None and now_s >= self._unfinished_since_s + MESSAGE_S_MAX:
            raise RemoteProtocolError(
                f"a message is not whole after {MESSAGE_S_MAX:g} s ({self._unfinished_bytes} bytes of it came); its length is probably wrong"
            )
        if now_s >= self._heard_at_s + self._keepalive_s * LOST_AFTER_KEEPALIVES:
            raise ReplyTimeout("keepalive", round(now_s - self._heard_at_s, 3))
        if self._asked or now_s < self._heard_at_s + self._keepalive_s * _ASK_AFTER_KEEPALIVES:
            return False
        self._asked = True
        return True
