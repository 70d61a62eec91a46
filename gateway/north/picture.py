# SPDX-License-Identifier: Apache-2.0
"""What the devices said last. Taking a reading costs a look-up, whatever becomes of the brokers that it is told to."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.events import GatewayReported
from contracts.quantities import UnknownUnitError, milligrams
from contracts.readings import AnyReading, LinkChanged, Measured, ReadingFailed, Weight
from gateway.clock import Instant, Now

KEYS_MAX = 2000
"""Chosen: so many quantities of devices are remembered; what comes after is not told north."""
_MG_PER_G = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[str, str]
"""A device and one of its quantities."""


class Sample(NamedTuple):
    """What was measured. `at_ms`: since 1970, by the gateway's clock; `heard_s`: the monotonic second; `value` None: refused, for `reason`."""

    at_ms: int
    heard_s: float
    value: float | None
    reason: str = ""


def milliseconds(instant: Instant) -> int:
    """Milliseconds since 1970."""
    return int((instant.utc - _EPOCH).total_seconds() * 1000)


class Picture:
    """The last sample of each quantity, which devices are connected, and the gateway's last report."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self.samples: dict[Key, Sample] = {}
        self.links: dict[str, bool] = {}
        self.report: GatewayReported | None = None

    def hear(self, reading: AnyReading) -> None:
        """Take a reading; what is no telemetry is left alone."""
        match reading:
            case Measured():
                is_number = math.isfinite(reading.value)
                self._put(reading, reading.quantity, reading.value if is_number else None, "" if is_number else "not a number")
            case ReadingFailed():
                self._put(reading, reading.quantity, None, reading.reason)
            case Weight():
                value, reason = _load_g(reading)
                self._put(reading, "net_weight_g" if reading.net else "weight_g", value, reason)
            case LinkChanged():
                self.links[reading.device] = reading.state == "connected"
            case _:
                pass

    def keep(self, devices: Collection[str]) -> None:
        """Forget all other devices: they are not configured any more."""
        self.samples = {key: sample for key, sample in self.samples.items() if key[0] in devices}
        self.links = {device: link for device, link in self.links.items() if device in devices}

    def _put(self, reading: AnyReading, quantity: str, value: float | None, reason: str) -> None:
        key = reading.device, quantity
        if key in self.samples or len(self.samples) < KEYS_MAX:
            self.samples[key] = Sample(milliseconds(self._now().at(reading.at_s)), reading.at_s, value, reason)


def _load_g(weight: Weight) -> tuple[float | None, str]:
    """What lies on a scale, or why that is not known."""
    if weight.state == "zero" and weight.value is None:
        return 0.0, ""
    if weight.value is None or weight.state not in ("stable", "zero", "dynamic"):
        return None, weight.state
    try:
        return milligrams(weight.value, weight.unit) / _MG_PER_G, ""
    except UnknownUnitError as error:
        return None, str(error)
