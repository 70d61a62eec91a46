# SPDX-License-Identifier: Apache-2.0
"""How a device is told from all others without doing anything to it. A driver that can offers `PROBES` in its `probe.py`.

A probe only listens, or asks what every device of its kind answers and no other is hurt by. It names a device only when that is sure: by a checksum,
an answer to its own question, a record that only this protocol has. What merely could be a scale is none.

Devices that the kernel knows need no probe: `attached(root)` in the same module yields them as `Recognised`, from sysfs below `root`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from drivers.base.session import Argument

Line = tuple[int, Literal["N", "E", "O"], Literal[7, 8]]
"""Baud, parity, data bits; one stop bit."""


@dataclass(frozen=True)
class Recognised:
    """A device that was recognised. `about` is for people; `fields` of its configuration follow from what it said."""

    about: str
    fields: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """One way to recognise a device.

    `recognise` gets all bytes that came since the question, or since listening began, and says whether they are proof. `asks` empty: only listened to.
    `ports`: where such devices listen on TCP; empty: found only where a serial server's port is named. `lines`: what such devices are set to on serial lines;
    empty: never there.
    """

    recognise: Callable[[bytes], Recognised | None]
    asks: bytes = b""
    within_s: float = 0.6
    ports: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    goodbye: bytes = b""
