# SPDX-License-Identifier: Apache-2.0
"""Simulated controller with many holding registers, as a data logger polls it."""

from __future__ import annotations

import random
import struct

from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.sensor_modbus.device import ILLEGAL_VALUE, ModbusTwin, Refusal
from firmware_sims.sensor_modbus.framing import FramingName

STAMP_WORDS = 5
"""Registers 0 and 1: the number of the read, low word first. 2 to 4: the second of the simulator's clock in microseconds, low word first."""
_LEVEL, _STEP, _NOISE = 2000, 37, 16  # as analogue inputs of 14 bits look: each its own level, the last four bits unsteady


class ModbusControllerTwin(ModbusTwin):
    """`count` holding registers from address 0. With `stamps` each read that begins at 0 is numbered and timed, and the other registers are noisy.

    Stimulus: set (address, value).
    """

    def __init__(
        self, framing: FramingName = "tcp", unit_id: int = 1, reply_delay_s: float = 0.0, count: int = 100, stamps: bool = False, seed: int = 0
    ) -> None:
        super().__init__(framing, unit_id, reply_delay_s)
        self.holding.update(dict.fromkeys(range(count), 0))
        self.reads = 0
        self._random = random.Random(seed)  # noqa: S311  # the same noise in each run
        self._now_s = 0.0
        if stamps:
            self._functions[0x03] = self._read_stamped

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._now_s = now_s
        return super().receive_bytes(data, now_s)

    def on_set(self, address: int, value: int, now_s: float = 0.0) -> bytes:
        """A register changes."""
        if address not in self.holding:
            raise UnknownStimulusError(f"this controller has registers 0 to {len(self.holding) - 1}, not {address}")
        self.holding[address] = value & 0xFFFF
        return b""

    def _read_stamped(self, pdu: bytes) -> bytes:
        start, count = struct.unpack(">HH", pdu[1:])
        if start != 0 or not STAMP_WORDS <= count <= min(125, len(self.holding)):
            raise Refusal(ILLEGAL_VALUE)
        self.reads += 1
        stamp = self.reads | round(self._now_s * 1e6) << 32
        noise = self._random.randbytes(count)
        words = [stamp >> 16 * index & 0xFFFF for index in range(STAMP_WORDS)]
        words += [_LEVEL + _STEP * index + noise[index] % _NOISE for index in range(STAMP_WORDS, count)]
        return bytes([2 * count]) + struct.pack(f">{count}H", *words)
