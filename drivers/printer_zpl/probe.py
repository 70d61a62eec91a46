# SPDX-License-Identifier: Apache-2.0
"""A ZPL printer tells its model, firmware and dots per millimetre when asked (~HI), whatever it was sent before.

Port 9100 is where office and receipt printers listen as well, and those print what they do not understand. So the question is packed: for a printer with PJL
it is a comment (HP, PJL Technical Reference Manual, "COMMENT"), for one with ESC/POS text that is thrown away before its line is printed (Epson, ESC/POS
command reference, "ESC @"; it feeds one empty line), and ZPL passes over all that is no command.
"""

from __future__ import annotations

import re

from drivers.base.probe import Probe, Recognised

_PORT = 9100
_ASKS = b"\x1b%-12345X@PJL COMMENT ~HI\x1b@\r\n"
_IDENTITY = re.compile(rb"\x02\s*([A-Za-z][ -+\--~]{1,39}),([ -+\--~]{1,39}),(6|8|12|24),[ -~]{1,80}\x03")
"""Model, version, dots per mm (152, 203, 300 or 600 dpi), memory and options. Source: Zebra, Programming Guide ZPL II (P1099958), ~HI."""


def _by_identity(said: bytes) -> Recognised | None:
    found = _IDENTITY.search(said)
    if found is None:
        return None
    model, version, dots = (part.decode("ascii").strip() for part in found.groups())
    return Recognised(f"ZPL label printer {model}, firmware {version}, {dots} dots per mm")


PROBES = (Probe(_by_identity, _ASKS, 2.0, ports=(_PORT,)),)
