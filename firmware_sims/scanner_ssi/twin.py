# SPDX-License-Identifier: Apache-2.0
"""A Zebra scanner with SSI, packeted decode data and ACK/NAK, as the Simple Serial Interface Programmer's Guide (72E-40451) describes it.

What it says is kept until it is acknowledged: after two seconds, or a NAK RESEND, it is sent again with the retransmit bit, twice at most. Long codes go in
several packets, each with the code's type in front and acknowledged by itself. Damaged commands are answered with NAK RESEND.
"""

from __future__ import annotations

from collections import deque

from firmware_sims.engine.twin import Twin

_RESPONSE_TIMEOUT_S = 2.0  # Serial Response Time-out, default
_SENDINGS_MAX = 3
_PACKET_DATA_MAX = 251
_KEPT_MAX = 1024  # packets; guessed
_GAP_S = 0.5  # a command that is not complete after so long is forgotten
_TYPES = {
    "]A0": 0x01, "]F0": 0x02, "]C0": 0x03, "]S0": 0x04, "]I0": 0x06, "]I1": 0x06, "]G0": 0x07, "]E0": 0x0B, "]E4": 0x0A, "]H0": 0x0C, "]M0": 0x0E,
    "]C1": 0x0F, "]L0": 0x11, "]d1": 0x1B, "]Q1": 0x1C, "]z0": 0x2D, "]e0": 0x30, "]d2": 0x1B, "]Q3": 0x1C, "]E3": 0x4B,
}  # fmt: skip
"""Code types of the guide, DECODE_DATA. Older scanners tell GS1 Data Matrix and QR codes from others only with `gs1_types`."""
_RETAIL_TYPES = {8: 0x09, 12: 0x08, 13: 0x0B}
"""What is said to be ]E0, by its length as the scanner sends it: UPC-E, UPC-A, EAN-13."""
_GS1_TYPES = {"]d2": 0xC1, "]Q3": 0xC2}
_SIMPLE = {0xC4: "aim off", 0xC5: "aim on", 0xE4: "start", 0xE5: "stop", 0xE9: "enable", 0xEA: "disable"}
_WITH_BYTE = {0xE6: "beep", 0xE7: "led on", 0xE8: "led off"}
_REVISION = b"PAABLS00-005-R03 DS2208 3ENGINE 15"
_CAPABILITIES = bytes.fromhex("03ff 7f 03") + bytes(sorted((*_SIMPLE, *_WITH_BYTE, 0xA3, 0xD0, 0xD1, 0xD3)))


