# SPDX-License-Identifier: Apache-2.0
"""BTHome version 2, plain and encrypted. Source: bthome.io/format (object ids, July 2025) and bthome.io/encryption."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.sensor_ble.heard import Heard

SERVICE = 0xFCD2
_UUID = b"\xd2\xfc"
_ENCRYPTED, _HAS_ADDRESS, _SLEEPY, _VERSION = 0x01, 0x02, 0x04, 2  # device information byte
_MIC_BYTES, _COUNTER_BYTES = 4, 4


@dataclass(frozen=True)
class _Number:
    """A measured object: what it is called without its unit, the unit, its size in bytes, whether it is signed, and what one step is worth."""

    name: str
    unit: str
    size: int
    step: float = 1.0
    signed: bool = False

    def quantity(self, number: int) -> str:
        """Its name, with a number from the second one of an advertisement on."""
        return "_".join(part for part in (self.name, str(number) if number > 1 else "", self.unit) if part)


NUMBERS = {
    0x01: _Number("battery", "pct", 1),
    0x02: _Number("temperature", "c", 2, 0.01, signed=True),
    0x03: _Number("humidity", "pct", 2, 0.01),
    0x04: _Number("pressure", "hpa", 3, 0.01),
    0x05: _Number("illuminance", "lux", 3, 0.01),
    0x06: _Number("mass", "kg", 2, 0.01),
    0x07: _Number("mass", "lb", 2, 0.01),
    0x08: _Number("dew_point", "c", 2, 0.01, signed=True),
    0x09: _Number("count", "", 1),
    0x0A: _Number("energy", "kwh", 3, 0.001),
    0x0B: _Number("power", "w", 3, 0.01),
    0x0C: _Number("voltage", "v", 2, 0.001),
    0x0D: _Number("pm2_5", "ug_m3", 2),
    0x0E: _Number("pm10", "ug_m3", 2),
    0x12: _Number("co2", "ppm", 2),
    0x13: _Number("tvoc", "ug_m3", 2),
    0x14: _Number("moisture", "pct", 2, 0.01),
    0x2E: _Number("humidity", "pct", 1),
    0x2F: _Number("moisture", "pct", 1),
    0x3D: _Number("count", "", 2),
    0x3E: _Number("count", "", 4),
    0x3F: _Number("rotation", "deg", 2, 0.1, signed=True),
    0x40: _Number("distance", "mm", 2),
    0x41: _Number("distance", "m", 2, 0.1),
    0x42: _Number("duration", "s", 3, 0.001),
    0x43: _Number("current", "a", 2, 0.001),
    0x44: _Number("speed", "m_s", 2, 0.01),
    0x45: _Number("temperature", "c", 2, 0.1, signed=True),
    0x46: _Number("uv_index", "", 1, 0.1),
    0x47: _Number("volume", "l", 2, 0.1),
    0x48: _Number("volume", "ml", 2),
    0x49: _Number("volume_flow_rate", "m3_h", 2, 0.001),
    0x4A: _Number("voltage", "v", 2, 0.1),
    0x4B: _Number("gas", "m3", 3, 0.001),
    0x4C: _Number("gas", "m3", 4, 0.001),
    0x4D: _Number("energy", "kwh", 4, 0.001),
    0x4E: _Number("volume", "l", 4, 0.001),
    0x4F: _Number("water", "l", 4, 0.001),
    0x50: _Number("timestamp_unix", "s", 4),
    0x51: _Number("acceleration", "m_s2", 2, 0.001),
    0x52: _Number("gyroscope", "deg_s", 2, 0.001),
    0x55: _Number("volume_storage", "l", 4, 0.001),
    0x56: _Number("conductivity", "us_cm", 2),
    0x57: _Number("temperature", "c", 1, 1.0, signed=True),
    0x58: _Number("temperature", "c", 1, 0.35, signed=True),
    0x59: _Number("count", "", 1, 1.0, signed=True),
    0x5A: _Number("count", "", 2, 1.0, signed=True),
    0x5B: _Number("count", "", 4, 1.0, signed=True),
    0x5C: _Number("power", "w", 4, 0.01, signed=True),
    0x5D: _Number("current", "a", 2, 0.001, signed=True),
    0x5E: _Number("direction", "deg", 2, 0.01),
    0x5F: _Number("precipitation", "mm", 2, 0.1),
    0x60: _Number("channel", "", 1),
    0x61: _Number("rotational_speed", "rpm", 2),
    0x62: _Number("speed", "m_s", 4, 0.000001, signed=True),
    0x63: _Number("acceleration", "m_s2", 4, 0.000001, signed=True),
    0x64: _Number("light_level", "", 1),
    0x65: _Number("settings_revision", "", 1),
}

STATES = {  # one byte each; 1 is the state after the name
    0x0F: "generic_on",
    0x10: "power_on",
    0x11: "opening_open",
    0x15: "battery_low",
    0x16: "battery_charging",
    0x17: "carbon_monoxide_detected",
    0x18: "cold_detected",
    0x19: "connectivity_connected",
    0x1A: "door_open",
    0x1B: "garage_door_open",
    0x1C: "gas_detected",
    0x1D: "heat_detected",
    0x1E: "light_detected",
    0x1F: "lock_unlocked",
    0x20: "moisture_wet",
    0x21: "motion_detected",
    0x22: "moving",
    0x23: "occupancy_detected",
    0x24: "plug_plugged_in",
    0x25: "presence_home",
    0x26: "problem",
    0x27: "running",
    0x28: "safety_safe",
    0x29: "smoke_detected",
    0x2A: "sound_detected",
    0x2B: "tamper_on",
    0x2C: "vibration_detected",
    0x2D: "window_open",
}
_CONTACTS = {"opening_open": "opening", "door_open": "door", "garage_door_open": "garage_door", "window_open": "window"}
_PACKET_ID, _BATTERY_LOW, _BUTTON, _COMMAND, _DIMMER = 0x00, 0x15, 0x3A, 0x3B, 0x3C
_TEXT, _RAW = 0x53, 0x54  # their first byte is their length
_FIXED = {_PACKET_ID: 1, _BUTTON: 1, _DIMMER: 2, 0xF0: 2, 0xF1: 4, 0xF2: 3}  # F0-F2: device type and versions
BUTTONS = {1: "press", 2: "double_press", 3: "triple_press", 4: "long_press", 5: "long_double_press", 6: "long_triple_press", 0x80: "hold_press"}


class Locked(Exception):
    """The data cannot be opened. `code`: KEY (there is no key for it), MIC (the key is not the right one, or it came damaged)."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Opened:
    """Objects in the clear, and the counter of the encryption; None: it was not encrypted."""

    objects: bytes
    counter: int | None = None
    identity: str = ""
    sleepy: bool = False


