# SPDX-License-Identifier: Apache-2.0
"""RuuviTag, data formats 3 (RAWv1) and 5 (RAWv2). Source: docs.ruuvi.com, Bluetooth advertisements, Data format 3 and Data format 5."""

from __future__ import annotations

import struct

from drivers.sensor_ble.heard import Heard

COMPANY = 0x0499
_V1, _V2 = struct.Struct(">BBBBHhhhH"), struct.Struct(">BhHHhhhHBH6s")
_UNSIGNED_NONE, _SIGNED_NONE = 0xFFFF, -0x8000  # format 5: "invalid / not available" of each field
_BATTERY_NONE, _POWER_NONE = 0x7FF, 0x1F
_NO_ADDRESS = b"\xff" * 6
_LOW_MV = ((-20.0, 2000), (0.0, 2300))  # at or below this temperature a healthy battery gives so much; above: 2500 (Ruuvi, battery page)
_WARM_LOW_MV = 2500


def decode(data: bytes) -> Heard | None:
    """Manufacturer data behind the company identifier. None: no format that is known, or cut short."""
    if data[:1] == b"\x05" and len(data) >= _V2.size:
        return _raw_v2(data)
    if data[:1] == b"\x03" and len(data) >= _V1.size:
        return _raw_v1(data)
    return None


def _raw_v1(data: bytes) -> Heard:
    _, humidity, whole, hundredths, pressure, x, y, z, battery = _V1.unpack_from(data)
    sign = -1 if whole & 0x80 else 1  # sign and magnitude, not two's complement
    temperature_c = sign * ((whole & 0x7F) + hundredths / 100)
    values = (
        ("temperature_c", round(temperature_c, 2)),
        ("humidity_pct", humidity * 0.5),
        ("pressure_hpa", (pressure + 50_000) / 100),
        *_acceleration(x, y, z),
        ("battery_mv", float(battery)),
    )
    return Heard("ruuvi_v1", values, battery_low=battery <= _low_mv(temperature_c))


def _acceleration(x: int, y: int, z: int) -> tuple[tuple[str, float], ...]:
    return (("acceleration_x_mg", float(x)), ("acceleration_y_mg", float(y)), ("acceleration_z_mg", float(z)))


def _low_mv(temperature_c: float | None) -> int:
    return next((limit for below_c, limit in _LOW_MV if temperature_c is not None and temperature_c <= below_c), _WARM_LOW_MV)


def _raw_v2(data: bytes) -> Heard:
    _, temperature, humidity, pressure, x, y, z, power, movements, sequence, address = _V2.unpack_from(data)
    battery_mv = None if power >> 5 == _BATTERY_NONE else 1600 + (power >> 5)
    temperature_c = None if temperature == _SIGNED_NONE else round(temperature * 0.005, 3)
    fields: tuple[tuple[str, float | None, str], ...] = (
        ("temperature_c", temperature_c, "8000"),
        ("humidity_pct", None if humidity == _UNSIGNED_NONE else round(humidity * 0.0025, 4), "FFFF"),
        ("pressure_hpa", None if pressure == _UNSIGNED_NONE else (pressure + 50_000) / 100, "FFFF"),
        *((quantity, None if value == _SIGNED_NONE else value, "8000") for quantity, value in _acceleration(x, y, z)),
        ("battery_mv", None if battery_mv is None else float(battery_mv), "7FF"),
        ("tx_power_dbm", None if power & 0x1F == _POWER_NONE else float(-40 + 2 * (power & 0x1F)), "1F"),
        ("movements_count", None if movements == 0xFF else float(movements), "FF"),
    )
    return Heard(
        "ruuvi_v2",
        tuple((quantity, value) for quantity, value, _ in fields if value is not None),
        tuple((quantity, code, "the tag has no such value; its sensor is broken or left out") for quantity, value, code in fields if value is None),
        sequence=None if sequence == 0xFFFF else sequence,
        battery_low=None if battery_mv is None else battery_mv <= _low_mv(temperature_c),
        identity="" if address == _NO_ADDRESS else address.hex(":"),
    )
