# SPDX-License-Identifier: Apache-2.0
"""What a simulated reader of Impinj or Zebra adds to LLRP: search mode, fine RSSI, phase and Doppler shift.

Source: Impinj Octane LLRP (message 21 and its answer 22; parameters 23, 50, 52, 53, 56, 57, 67, 68); Zebra FX Series Reader Software Interface Control
Guide 72E-131718 (parameters 708, 709), with the widths that an FX9600 really uses.
"""

from __future__ import annotations

import math
import struct

from firmware_sims.rfid_llrp.codec import MalformedError, Node, encode, parse
from firmware_sims.rfid_llrp.settings import UNSUPPORTED_PARAMETER, RefusedError

IMPINJ, ZEBRA = 25882, 161
CUSTOM_MESSAGE = 1023
ENABLE_EXTENSIONS = struct.pack("!IB", IMPINJ, 21)
EXTENSIONS_ENABLED = struct.pack("!IB", IMPINJ, 22)
_SEARCH_MODE, _REPORT_CONTENT = 23, 50
_ENABLES = {52: "phase", 53: "fine_rssi", 67: "doppler"}
_ZEBRA_REPORT_CONTENT, _ZEBRA_PHASE_BIT = 708, 1 << 28


def wanted_of(rospec: Node, maker: int, extensions_enabled: bool) -> dict[str, int]:
    """What a ROSpec asks for beyond the standard, by name, with its number where it has one.

    Raises: RefusedError: another maker's parameter, or one that the client did not enable first. MalformedError.
    """
    wanted: dict[str, int] = {}
    for node in rospec.walk("Custom"):
        vendor, subtype, rest = node.fields
        if vendor != maker or (vendor == IMPINJ and not extensions_enabled):
            raise RefusedError(UNSUPPORTED_PARAMETER, f"custom parameter {subtype} of maker {vendor} is not supported or not enabled")
        if (vendor, subtype) == (IMPINJ, _SEARCH_MODE):
            wanted["search_mode"] = int.from_bytes(_exactly(rest, 2), "big")
        elif (vendor, subtype) == (IMPINJ, _REPORT_CONTENT):
            wanted |= {_ENABLES[inner.fields[1]]: 1 for inner in parse(rest) if inner.name == "Custom" and inner.fields[1] in _ENABLES}
        elif (vendor, subtype) == (ZEBRA, _ZEBRA_REPORT_CONTENT) and int.from_bytes(_exactly(rest, 4), "big") & _ZEBRA_PHASE_BIT:
            wanted["zebra_phase"] = 1
    return wanted


def _exactly(rest: bytes, size: int) -> bytes:
    if len(rest) != size:
        raise MalformedError(f"a custom parameter has {len(rest)} bytes instead of {size}")
    return rest


def reported(wanted: dict[str, int], peak_rssi_dbm: float, phase_rad: float, doppler_hz: float) -> bytes:
    """What TagReportData carries at its end."""
    turns = phase_rad / (2 * math.pi) % 1.0
    values = (
        ("phase", IMPINJ, 56, struct.pack("!H", round(turns * 4096) % 4096)),
        ("fine_rssi", IMPINJ, 57, struct.pack("!h", round(peak_rssi_dbm * 100))),
        ("doppler", IMPINJ, 68, struct.pack("!h", max(-32768, min(32767, round(doppler_hz * 16))))),
        ("zebra_phase", ZEBRA, 709, struct.pack("!H", round(turns * 65536) % 65536)),
    )
    return b"".join(encode("Custom", maker, subtype, value) for name, maker, subtype, value in values if name in wanted)