def address_in(data: bytes) -> str:
    """The address that the data carries; empty: none."""
    return data[6:0:-1].hex(":") if len(data) >= 7 and data[0] & _HAS_ADDRESS else ""


def opened(data: bytes, address: str, key: bytes) -> Opened | None:
    """Data of service FCD2, decrypted where it is encrypted. None: not version 2. Raises: Locked."""
    if not data or data[0] >> 5 != _VERSION:
        return None
    information, identity = data[0], address_in(data)
    if information & _HAS_ADDRESS and not identity:
        return None
    body = data[7:] if identity else data[1:]
    sleepy = bool(information & _SLEEPY)
    if not information & _ENCRYPTED:
        return Opened(body, None, identity, sleepy)
    if not key:
        raise Locked("KEY", "the tag encrypts; give its key as `bindkey_file`")
    if len(body) <= _MIC_BYTES + _COUNTER_BYTES:
        return None
    secret, counter, mic = body[:-8], body[-8:-4], body[-4:]
    nonce = bytes.fromhex((identity or address).replace(":", "")) + _UUID + bytes([information]) + counter
    return Opened(_decrypted(secret + mic, nonce, key), int.from_bytes(counter, "little"), identity, sleepy)


def _decrypted(secret: bytes, nonce: bytes, key: bytes) -> bytes:
    """AES-CCM with a code of four bytes. The library is loaded only for tags that encrypt."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM
    except ImportError as error:
        raise Locked("KEY", "encrypted tags need the package cryptography; install it") from error
    try:
        return AESCCM(key, tag_length=_MIC_BYTES).decrypt(nonce, secret, None)
    except InvalidTag as error:
        raise Locked("MIC", "the tag's data cannot be opened; is its key (`bindkey_file`) the right one?") from error


def decode(objects: bytes, identity: str = "", *, sleepy: bool = False) -> Heard:
    """What the objects say; an unknown id ends it, since its length is not known."""
    sequence: int | None = None
    battery_low: bool | None = None
    values: list[tuple[str, float]] = []
    contacts: list[tuple[str, bool]] = []
    buttons: list[tuple[int, str]] = []
    counted: dict[tuple[str, str], int] = {}
    for kind, content in _split(objects):
        if number := NUMBERS.get(kind):
            same = counted[number.name, number.unit] = counted.get((number.name, number.unit), 0) + 1
            values.append((number.quantity(same), _value(number, content)))
        elif state := STATES.get(kind):
            values.append((state, float(bool(content[0]))))
            if name := _CONTACTS.get(state):
                contacts.append((name, bool(content[0])))
            if kind == _BATTERY_LOW:
                battery_low = bool(content[0])
        elif kind == _PACKET_ID:
            sequence = content[0]
        elif kind == _BUTTON:
            buttons.append((len(buttons) + 1, BUTTONS.get(content[0], "")))
    pressed = tuple((number, how) for number, how in buttons if how)
    battery_pct = dict(values).get("battery_pct")
    return Heard("bthome", tuple(values), (), sequence, tuple(contacts), pressed, battery_low, battery_pct, identity, sleepy)


def _value(number: _Number, content: bytes) -> float:
    digits = max(0, len(f"{number.step:.6f}".rstrip("0").partition(".")[2]))
    return round(int.from_bytes(content, "little", signed=number.signed) * number.step, digits)


def _split(objects: bytes) -> Iterator[tuple[int, bytes]]:
    """Ids and contents of the whole objects from the beginning."""
    while objects:
        kind, rest = objects[0], objects[1:]
        if kind in (_TEXT, _RAW, _COMMAND):
            if not rest:
                return
            size = 1 + (rest[0] & 0x1F) + 1 if kind == _COMMAND else 1 + rest[0]
        else:
            size = NUMBERS[kind].size if kind in NUMBERS else 1 if kind in STATES else _FIXED.get(kind, 0)
        if not 0 < size <= len(rest):
            return
        yield kind, rest[:size]
        objects = rest[size:]
