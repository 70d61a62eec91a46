# SPDX-License-Identifier: Apache-2.0
"""The conversation with a scale of lines: it is asked as its map says, or only listened to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import without_parity
from drivers.base.weighing_session import Question, WeighingSession, shows_nothing
from drivers.scale_lines.config import ScaleLinesConfig
from drivers.scale_lines.frames import read_line
from drivers.scale_lines.maps import LineMap

_ENDS = {"line": re.compile(rb"[\r\n]"), "etx": re.compile(rb"\x03")}
_AROUND = b"\r\n\x02\x03"


class LinesSession(WeighingSession[ScaleLinesConfig]):
    """See `Session`."""

    def __init__(self, config: ScaleLinesConfig, line_map: LineMap) -> None:
        super().__init__(config)
        self._map = line_map
        self.asks = bool(line_map.request) and config.request == "map"
        self._has_seven_bits = (config.data_bits or line_map.data_bits) == 7

    def cleaned(self, data: bytes) -> bytes:
        """See `WeighingSession.cleaned`."""
        return without_parity(data) if self._has_seven_bits else data

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`; empty lines are none."""
        while (frame := self.cut_at(_ENDS[self._map.line_end], self._map.line_bytes_max)) is not None:
            if frame.strip(_AROUND + b" "):
                return frame
        return None

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return self._map.request.encode("ascii")

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        command = {"zero": self._map.zero, "tare": self._map.tare}.get(name, "")
        if not command:
            raise LocalProtocolError(f"the map {self.config.map!r} has no command for {name!r}; press the key of the scale", operation=name)
        return command.encode("ascii")

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`; nobody knows what a scale answers to its keys."""
        question.has_answer = False
        self.when_resting(question, now_s)

    def sent(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.sent`."""
        assert question.token is not None
        self.wish(question.token, question.name, partial(shows_nothing, question.name), now_s, self.config.stability_timeout_s)

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        event = read_line(self._map, frame.strip(_AROUND).decode("latin-1"), self.config.default_unit)
        if event is not None:
            self.weighed(event, now_s)
            self.answered()
