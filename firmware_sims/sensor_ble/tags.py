# SPDX-License-Identifier: Apache-2.0
"""Tags that advertise: their values, and the bytes that their makers' documents make of them.

Sources: docs.ruuvi.com (data formats 3 and 5), bthome.io (format, encryption), README of atc1441/ATC_MiThermometer and pvvx/ATC_MiThermometer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

_KINDS = ("ruuvi", "ruuvi3", "bthome", "bthome_locked", "pvvx", "atc")
FLAGS = bytes.fromhex("020106")
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")  # the example of bthome.io/encryption


@dataclass
class AdvertisingTag:
    """One tag. `mac` as text; its values as a person would read them; `broken`: its sensor gives nothing (RuuviTag)."""

    kind: str
    mac: str
    interval_s: float = 1.0
    temperature_c: float = 24.3
    humidity_pct: float = 53.49
    pressure_hpa: float = 1000.44
    battery_mv: int = 2977
    battery_pct: int = 97
    open: bool = False
    presses: int = 0
    broken: bool = False
    silent: bool = False
    sequence: int = 205
    due_s: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"no tag {self.kind!r}; there are: {', '.join(_KINDS)}")

    def advertisement(self) -> bytes:
        """Its AD structures now; each time with the next sequence number."""
        data = (
            FLAGS
            + {
                "ruuvi": self._ruuvi,
                "ruuvi3": self._ruuvi3,
                "bthome": self._bthome,
                "bthome_locked": self._bthome_locked,
                "pvvx": self._pvvx,
                "atc": self._atc,
            }[self.kind]()
        )
        self.sequence += 1
        return data

    @property
    def address(self) -> bytes:
        """Most significant byte first."""
        return bytes.fromhex(self.mac.replace(":", ""))

    def _ruuvi(self) -> bytes:
        power = (self.battery_mv - 1600) << 5 | 22  # 22: +4 dBm
        temperature = -0x8000 if self.broken else round(self.temperature_c / 0.005)
        humidity = 0xFFFF if self.broken else round(self.humidity_pct / 0.0025)
        body = struct.pack(">BhHHhhhHBH", 5, temperature, humidity, round(self.pressure_hpa * 100) - 50_000, 4, -4, 1036, power, 66, self.sequence & 0xFFFF)
        return _structure(0xFF, b"\x99\x04" + body + self.address)

    def _ruuvi3(self) -> bytes:
        whole, hundredths = divmod(round(abs(self.temperature_c) * 100), 100)
        sign = 0x80 if self.temperature_c < 0 else 0
        pressure = round(self.pressure_hpa * 100) - 50_000
        body = struct.pack(">BBBBHhhhH", 3, round(self.humidity_pct * 2), sign | whole, hundredths, pressure, 4, -4, 1036, self.battery_mv)
        return _structure(0xFF, b"\x99\x04" + body)

    def _objects(self) -> bytes:
        values = struct.pack("<BBBhBH", 0x01, self.battery_pct, 0x02, round(self.temperature_c * 100), 0x03, round(self.humidity_pct * 100))
        button = bytes([0x3A, 0x01]) if self.presses else b""
        self.presses = max(0, self.presses - 1)
        return bytes([0x00, self.sequence & 0xFF]) + values + bytes([0x2D, self.open]) + button

    def _bthome(self) -> bytes:
        return _structure(0x16, b"\xd2\xfc\x40" + self._objects())

    def _bthome_locked(self) -> bytes:
        counter = struct.pack("<I", self.sequence)
        nonce = self.address + b"\xd2\xfc\x41" + counter
        sealed = AESCCM(KEY, tag_length=4).encrypt(nonce, self._objects(), None)
        return _structure(0x16, b"\xd2\xfc\x41" + sealed[:-4] + counter + sealed[-4:])

    def _pvvx(self) -> bytes:
        values = (round(self.temperature_c * 100), round(self.humidity_pct * 100), self.battery_mv, self.battery_pct, self.sequence & 0xFF, int(self.open))
        return _structure(0x16, b"\x1a\x18" + self.address[::-1] + struct.pack("<hHHBBB", *values))

    def _atc(self) -> bytes:
        values = (round(self.temperature_c * 10), round(self.humidity_pct), self.battery_pct, self.battery_mv, self.sequence & 0xFF)
        return _structure(0x16, b"\x1a\x18" + self.address + struct.pack(">hBBHB", *values))


def _structure(kind: int, content: bytes) -> bytes:
    return bytes([len(content) + 1, kind]) + content
