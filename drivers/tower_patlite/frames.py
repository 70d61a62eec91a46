# SPDX-License-Identifier: Apache-2.0
"""PNS commands of Patlite signal towers and what they answer.

Source: Patlite, Signal Tower LA6-POE Operation Manual, 5.1 (pages 31-43); NHL User Manual, 3.6 (page 27); the maker's programs of example for LA6-POE
and LR5-LAN (PATLITE-Corporation on GitHub).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

Model = Literal["la6", "lr5", "nh"]
LAMPS, BUZZER = 5, 6
ACK, NAK = 0x06, 0x15  # LA6-POE 5.1: normal and abnormal response
UNCHANGED = 9  # LA6-POE 5.1.4: 09H no change
HEADER_BYTES = 6
DATA_BYTES_MAX = 64  # no command of the manuals has more than 7
PRODUCTS: dict[Model, bytes] = {"la6": b"AB", "lr5": b"AB", "nh": b"XX"}  # LA6-POE 5.1; NHL 3.6
STATUS_BYTES: dict[Model, int] = {"la6": 15, "lr5": 6, "nh": 6}  # LA6-POE 5.1.8; LR5-LAN example; NH: six patterns
PATTERN_MAX: dict[Model, tuple[int, int]] = {"la6": (2, 3), "lr5": (7, 1), "nh": (3, 4)}
"""Highest pattern of a lamp and of the buzzer in command S: LA6-POE 5.1.4, LR5-LAN example, NHL 3.6."""
COLOURS = {"off": 0, "red": 1, "yellow": 2, "lemon": 3, "green": 4, "sky_blue": 5, "blue": 6, "purple": 7, "peach": 8, "white": 9}  # LA6-POE 5.1.5
INPUTS = 8  # LA6-POE 5.1.8
SMART_MODE = 1  # LA6-POE 5.1.8, byte 9


class Identifier(IntEnum):
    """What a command is: its third byte."""

    RUN = 0x53  # S: lamps and buzzer by pattern
    DETAIL = 0x44  # D: colours of each tier (LA6)
    CLEAR = 0x43  # C: everything off
    SMART = 0x54  # T: a group of patterns set up in the tower (LA6)
    MUTE = 0x4D  # M: buzzer silent, lamps as they are (LA6)
    STATUS = 0x47  # G
    REBOOT = 0x42  # B (LA6)


_DATA_BYTES = {
    Identifier.RUN: 6,
    Identifier.DETAIL: 7,
    Identifier.CLEAR: 0,
    Identifier.SMART: 1,
    Identifier.MUTE: 1,
    Identifier.STATUS: 0,
    Identifier.REBOOT: 0,
}
_LA6_ONLY = (Identifier.DETAIL, Identifier.SMART, Identifier.MUTE)


@dataclass(frozen=True)
class Command:
    """A command to the tower.

    byte  0 1      2           3      4 5                  6...
          product  identifier  empty  data size (big end)  data
    """

    product: bytes
    identifier: int
    data: bytes = b""

    def encode(self) -> bytes:
        """Raises: LocalProtocolError: more data than any command has."""
        if len(self.data) > DATA_BYTES_MAX:
            raise LocalProtocolError(f"a PNS command has at most {DATA_BYTES_MAX} bytes of data, this would have {len(self.data)}")
        return self.product + bytes([self.identifier, 0]) + len(self.data).to_bytes(2, "big") + self.data


def decode(data: bytes) -> Command:
    """One whole command. Raises: RemoteProtocolError: it is not exactly one."""
    if len(data) < HEADER_BYTES or data[3] != 0 or len(data) != HEADER_BYTES + int.from_bytes(data[4:6], "big"):
        raise RemoteProtocolError("not exactly one PNS command", data)
    return Command(data[:2], data[2], data[HEADER_BYTES:])


def command(model: Model, identifier: Identifier, data: Sequence[int] = ()) -> Command:
    """A command that this model has. Raises: LocalProtocolError: it has not, or its data has another length."""
    if identifier in _LA6_ONLY and model != "la6":
        raise LocalProtocolError(f"model {model} has no PNS command {chr(identifier)!r}; only la6 has it")
    if len(data) != _DATA_BYTES[identifier]:
        raise LocalProtocolError(f"PNS command {chr(identifier)!r} has {_DATA_BYTES[identifier]} bytes of data, not {len(data)}")
    return Command(PRODUCTS[model], identifier, bytes(data))


@dataclass(frozen=True)
class Status:
    """Answer to G. `patterns` of five lamps and the buzzer; empty in smart mode, of which `group` tells the number. `inputs` of LA6: its signal wires."""

    patterns: tuple[int, ...]
    inputs: tuple[bool, ...] = ()
    group: int = 0

    @property
    def is_smart(self) -> bool:
        """Whether it runs a group of smart mode."""
        return not self.patterns

    def encode(self) -> bytes:
        """As the tower sends it: six bytes, or fifteen with inputs (LA6)."""
        if not self.inputs:
            return bytes(self.patterns)
        tail = bytes([SMART_MODE, self.group, 0, 0, 1, 0, 0]) if self.is_smart else bytes([0, *self.patterns])
        return bytes(self.inputs) + tail


def decode_status(data: bytes) -> Status:
    """Raises: RemoteProtocolError: no such answer."""
    if len(data) == STATUS_BYTES["nh"]:
        return Status(tuple(data))
    if len(data) != STATUS_BYTES["la6"]:
        raise RemoteProtocolError("a status of a Patlite tower has 6 or 15 bytes", data)
    inputs = tuple(bool(level) for level in data[:INPUTS])
    if data[INPUTS] == SMART_MODE:
        return Status((), inputs, data[INPUTS + 1])
    return Status(tuple(data[INPUTS + 1 :]), inputs)
