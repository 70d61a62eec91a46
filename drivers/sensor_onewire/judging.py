# SPDX-License-Identifier: Apache-2.0
"""Whether a probe's answer can be believed: pure, one answer at a time."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError
from drivers.sensor_onewire.frames import Scratchpad, decode_scratchpad

POWER_ON_C = 85.0  # DS18B20 data sheet: the temperature register after power-on
NEAR_C = 5.0  # chosen: a room or a product moves less between two readings
ARDUINO_C = -127.0  # what some forwarders pass on for "no answer"


@dataclass(frozen=True)
class Fault:
    """Why an answer is not believed. `code`: an error of the kernel (EIO, ENOENT, ...), or EMPTY, TEXT, CRC, ZERO, ONES, POR85, M127, RANGE, MISFIT.

    `may_pass`: measuring again may help.
    """

    code: str
    meaning: str
    may_pass: bool = True


FILE_FAULTS = {
    "ENOENT": Fault("ENOENT", "the probe is not on the bus; check its plug and cable", may_pass=False),
    "ENODEV": Fault("ENODEV", "the probe is not on the bus; check its plug and cable", may_pass=False),
    "EACCES": Fault("EACCES", "the file may not be read; add the user to the group that may", may_pass=False),
    "EIO": Fault("EIO", "the probe does not answer; check cable, pull-up resistor and power"),
}


def fault_of(code: str) -> Fault:
    """What an error of the kernel means."""
    return FILE_FAULTS.get(code) or Fault(code, "the kernel cannot read the probe; check cable, pull-up resistor and power")


def judge(family: str, text: str, last_good_c: float | None, low_c: float, high_c: float) -> float | Fault:
    """The temperature in degrees Celsius, or why there is none. `text` is what `w1_slave` says, `family` the first two digits of the ROM id."""
    if not text.strip():
        return Fault("EMPTY", "the kernel tells nothing of the probe; it was still measuring, or the bus is busy")
    try:
        scratchpad = decode_scratchpad(text)
    except RemoteProtocolError:
        return Fault("TEXT", "the kernel's file is not what it should be; is this probe a thermometer?", may_pass=False)
    return _damage(family, scratchpad) or _plausible(scratchpad.temperature_c, scratchpad, last_good_c, low_c, high_c)


def _damage(family: str, scratchpad: Scratchpad) -> Fault | None:
    if not any(scratchpad.data):
        return Fault("ZERO", "all bits of the answer are 0: the data wire is shorted to ground; check cable and plug")
    if all(byte == 0xFF for byte in scratchpad.data):
        return Fault("ONES", "nobody pulled the data wire: the probe is away or has no power")
    if not scratchpad.is_intact:
        return Fault("CRC", "the answer came damaged (CRC); check cable length, pull-up resistor and what runs beside the cable")
    return None if scratchpad.agrees(family) else Fault("MISFIT", "the kernel's figure does not fit the bytes of the probe; it is an older one")


def _plausible(value_c: float, scratchpad: Scratchpad, last_good_c: float | None, low_c: float, high_c: float) -> float | Fault:
    if value_c == ARDUINO_C:
        return Fault("M127", "-127 C stands for a probe that does not answer; check cable and power")
    if value_c == POWER_ON_C and (last_good_c is None or abs(last_good_c - POWER_ON_C) > NEAR_C):
        why = "the probe lost its power while it measured" if not scratchpad.has_measured else "that is what it tells after a power cut"
        return Fault("POR85", f"85.000 C out of the blue: {why}; check its supply and cable")
    if not low_c <= value_c <= high_c:
        return Fault("RANGE", f"{value_c:g} C is not within {low_c:g} to {high_c:g} C")
    return value_c
