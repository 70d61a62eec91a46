# SPDX-License-Identifier: Apache-2.0
"""The conversation with a CAS counter scale: ENQ, its ACK, DC1, its block. Nothing of one round is taken for another's."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import Weighed, plain
from drivers.base.weighing_session import Question, WeighingSession
from drivers.scale_cas_pos.config import ScaleCasPosConfig
from drivers.scale_cas_pos.frames import ACK, BLOCK_BYTES, DC1, ENQ, EOT, ETX, NAK, SOH, STX, WeightBlock

_DATA = "data"
_ACK, _NAK = bytes((ACK,)), bytes((NAK,))
_HEAD = bytes((SOH, STX))


class CasPosSession(WeighingSession[ScaleCasPosConfig]):
    """See `Session`. Which bytes the check character covers is learned from the first blocks, and then nothing else is taken."""

    def __init__(self, config: ScaleCasPosConfig) -> None:
        super().__init__(config)
        self._cover: int | None = None
        self._cover_seen_once: int | None = None

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return bytes((ENQ,))

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`: an ACK or NAK where one is due, else a block by its head and length."""
        is_enquiry = self.current is None or self.current.name != _DATA
        while self.buffer:
            if (is_enquiry and self.buffer[0] in (ACK, NAK)) or self.buffer[0] == NAK:
                return self.take(1)
            if len(self.buffer) < 2 and self.buffer[0] == SOH:
                return None
            if self.buffer[:2] != _HEAD:
                self.skip(1)
            elif len(self.buffer) < BLOCK_BYTES:
                return None
            elif self.buffer[BLOCK_BYTES - 2 : BLOCK_BYTES] == bytes((ETX, EOT)):
                return self.take(BLOCK_BYTES)
            else:
                self.skip(1)
        return None

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        question = self.current
        if question is None:
            raise RemoteProtocolError("nothing was asked", frame)
        if frame == _ACK:
            self.answered()
            self.ask_first(Question(_DATA, bytes((DC1,))))
        elif frame == _NAK:
            self.answered()
            self.weighed(Weighed("dynamic", text=plain(frame)), now_s)  # it has no weight to give: while it moves, at some settings
        elif question.name == _DATA:
            block = WeightBlock.decode(frame)
            if self._is_covered(block, frame):
                self._on_block(block, plain(frame), now_s)
            else:
                self.answered()
        else:
            raise RemoteProtocolError("a block came where ACK was due", frame)

    def _is_covered(self, block: WeightBlock, frame: bytes) -> bool:
        """The usual check character is believed at once, another one when it comes twice: a single flipped bit could pass for it."""
        if self._cover is None and block.cover in (0, self._cover_seen_once):
            self._cover = block.cover
        self._cover_seen_once = block.cover
        if self._cover is not None and block.cover != self._cover:
            raise RemoteProtocolError("the check character is not of the kind that this scale sends", frame)
        return self._cover is not None

    def _on_block(self, block: WeightBlock, text: str, now_s: float) -> None:
        state = block.state
        value = block.value if state in ("stable", "dynamic") else None
        unit = (block.unit or self.config.default_unit) if value is not None else ""
        self.weighed(Weighed(state, value, unit, text, code="" if value is not None else block.sign), now_s)
        self.answered()
