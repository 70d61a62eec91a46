# SPDX-License-Identifier: Apache-2.0
"""When to try again to connect a device: quick for one that is away and may come back any moment, slow where trying changes nothing."""

from __future__ import annotations

from enum import Enum

from drivers.base.errors import DriverError, LocalProtocolError, ProtocolError

_FIRST_DELAY_S = 0.2
_DELAY_S_MAX = 0.8  # with a connection time of up to a second a device serves again within 2 s of its return
_PATIENT_AFTER_S = 300.0
_PATIENT_DELAY_S_MAX = 10.0
_SETTLED_S = 10.0  # chosen: a link that held so long was a good one; what breaks sooner counts as one more attempt
_JITTER = 0.2  # readers that lost power together shall not all knock at once


class Failure(Enum):
    """Why a device is not connected, by what trying again is good for."""

    AWAY = "away"
    """Nobody answers, or the line broke: it may be back any moment."""
    REFUSED = "refused"
    """It answers, but refuses, or nobody understands it; that may pass."""
    MISFIT = "misfit"
    """Its configuration does not fit it: only a person can change that, here or at the device."""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What an error of `Driver.run` means; a bug of the driver counts as a refusal."""
        if isinstance(error, LocalProtocolError):
            return cls.MISFIT
        return cls.AWAY if isinstance(error, DriverError) and not isinstance(error, ProtocolError) else cls.REFUSED


class Attempts:
    """The attempts to connect one device. Times are monotonic seconds.

    One that was connected before is sought quickly however long it is away: a reader that was without power over night is at work as soon as it is back.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._was_connected = False
        self._connected_at_s: float | None = None
        self._first_failed_at_s: float | None = None
        self._futile_since_s: float | None = None
        self._misfit = False

    def connected(self, now_s: float) -> None:
        """The link is there."""
        self._was_connected, self._connected_at_s = True, now_s

    def failed(self, failure: Failure, now_s: float) -> None:
        """The link broke, or did not come about."""
        connected_at_s, self._connected_at_s = self._connected_at_s, None
        self._first_failed_at_s = now_s if self._first_failed_at_s is None else self._first_failed_at_s
        self._misfit = failure is Failure.MISFIT
        if connected_at_s is not None and now_s - connected_at_s >= _SETTLED_S:
            self._failures, self._futile_since_s = 0, None
            return
        self._failures += 1
        if failure is Failure.AWAY and connected_at_s is None:
            self._futile_since_s = None
        elif self._futile_since_s is None:
            self._futile_since_s = now_s

    def delay_s(self, now_s: float, jitter: float) -> float:
        """How long to wait before the next attempt; `jitter` in 0..1."""
        most_s = _PATIENT_DELAY_S_MAX if self.is_futile(now_s) else _DELAY_S_MAX
        return min(most_s, _FIRST_DELAY_S * 2.0 ** min(self._failures, 16)) * (1 - _JITTER * jitter)

    def is_futile(self, now_s: float) -> bool:
        """Whether trying changes nothing, so that it is done only now and then."""
        since_s = self._futile_since_s if self._was_connected else self._first_failed_at_s
        return self._misfit or (since_s is not None and now_s - since_s >= _PATIENT_AFTER_S)
