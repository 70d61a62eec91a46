# SPDX-License-Identifier: Apache-2.0
"""Thermometers with changed firmware: the format of ATC1441 (big-endian) and that of pvvx (little-endian).

Source: atc1441/ATC_MiThermometer and pvvx/ATC_MiThermometer, README, "Bluetooth advertising formats".
"""

from __future__ import annotations

import struct

from drivers.sensor_ble.heard import Heard

SERVICE = 0x181A
_ATC, _PVVX = struct.Struct(">6shBBHB"), struct.Struct("<6shHHBBB")
_ENCRYPTED_BYTES = (8, 11)  # ATC and pvvx with a bind key
_REED = 0x01  # pvvx flags, bit 0: reed switch


def decode(data: bytes) -> Heard | None:
    """Data of service 181A. None: neither format."""
    if len(data) == _PVVX.size:
        address, temperature, humidity, battery_mv, battery_pct, counter, flags = _PVVX.unpack(data)
        values = (
            ("temperature_c", temperature / 100),
            ("humidity_pct", humidity / 100),
            ("battery_mv", float(battery_mv)),
            ("battery_pct", float(battery_pct)),
        )
        contacts = (("opening", bool(flags & _REED)),)
        return Heard("pvvx", values, sequence=counter, contacts=contacts, battery_pct=battery_pct, identity=address[::-1].hex(":"))
    if len(data) == _ATC.size:
        address, tenths, percent, battery_pct, battery_mv, counter = _ATC.unpack(data)
        values = (("temperature_c", tenths / 10), ("humidity_pct", float(percent)), ("battery_mv", float(battery_mv)), ("battery_pct", float(battery_pct)))
        return Heard("atc", values, sequence=counter, battery_pct=battery_pct, identity=address.hex(":"))
    if len(data) in _ENCRYPTED_BYTES:
        reason = "the thermometer encrypts in a format of its own; set its firmware to BTHome, or to no encryption"
        return Heard("atc_encrypted", failed=(("temperature_c", "KEY", reason),))
    return None
