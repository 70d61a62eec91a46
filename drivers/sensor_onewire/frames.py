# SPDX-License-Identifier: Apache-2.0
"""Lines between the session and whoever has the bus, and what the kernel's files say.

A line is `word subject text` and LF; in its text LF is written as backslash n, and backslash twice. We ask, one line at a time:

    list - -                    the bus and its probes         -> bus w1_bus_master1 bulk 28-0316a2791e0b 28-0417c1a2ffe1 (or `single`: no bulk reading)
    read 28-0316a2791e0b -      measure, and tell w1_slave     -> slave 28-0316a2791e0b 91 01 4b 46 ...
    precision 28-... 11         set the precision              -> precision 28-... 11
    trigger - -                 let all probes measure         -> triggered - -
    pending - -                 what therm_bulk_read says      -> pending - -1 (some still measure), 1 (done), 0 (nothing was asked)
    any of them                 when a file cannot be read     -> error 28-0316a2791e0b EIO

Source: Linux, Documentation/w1/slaves/w1_therm.rst and ABI/testing/sysfs-driver-w1_therm; Maxim DS18B20 data sheet (scratchpad, CRC).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

LINE_BYTES_MAX = 4096
REQUESTS = ("list", "read", "precision", "trigger", "pending")
ANSWERS = ("bus", "slave", "precision", "triggered", "pending", "error")


@dataclass(frozen=True)
class Line:
    """One line. `subject` is a ROM id or a bus, `-` where there is none; `text` likewise."""

    word: str
    subject: str = "-"
    text: str = "-"

    def encode(self) -> bytes:
        """Raises: LocalProtocolError: the subject is not one word, or what is not ASCII."""
        if not self.word.isalpha() or not re.fullmatch(r"[!-~]+", self.subject) or not self.text.isascii():
            raise LocalProtocolError(f"no line can be made of {self!r}")
        return f"{self.word} {self.subject} {escaped(self.text)}\n".encode("ascii")


def escaped(text: str) -> str:
    """Text without line ends."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def decode(data: bytes) -> Line:
    """One whole line with its LF. Raises: RemoteProtocolError: it is none."""
    found = re.fullmatch(rb"([a-z]+) ([!-~]+) ([\x00-\x09\x0b-\x7f]*)\n", data)
    if found is None:
        raise RemoteProtocolError("not a line of a one-wire bus", data)
    word, subject, text = (part.decode("ascii") for part in found.groups())
    return Line(word, subject, re.sub(r"\\(.)", lambda pair: "\n" if pair[1] == "n" else pair[1], text))


def crc8(data: bytes) -> int:
    """Dallas/Maxim CRC: x^8 + x^5 + x^4 + 1, least significant bit first, start 0 (DS18B20 data sheet, CRC generation)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


SCRATCHPAD_BYTES = 9
_FIRST = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)", re.IGNORECASE)
_SECOND = re.compile(r"(?:[0-9a-f]{2} )+t=(-?\d{1,7})", re.IGNORECASE)
_LINEAR = ("22", "28", "42")  # DS1822, DS18B20, DS28EA00: the temperature is bytes 0 and 1 in sixteenths; DS18S20 and DS1825 differ
_RESERVED = 6
AFTER_RESET = 0x0C  # byte 6 of a probe that has not measured since its power came; after measuring 16 - (raw & 15)


@dataclass(frozen=True)
class Scratchpad:
    """What `w1_slave` tells: the nine bytes just read, and the temperature that the kernel made of the last good ones."""

    data: bytes
    temperature_c: float

    @property
    def is_intact(self) -> bool:
        """Whether the CRC fits, computed here: the kernel's YES is not asked."""
        return crc8(self.data[:-1]) == self.data[-1]

    @property
    def has_measured(self) -> bool:
        """Whether the probe has measured since its power came, as genuine chips tell it in byte 6."""
        return self.data[_RESERVED] != AFTER_RESET

    def agrees(self, family: str) -> bool:
        """Whether the kernel's figure can be that of these bytes. Fewer bits leave up to half a degree open, and 13 or 14 bits (GX20MH01) are another scale."""
        if family not in _LINEAR or self.data[4] & 0x80:
            return True
        raw = int.from_bytes(self.data[:2], "little", signed=True)
        return abs(raw / 16 - self.temperature_c) <= 0.5

    def encode(self) -> str:
        """As the kernel writes it."""
        good = "YES" if self.is_intact else "NO"
        shown = self.data.hex(" ")
        return f"{shown} : crc={crc8(self.data[:-1]):02x} {good}\n{shown} t={round(self.temperature_c * 1000)}\n"


def decode_scratchpad(text: str) -> Scratchpad:
    """What the file `w1_slave` says. Raises: RemoteProtocolError: not two lines of that kind."""
    first, _, second = text.strip().partition("\n")
    head, tail = _FIRST.fullmatch(first.strip()), _SECOND.fullmatch(second.strip())
    if head is None or tail is None:
        raise RemoteProtocolError("not what the kernel writes into w1_slave", text.encode("ascii", "replace"))
    return Scratchpad(bytes.fromhex(head[1]), int(tail[1]) / 1000)
