# SPDX-License-Identifier: Apache-2.0
"""DS18B20 probes: what they measure, what is in their memory, and what the Linux kernel makes of that. Written from the data sheet (19-7487)."""

from __future__ import annotations

from dataclasses import dataclass

_POWER_ON_RAW = 0x0550  # 85 C: the register after power-on
_TH, _TL = 0x4B, 0x46  # alarm limits of delivery
_CONFIGURATION = {9: 0x1F, 10: 0x3F, 11: 0x5F, 12: 0x7F}
_CONVERSIONS_S = {9: 0.09375, 10: 0.1875, 11: 0.375, 12: 0.75}


def crc8(data: bytes) -> int:
    """CRC of the data sheet: shift register with taps after bits 3 and 4, fed bit by bit."""
    register = 0
    for byte in data:
        for position in range(8):
            feedback = (register ^ byte >> position) & 1
            register >>= 1
            if feedback:
                register ^= 0b10001100
    return register


@dataclass
class Probe:
    """One probe. `resets`: so many of the next measurements are lost by a cut of its power; `error`: the kernel's word for a probe that cannot be read."""

    temperature_c: float = 5.0
    bits: int = 12
    resets: int = 0
    damaged: int = 0
    error: str = ""
    errors: int = 0
    shorted: bool = False
    is_plugged: bool = True
    register: int = _POWER_ON_RAW
    has_measured: bool = False

    @property
    def conversion_s(self) -> float:
        """How long it measures."""
        return _CONVERSIONS_S[self.bits]

    def measure(self) -> None:
        """Take the temperature into the register; a cut of the power meanwhile leaves it as after power-on."""
        if self.resets:
            self.resets -= 1
            self.register, self.has_measured = _POWER_ON_RAW, False
            return
        step = 1 << 12 - self.bits
        self.register, self.has_measured = round(self.temperature_c * 16 / step) * step, True

    @property
    def scratchpad(self) -> bytes:
        """The nine bytes as they arrive."""
        if self.shorted:
            return bytes(9)
        raw = self.register
        reserved = 0x10 - (raw & 0x0F) if self.has_measured else 0x0C
        data = (raw & 0xFFFF).to_bytes(2, "little") + bytes([_TH, _TL, _CONFIGURATION[self.bits], 0xFF, reserved, 0x10])
        return data + bytes([crc8(data)])

    def kernel_file(self) -> str:
        """What `w1_slave` says after a measurement. A damaged answer keeps the figure of the one before (here: of the register)."""
        data = self.scratchpad
        if self.damaged:
            self.damaged -= 1
            data = bytes([data[0] ^ 0x04]) + data[1:]
        counted = crc8(data[:-1])
        verdict = "YES" if counted == data[-1] else "NO"
        kept = self.scratchpad
        millidegrees = int(int.from_bytes(kept[:2], "little", signed=True) * 1000 / 16)
        return f"{data.hex(' ')} : crc={counted:02x} {verdict}\n{kept.hex(' ')} t={millidegrees}\n"
