# SPDX-License-Identifier: Apache-2.0
"""An MT-SICS scale tells its serial number when asked for it (RM, I4), and one of Radwag at NB; a scale that does not know them says ES."""

from __future__ import annotations

import re

from drivers.base.probe import Line, Probe, Recognised

_SERIAL = re.compile(rb'(?:^|\n)I4 A "([ -~]*)"\r\n')
_WEIGHT = re.compile(rb"(?:^|\n)(?:S|SI) [SD] +-? *[0-9.]+ +[A-Za-z]{1,5} *\r\n")
_RADWAG = re.compile(rb'(?:^|\n)NB A "([ -~]*)"\r\n')


def _by_serial(said: bytes) -> Recognised | None:
    found = _SERIAL.search(said)
    return Recognised(f"MT-SICS scale, serial number {found[1].decode()}") if found else None


def _by_radwag(said: bytes) -> Recognised | None:
    found = _RADWAG.search(said)
    return Recognised(f"Radwag scale, serial number {found[1].decode()}", {"dialect": "radwag"}) if found else None


def _by_weight(said: bytes) -> Recognised | None:
    """Look-alikes without I4 answer SI all the same."""
    return Recognised("MT-SICS look-alike; it tells no serial number", {"mode": "poll"}) if _WEIGHT.search(said) else None


_LINES: tuple[Line, ...] = ((9600, "N", 8), (9600, "E", 7), (19200, "N", 8))
PROBES = (
    Probe(_by_serial, b"\r\nI4\r\n", 1.0, lines=_LINES),  # the first line end ends what other questions left there
    Probe(_by_radwag, b"NB\r\n", 1.0, lines=_LINES),
    Probe(_by_weight, b"SI\r\n", 1.0, lines=_LINES),
)
