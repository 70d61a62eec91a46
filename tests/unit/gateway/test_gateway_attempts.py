# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from drivers.base.errors import DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout, TransportError
from gateway.attempts import Attempts, Failure

HOUR_S = 3600.0


def test_delays_of_a_device_that_is_away_grow_to_less_than_a_second() -> None:
    attempts = Attempts()
    attempts.connected(0.0)
    delays_s = []
    for second in range(100, 105):
        attempts.failed(Failure.AWAY, float(second))
        delays_s.append(attempts.delay_s(float(second), 0.0))

    assert delays_s == pytest.approx([0.2, 0.4, 0.8, 0.8, 0.8])
    assert attempts.delay_s(104.0, 1.0) == pytest.approx(0.8 * 0.8)


@pytest.mark.requirement("E1")
@pytest.mark.parametrize("last", [Failure.AWAY, Failure.REFUSED])
def test_device_that_worked_is_sought_quickly_after_a_night_without_power_even_if_it_refuses_at_first(last: Failure) -> None:
    attempts = Attempts()
    attempts.connected(0.0)
    for second in range(60, 10 * 3600, 30):
        attempts.failed(Failure.AWAY, float(second))
    attempts.failed(last, 10 * HOUR_S)

    assert attempts.delay_s(10 * HOUR_S, 0.0) == pytest.approx(0.8)


def test_device_that_was_never_there_is_sought_slowly_after_minutes() -> None:
    attempts = Attempts()
    for second in range(302):
        attempts.failed(Failure.AWAY, float(second))

    assert attempts.delay_s(299.0, 0.0) == pytest.approx(0.8)
    assert attempts.delay_s(301.0, 0.0) == pytest.approx(10.0)


def test_device_that_goes_on_refusing_or_breaking_at_once_is_tried_slowly_after_minutes() -> None:
    attempts = Attempts()
    attempts.connected(0.0)
    delays_s = []
    for second in range(1000, 1400):
        if second % 2:
            attempts.connected(float(second))
        attempts.failed(Failure.REFUSED if second % 3 else Failure.AWAY if second % 2 else Failure.REFUSED, float(second) + 0.5)
        delays_s.append(attempts.delay_s(float(second) + 0.5, 0.0))

    assert max(delays_s[:299]) == pytest.approx(0.8)
    assert delays_s[-1] == pytest.approx(10.0)


def test_device_that_its_configuration_does_not_fit_is_tried_slowly_from_the_beginning_and_quickly_once_it_is_away() -> None:
    attempts = Attempts()
    delays_s = []
    for second in range(8):
        attempts.failed(Failure.MISFIT, float(second))
        delays_s.append(attempts.delay_s(float(second), 0.0))
    attempts.failed(Failure.AWAY, 9.0)

    assert delays_s == pytest.approx([0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0])
    assert attempts.delay_s(9.0, 0.0) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TransportError("refused"), Failure.AWAY),
        (ReplyTimeout("keepalive", 4.4), Failure.AWAY),
        (DriverError("gone"), Failure.AWAY),
        (RemoteProtocolError("another client"), Failure.REFUSED),
        (LocalProtocolError("it has 2 antennas"), Failure.MISFIT),
        (ZeroDivisionError(), Failure.REFUSED),
    ],
)
def test_failure_is_told_by_the_error(error: Exception, failure: Failure) -> None:
    assert Failure.of(error) is failure
