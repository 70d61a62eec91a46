# SPDX-License-Identifier: Apache-2.0
"""An ABLEPick controller (AT500, port 1) with AT50x tags, written from ATOP's protocol manual V2.4, section 4.

Guessed, since the manual's pages on it could not be read: after its key was pressed a tag in pick mode goes dark by itself,
and bytes that are no block are thrown away up to the end of what has come.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware_sims.engine.twin import Twin

_COLOUR_NAMES = ("red", "green", "orange", "blue", "pink", "cyan")
_EVERYBODY = 252
_BLANK = b" " * 6


@dataclass(frozen=True)
class LitTag:
    """What a person sees on a tag: the number on its display (None: no number) and the colour of its lamp."""

    quantity: int | None
    colour: str


@dataclass
class _TagState:
    display: bytes = _BLANK
    dots: int = 0
    lamp: bool = False
    buzzer: bool = False
    colour: str = "red"
    connected: bool = True
    busy_messages: int = 0
    held_messages: int = 0

    def go_dark(self) -> None:
        self.display, self.dots, self.lamp = _BLANK, 0, False


class AblePickTwin(Twin):
    """`lit` tells what is lit now. Stimuli: press, shortage, busy, hold, unplug, plug, reboot_tag, reset, malfunction."""

    def __init__(self, nodes: Iterable[int] = range(1, 31)) -> None:
        self.tags = {node: _TagState() for node in nodes}
        self.eeprom_writes = 0
        self._pending = b""
        self._commands: dict[int, Callable[[_TagState, bytes], None]] = {
            0x00: self._show,
            0x01: self._clear,
            0x02: lambda tag, data: setattr(tag, "lamp", True),
            0x03: lambda tag, data: setattr(tag, "lamp", False),
            0x04: lambda tag, data: setattr(tag, "buzzer", True),
            0x05: lambda tag, data: setattr(tag, "buzzer", False),
            0x1F: self._configure,
        }

    @property
    def lit(self) -> dict[int, LitTag]:
        """Tags that show something or whose lamp is on."""
        return {node: LitTag(_number(tag.display), tag.colour) for node, tag in self.tags.items() if tag.lamp or tag.display != _BLANK}

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending = b""
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._pending += data
        answer = b""
        while len(self._pending) >= 7:
            (length,) = struct.unpack_from("<H", self._pending)
            if not 7 <= length <= 300 or self._pending[2] not in (0x60, 0x61):
                self._pending = b""
                break
            if len(self._pending) < length:
                break
            block, self._pending = self._pending[:length], self._pending[length:]
            answer += self._obey(block)
        return answer

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def on_press(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the confirm key."""
        self._count(node, quantity)
        return self._key(node, 0x06)

    def on_shortage(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the shortage key."""
        self._count(node, quantity)
        return self._key(node, 0x07)

    def on_busy(self, node: int, messages: int = 1, now_s: float = 0.0) -> bytes:
        """The tag drops its next messages because it is busy."""
        self.tags[node].busy_messages = messages
        return b""

    def on_hold(self, node: int, messages: int = 1, now_s: float = 0.0) -> bytes:
        """Somebody holds the tag's key down while its next messages come."""
        self.tags[node].held_messages = messages
        return b""

    def on_unplug(self, node: int, now_s: float = 0.0) -> bytes:
        """The tag loses its cable, and with it what it shows."""
        tag = self.tags[node]
        tag.connected = False
        tag.go_dark()
        return b""

    def on_plug(self, node: int, now_s: float = 0.0) -> bytes:
        """The tag is plugged in again; it reports that it has started."""
        self.tags[node].connected = True
        return self.on_reboot_tag(node)

    def on_reboot_tag(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag restarts: it is dark and says so (FC: AT5xx and AT7xx, section 4.4.7)."""
        self.tags[node].go_dark()
        return _block(0xFC, node)

    def on_reset(self, now_s: float = 0.0) -> bytes:
        """Power comes back for all tags."""
        return b"".join(self.on_reboot_tag(node) for node, tag in self.tags.items() if tag.connected)

    def on_malfunction(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag reports that it is broken."""
        return _block(0x0B, node)

    # -- what the host sends ----------------------------------------------------------------------------------------------------------------

    def _obey(self, block: bytes) -> bytes:
        sub = block[6]
        if sub == 0x09:
            return self._status()
        if len(block) < 8:
            return b""
        node, data = block[7], block[8:]
        if node == _EVERYBODY:
            for each in self.tags.values():
                self._apply(each, sub, data)
            return b""
        tag = self.tags.get(node)
        if tag is None or not tag.connected:
            return _block(0x0A, node)
        if tag.busy_messages:
            tag.busy_messages -= 1
            return _block(0x64, node, b"\x01\x00")
        if tag.held_messages:
            tag.held_messages -= 1
            return _block(0x0D, node)
        if sub == 0x17 or sub == 0x18:
            return self._key(node, 0x06 if sub == 0x17 else 0x07)
        if sub == 0x14:
            return self.on_reboot_tag(node)
        return b"" if self._apply(tag, sub, data) else _block(0x0C, node)

    def _apply(self, tag: _TagState, sub: int, data: bytes) -> bool:
        command = self._commands.get(sub)
        if command is not None and tag.connected:
            command(tag, data)
        return command is not None

    def _show(self, tag: _TagState, data: bytes) -> None:
        tag.display, tag.dots = data[:6].ljust(6), data[6] if len(data) > 6 else 0

    def _clear(self, tag: _TagState, data: bytes) -> None:
        tag.display, tag.dots = _BLANK, 0

    def _configure(self, tag: _TagState, data: bytes) -> None:
        if len(data) >= 2 and data[0] == 0 and data[1] < len(_COLOUR_NAMES):
            tag.colour = _COLOUR_NAMES[data[1]]
        if data[2:3] == b"\x55":
            self.eeprom_writes += 1

    def _count(self, node: int, quantity: int | None) -> None:
        if quantity is not None:
            self.tags[node].display = b"%6d" % quantity

    def _key(self, node: int, sub: int) -> bytes:
        tag = self.tags[node]
        report = _block(sub, node, tag.display + bytes([tag.dots]))
        tag.go_dark()
        return report

    def _status(self) -> bytes:
        bits = bytearray(b"\xff" * 32)
        for node, tag in self.tags.items():
            if tag.connected:
                bits[(node - 1) // 8] &= ~(1 << ((node - 1) % 8)) & 0xFF
        return _block(0x09, 0x00, b"\x00\x00\x00" + bytes(bits))


def _block(sub: int, node: int, data: bytes = b"") -> bytes:
    return struct.pack("<HB3xBB", 8 + len(data), 0x60, sub, node) + data


def _number(display: bytes) -> int | None:
    try:
        return int(display)
    except ValueError:
        return None
