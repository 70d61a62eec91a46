# SPDX-License-Identifier: Apache-2.0
"""The communication control block (CCB) between a host and an ABLEPick controller.

Source: ATOP "ABLEPick Pick-to-light Communication Protocol User Manual" V2.4 (2012) and V2.9 (2018), sections 4.1 to 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

HEADER_BYTES = 7
LENGTH_BYTES_MAX = 512  # no CCB of the manual is longer than 300 bytes; more means that the length bytes are not length bytes
PORT_1, PORT_2 = 0x60, 0x61  # 4.1 message type
NODES_PER_PORT = 200  # 4.1 tag addresses 01-C8
BROADCAST = 0xFC  # 4.1
DIGITS = 6  # 4.3.1 DATA[0..5], leftmost first
QUANTITY_MAX = 10**DIGITS - 1
STATUS_OFFSET = 3  # 4.4.9 DATA[0..2] are reserved
COLOURS = {"red": 0, "green": 1, "orange": 2, "blue": 3, "pink": 4, "cyan": 5}  # 4.3.20 multiple configuration, DATA[0] = 00


class Sub(IntEnum):
    """Sub-commands that this driver uses or understands (manual 4.2)."""

    SHOW = 0x00
    CLEAR = 0x01
    LED_ON = 0x02
    LED_OFF = 0x03
    BUZZER_ON = 0x04
    BUZZER_OFF = 0x05
    CONFIRMED = 0x06
    SHORTAGE = 0x07
    POLL_RANGE = 0x08
    STATUS = 0x09
    NOT_ACKNOWLEDGED = 0x0A
    MALFUNCTION = 0x0B
    ILLEGAL = 0x0C
    BUTTON_HELD = 0x0D
    RESET_OK_OLD = 0x0E
    STOCK_QUANTITY = 0x0F
    DISPLAY_FLASH = 0x10
    LED_FLASH = 0x11
    FLASH_INTERVAL = 0x12
    SHOW_ADDRESS = 0x13
    RESET = 0x14
    SHORTAGE_KEY_OFF = 0x15
    SHORTAGE_KEY_ON = 0x16
    PRESS_CONFIRM = 0x17
    PRESS_SHORTAGE = 0x18
    STOCK_MODE = 0x19
    PICK_MODE = 0x1A
    CONFIRM_KEY_OFF = 0x1B
    CONFIRM_KEY_ON = 0x1C
    CONFIGURE = 0x1F
    CONFIRMED_CYCLE = 0x24
    SPECIAL = 0x64
    SUPPLY = 0xF7
    MODEL = 0xFA
    SET_ADDRESS = 0xFB
    RESET_OK = 0xFC


PRESSES = (Sub.CONFIRMED, Sub.CONFIRMED_CYCLE, Sub.SHORTAGE, Sub.STOCK_QUANTITY)
RESETS = (Sub.RESET_OK, Sub.RESET_OK_OLD)
COLOUR_ITEM, DIGITS_ITEM = 0x00, 0x01  # 4.3.20.1 and 4.3.20.2: DATA[0] of CONFIGURE
PERMANENT = 0x55  # 4.3.20.1: DATA[2] of CONFIGURE writes it to the EEPROM, which wears out by that
ADDRESS_CHECK = b"\x55\xaa"  # 5 (2): DATA[1..2] of SET_ADDRESS
SUPPLY_BITS = {"voltage_low": 0x01, "voltage_high": 0x02, "system_abnormal": 0x80}  # 6.2 DATA[0]
SUPPLY_READ, SUPPLY_AUTO_REPORT, SUPPLY_ENABLE = 0x00, 0x01, 0x01  # 6.1 and 6.3: message type, and the mode


class Special(IntEnum):
    """DATA[0] of SPECIAL (4.4.10 and 4.5.6)."""

    KEY_CODE = 0x00
    BUSY = 0x01
    BUFFER_FULL = 0x02
    BUFFER_EMPTY = 0x03
    FUNCTION_KEY = 0x04
    BUTTON = 0x05


KEY_CONFIRM, KEY_SHORTAGE, KEY_FUNCTION = 0x16, 0x43, 0x25  # 4.4.10 DATA[1] of KEY_CODE


@dataclass(frozen=True)
class Frame:
    """One CCB. `node` None: the block ends after its sub-command (status query).

        byte  0     1     2     3  4  5   6    7     8...
              LENl  LENh  TYPE  reserved  SUB  NODE  DATA

    LEN counts all bytes; there is no checksum.
    """

    sub: int
    node: int | None = None
    data: bytes = b""
    port: int = PORT_1

    def encode(self) -> bytes:
        """Raises: LocalProtocolError: data without a node, or too long."""
        if self.node is None and self.data:
            raise LocalProtocolError("an ABLEPick block with data needs a node")
        tail = b"" if self.node is None else bytes([self.node]) + self.data
        size_bytes = HEADER_BYTES + len(tail)
        if size_bytes > LENGTH_BYTES_MAX:
            raise LocalProtocolError(f"an ABLEPick block has at most {LENGTH_BYTES_MAX} bytes, this would have {size_bytes}")
        return size_bytes.to_bytes(2, "little") + bytes([self.port, 0, 0, 0, self.sub]) + tail


def size_of(head: bytes) -> int | None:
    """Length of the block that begins with these bytes; None: too few bytes to tell.

    Raises: RemoteProtocolError: no CCB begins like this; there is no way to find the next one in the stream.
    """
    if len(head) >= 3 and head[2] not in (PORT_1, PORT_2):
        raise RemoteProtocolError("ABLEPick message type is not 60 or 61; reconnecting", head[:HEADER_BYTES])
    if len(head) < 2:
        return None
    size_bytes = int.from_bytes(head[:2], "little")
    if not HEADER_BYTES <= size_bytes <= LENGTH_BYTES_MAX:
        raise RemoteProtocolError(f"ABLEPick block length {size_bytes} is not within {HEADER_BYTES} to {LENGTH_BYTES_MAX}; reconnecting", head[:HEADER_BYTES])
    return size_bytes if len(head) >= 3 else None


def decode(data: bytes) -> Frame:
    """One whole block. Raises: RemoteProtocolError: not exactly one CCB."""
    if size_of(data) != len(data):
        raise RemoteProtocolError("not exactly one ABLEPick block", data)
    node = data[HEADER_BYTES] if len(data) > HEADER_BYTES else None
    return Frame(sub=data[6], node=node, data=data[HEADER_BYTES + 1 :], port=data[2])


def digits(quantity: int) -> bytes:
    """DATA of SHOW: six right-aligned characters and no dots (4.3.1)."""
    return f"{quantity:>{DIGITS}d}".encode("ascii") + b"\x00"


def shown_quantity(data: bytes) -> int | None:
    """The number on a display as CONFIRMED and SHORTAGE report it; None: blank or not a number.

    The manual gives these blocks 14 bytes but lists 7 data bytes; the dots byte may be missing.
    """
    text = data[:DIGITS].strip(b" \x00")
    return int(text) if text.isdigit() else None


def unconnected_nodes(data: bytes) -> frozenset[int]:
    """Tags that do not answer the controller: bit 0 of byte 0 is tag 1, 1 = not connected (4.4.9)."""
    bitmap = int.from_bytes(data[STATUS_OFFSET:], "little")
    return frozenset(node for node in range(1, NODES_PER_PORT + 1) if bitmap >> (node - 1) & 1)


def model_of(data: bytes) -> str:
    """The model's name as a tag tells it (4.4.11)."""
    return data[:8].decode("ascii", "replace").strip(" \x00")


def details_of(data: bytes) -> dict[str, int]:
    """What a tag tells of itself after a reset and when it is asked (4.4.12): AT5xx five bytes, AT7xx seven."""
    names = ("product", "firmware", "mode", "functions", "key_delay", "colour")
    return dict(zip(names, data, strict=False))
