# SPDX-License-Identifier: Apache-2.0
"""An ABLEPick controller (AT500 or AT400, port 1) with AT705 tags, written from ATOP's protocol manual V2.4 and V2.9, sections 4 to 6.

Guessed, since the manual's pages on it could not be read: bytes that are no block are thrown away up to the end of what has come.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware_sims.engine.twin import Twin
from firmware_sims.light_ablepick.tag import BLANK, PickTag

_COLOUR_NAMES = ("red", "green", "orange", "blue", "pink", "cyan")
_EVERYBODY = 252
_ADDRESS_CHECK = b"\x55\xaa"
_SUPPLY_BITS = {"ok": 0x00, "low": 0x01, "high": 0x02, "abnormal": 0x80}  # 6.2


@dataclass(frozen=True)
class LitTag:
    """What a person sees on a tag: the number on its display (None: no number) and the colour of its lamp."""

    quantity: int | None
    colour: str


class AblePickTwin(Twin):
    """`lit` tells what is lit now, `tags` everything about each tag, also how often its EEPROM was written.

    `is_at400`: it tells of its power supply. Stimuli: press, shortage, busy, hold, release, unplug, plug, power_cut, power_back, reboot_tag, reset,
    malfunction, supply. Conditions: supply (ok, low, high, abnormal).
    """

    def __init__(self, nodes: Iterable[int] = range(1, 31), *, is_at400: bool = False) -> None:
        self.tags = {node: PickTag() for node in nodes}
        self.is_at400 = is_at400
        self.last_polled = 200
        self._pending = b""
        self._supply = self._supply_before = 0
        self._supply_told = False
        self._new_address: int | None = None
        self._whole: dict[int, Callable[[bytes], bytes]] = {0x08: self._poll_range, 0x09: lambda block: self._status(), 0xF7: self._supply_of}
        self._for_tag: dict[int, Callable[[int], bytes]] = {
            0x13: self._show_address,
            0x14: self.on_reboot_tag,
            0x17: lambda node: self._key(node, self.tags[node].confirmed(), works=True),
            0x18: lambda node: self._key(node, 0x07, works=True),
            0xFA: lambda node: _block(0xFA, node, b"AT705".ljust(8)),
            0xFC: lambda node: _block(0xFC, node, self.tags[node].details()),
        }

    @property
    def lit(self) -> dict[int, LitTag]:
        """Tags that show something or whose lamp is on."""
        return {node: LitTag(_number(tag.display), _COLOUR_NAMES[tag.colour_code]) for node, tag in self.tags.items() if tag.lamp or tag.display != BLANK}

    @property
    def eeprom_writes(self) -> int:
        """How often anything was written to the EEPROM of any tag."""
        return sum(tag.eeprom_writes for tag in self.tags.values())

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending = b""
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._pending += data
        answer = bytearray()
        at = 0
        while len(self._pending) - at >= 7:
            (length,) = struct.unpack_from("<H", self._pending, at)
            if not 7 <= length <= 300 or self._pending[at + 2] not in (0x60, 0x61):
                at = len(self._pending)
                break
            if len(self._pending) - at < length:
                break
            answer += self._obey(self._pending[at : at + length])
            at += length
        self._pending = self._pending[at:]
        return bytes(answer)

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def on_press(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the confirm key."""
        if self._new_address is not None:
            return self._take_address(node)
        self._count(node, quantity)
        return self._key(node, self.tags[node].confirmed(), works=self.tags[node].confirm_key)

    def on_shortage(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the shortage key."""
        self._count(node, quantity)
        return self._key(node, 0x07, works=self.tags[node].shortage_key)

    def on_busy(self, node: int, messages: int = 1, now_s: float = 0.0) -> bytes:
        """The tag drops its next messages because it is busy."""
        self.tags[node].busy_messages = messages
        return b""

    def on_hold(self, node: int, messages: int = 1_000_000, now_s: float = 0.0) -> bytes:
        """Somebody holds the tag's key down while its next messages come, or it is stuck."""
        self.tags[node].held_messages = messages
        return b""

    def on_release(self, node: int, now_s: float = 0.0) -> bytes:
        """The key is up again."""
        self.tags[node].held_messages = 0
        return b""

    def on_unplug(self, node: int, now_s: float = 0.0) -> bytes:
        """The tag loses its cable, and with it what it shows."""
        tag = self.tags[node]
        tag.connected = False
        tag.power_up()
        return b""

    def on_plug(self, node: int, now_s: float = 0.0) -> bytes:
        """The tag is plugged in again; it reports that it has started."""
        self.tags[node].connected = True
        return self.on_reboot_tag(node)

    def on_power_cut(self, node: int, now_s: float = 0.0) -> bytes:
        """The tag's power fails; the controller does not reach it."""
        return self.on_unplug(node)

    def on_power_back(self, node: int, now_s: float = 0.0) -> bytes:
        """Its power is back."""
        return self.on_plug(node)

    def on_reboot_tag(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag restarts: it is dark and says so (FC with its details: AT5xx and AT7xx, 4.4.7 and 4.4.12)."""
        self.tags[node].power_up()
        return _block(0xFC, node, self.tags[node].details())

    def on_reset(self, now_s: float = 0.0) -> bytes:
        """Power comes back for all tags."""
        return b"".join(self.on_reboot_tag(node) for node, tag in self.tags.items() if tag.connected)

    def on_malfunction(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag reports that it is broken."""
        return _block(0x0B, node)

    def on_supply(self, state: str, now_s: float = 0.0) -> bytes:
        """The power supply of an AT400 changes: see the condition of this name."""
        return self.set_supply(state, now_s)

    def set_supply(self, text: str, now_s: float = 0.0) -> bytes:
        """The power supply of an AT400: `ok`, `low`, `high` or `abnormal` (section 6)."""
        if text not in _SUPPLY_BITS:
            raise ValueError(f"{text!r} is none of {', '.join(_SUPPLY_BITS)}")
        self._supply_before, self._supply = self._supply, _SUPPLY_BITS[text]
        return self._supply_report() if self._supply_told and self._supply != self._supply_before else b""

    # -- what the host sends ----------------------------------------------------------------------------------------------------------------

    def _obey(self, block: bytes) -> bytes:
        sub = block[6]
        if (whole := self._whole.get(sub)) is not None:
            return whole(block)
        if len(block) < 8:
            return b""
        node, data = block[7], block[8:]
        if node == _EVERYBODY:
            return self._obey_all(sub, data)
        tag = self.tags.get(node)
        if tag is None or not tag.connected:
            return _block(0x0A, node)
        if tag.busy_messages:
            tag.busy_messages -= 1
            return _block(0x64, node, b"\x01\x00")
        if tag.held_messages:
            tag.held_messages -= 1
            return _block(0x0D, node)
        if (answer := self._for_tag.get(sub)) is not None:
            return answer(node)
        return b"" if self._apply(tag, sub, data) else _block(0x0C, node)

    def _apply(self, tag: PickTag, sub: int, data: bytes) -> bool:
        """Each message that reaches a tag; False: it knows no such message."""
        return tag.obey(sub, data)

    def _obey_all(self, sub: int, data: bytes) -> bytes:
        if sub == 0xFB and data[1:3] == _ADDRESS_CHECK:
            self._new_address = data[0]
            for node, tag in self.tags.items():
                tag.show(b"[%03d] " % node)
            return b""
        if self._new_address is not None:
            self._new_address = None  # any other message ends it
        if sub == 0x14:
            return self.on_reset()
        for tag in self.tags.values():
            if tag.connected:
                self._apply(tag, sub, data)
        return b""

    def _poll_range(self, block: bytes) -> bytes:
        if len(block) > 7:
            self.last_polled = block[7]
        return b""

    def _supply_of(self, block: bytes) -> bytes:
        """6.1 and 6.3: a query, or whether changes are told by themselves."""
        if not self.is_at400:
            return _block(0x0C, 0)
        if block[8:9] == b"\x01":
            self._supply_told = block[9:10] == b"\x01" or (self._supply_told and block[9:10] != b"\x02")
            return _block(0xF7, 0, bytes([0x01, self._supply_told]))
        return self._supply_report()

    def _supply_report(self) -> bytes:
        return _block(0xF7, 0, bytes([0x00, self._supply, self._supply_before]) + bytes(8))

    def _show_address(self, node: int) -> bytes:
        self.tags[node].show(b"%6d" % node)
        return b""

    def _take_address(self, node: int) -> bytes:
        """Section 5 (2): the tag has the new number from now on; it tells so under its old one."""
        new, self._new_address = self._new_address or node, None
        tag = self.tags.pop(node)
        tag.eeprom_writes += 1
        self.tags[new] = tag
        return _block(0x64, node, b"\x00\x16")

    def _count(self, node: int, quantity: int | None) -> None:
        if quantity is not None:
            self.tags[node].count_to(quantity)

    def _key(self, node: int, sub: int, *, works: bool) -> bytes:
        tag = self.tags[node]
        if not works or not tag.connected:
            return b""
        report = _block(sub, node, tag.display + bytes([tag.dots]))
        tag.go_dark()
        return report

    def _status(self) -> bytes:
        bits = bytearray(b"\xff" * 32)
        for node, tag in self.tags.items():
            if tag.connected and node <= self.last_polled:
                bits[(node - 1) // 8] &= ~(1 << ((node - 1) % 8)) & 0xFF
        return _block(0x09, 0x00, b"\x00\x00\x00" + bytes(bits))


def _block(sub: int, node: int, data: bytes = b"") -> bytes:
    return struct.pack("<HB3xBB", 8 + len(data), 0x60, sub, node) + data


def _number(display: bytes) -> int | None:
    try:
        return int(display)
    except ValueError:
        return None