class SsiScannerTwin(Twin):
    """The scanner. `scans` counts what was read; what is read while nobody is connected is lost. `heard` are the commands it carried out."""

    def __init__(
        self,
        *,
        sends_aim: bool = False,
        gs1_types: bool = False,
        checksum_low_first: bool = False,
        packet_data_max: int = _PACKET_DATA_MAX,
        asleep: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        self.scans = 0
        self.heard: list[str] = []
        self._sends_aim, self._encoding = sends_aim, encoding
        self._types = _TYPES | (_GS1_TYPES if gs1_types else {})
        self._low_first = checksum_low_first
        self._packet_data_max = packet_data_max
        self._is_asleep = asleep
        self._is_enabled = True
        self._is_busy = False
        self._damages = 0
        self._is_connected = False
        self._buffer = bytearray()
        self._last_byte_s = 0.0
        self._to_say: deque[tuple[int, int, bytes]] = deque()
        self._sent = 0
        self._again_at_s = 0.0

    # What happens to it

    def on_scan(self, *, text: str | int, symbology: str = "", now_s: float) -> bytes:
        """A code comes before the window. `symbology` is its AIM identifier (`]C1`); GS in `text` is \\x1d."""
        if not self._is_enabled:
            return b""
        self.scans += 1
        if not self._is_connected or len(self._to_say) > _KEPT_MAX:
            return b""
        kind = bytes((_RETAIL_TYPES.get(len(str(text)), 0x0B) if symbology == "]E0" else self._types.get(symbology, 0x00),))
        data = ((symbology if self._sends_aim else "") + str(text)).encode(self._encoding)
        room = self._packet_data_max - 1
        parts = [data[start : start + room] for start in range(0, len(data), room)] or [b""]
        for number, part in enumerate(parts, 1):
            self._to_say.append((0xF3, 0x02 if number < len(parts) else 0x00, kind + part))
        return self._say_next(now_s) if not self._sent else b""

    def on_event(self, *, code: int = 3, now_s: float) -> bytes:
        """Something to tell: 3 means it was switched on (guide, EVENT)."""
        self._to_say.append((0xF6, 0x00, bytes((code,))))
        return self._say_next(now_s) if not self._sent else b""

    def on_damage(self, *, packets: int = 1, now_s: float) -> bytes:
        """The next packets that it sends are damaged on the line."""
        self._damages = packets
        return b""

    def on_menu(self, *, open: bool = True, now_s: float) -> bytes:  # noqa: A002  # what people say of a menu
        """Somebody scans setting barcodes: commands are refused meanwhile."""
        self._is_busy = open
        return b""

    # Saying

    def _packet(self, opcode: int, status: int = 0, data: bytes = b"") -> bytes:
        body = bytes((4 + len(data), opcode, 0x00, status)) + data
        total = 0x10000 - sum(body)
        high, low = total >> 8 & 0xFF, total & 0xFF
        packet = bytearray(body + (bytes((low, high)) if self._low_first else bytes((high, low))))
        if self._damages:
            self._damages -= 1
            packet[4 if data else 1] ^= 0x10
        return bytes(packet)

    def _say_next(self, now_s: float) -> bytes:
        if not self._to_say:
            return b""
        opcode, status, data = self._to_say[0]
        self._sent += 1
        self._again_at_s = now_s + _RESPONSE_TIMEOUT_S
        return self._packet(opcode, status | (0x01 if self._sent > 1 else 0x00), data)

    def _is_settled(self, now_s: float) -> bytes:
        """The packet said last is acknowledged, or given up."""
        if not self._sent:
            return b""
        _, status, _ = self._to_say.popleft()
        if self._sent > _SENDINGS_MAX:  # given up: the rest of its message is, too
            while status & 0x02 and self._to_say:
                _, status, _ = self._to_say.popleft()
        self._sent = 0
        return self._say_next(now_s)

    def _say_again(self, now_s: float) -> bytes:
        if not self._sent:
            return b""
        if self._sent >= _SENDINGS_MAX:
            self._sent += 1
            return self._is_settled(now_s)
        return self._say_next(now_s)

    # Hearing

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._is_connected = True
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._is_connected = False
        self._to_say.clear()
        self._buffer.clear()
        self._sent = 0

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        return self._say_again(now_s) if self._sent and now_s >= self._again_at_s else b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._again_at_s if self._sent else None

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        if self._is_asleep:
            self._is_asleep = not data
            return b""  # the first thing it hears only wakes it
        if now_s - self._last_byte_s > _GAP_S:
            self._buffer.clear()
        self._last_byte_s = now_s
        self._buffer += data
        said = b""
        while self._buffer:
            if self._buffer[0] == 0:
                del self._buffer[0]
                continue
            length = self._buffer[0] + 2
            if len(self._buffer) < length:
                break
            packet = bytes(self._buffer[:length])
            del self._buffer[:length]
            said += self._on_packet(packet, now_s)
        return said

    def _on_packet(self, packet: bytes, now_s: float) -> bytes:
        body, told = packet[:-2], packet[-2:]
        if len(packet) < 6 or (sum(body) + int.from_bytes(told, "little" if self._low_first else "big")) & 0xFFFF:
            self._buffer.clear()
            return self._packet(0xD1, 0, b"\x01")
        opcode, data = body[1], body[4:]
        if opcode == 0xD0:
            return self._is_settled(now_s)
        if opcode == 0xD1:
            return self._say_again(now_s) if data[:1] == b"\x01" else self._is_settled(now_s)
        return self._on_command(opcode, data)

    def _on_command(self, opcode: int, data: bytes) -> bytes:
        if opcode == 0xA3:
            return self._packet(0xA4, 0, _REVISION)
        if opcode == 0xD3:
            return self._packet(0xD4, 0, _CAPABILITIES)
        if opcode not in _SIMPLE and opcode not in _WITH_BYTE:
            return self._packet(0xD1, 0, b"\x06")
        if self._is_busy or (opcode in _WITH_BYTE and len(data) != 1):
            return self._packet(0xD1, 0, b"\x02")
        self.heard.append(_SIMPLE.get(opcode) or f"{_WITH_BYTE[opcode]} {data[0]}")
        if opcode in (0xE9, 0xEA):
            self._is_enabled = opcode == 0xE9
        return self._packet(0xD0)
