# SPDX-License-Identifier: Apache-2.0
"""The conversation with a CAS indicator: it talks by itself, or is asked; keys are pressed by command in both modes where it takes commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import RESTING, Weighed, plain
from drivers.base.weighing_session import Question, WeighingSession, shows_nothing
from drivers.scale_cas.config import ScaleCasConfig
from drivers.scale_cas.frames import ANSWER, ERROR, HEAD, REFUSALS, WeightFrame, head_length

_BEGINNING = re.compile(HEAD.pattern + rb"|" + ANSWER.pattern + rb"|" + ERROR.pattern)
_TAIL_BYTES = 8
"""So much of the end of the buffer may be the beginning of a head, of an answer or of an error."""
_LETTERS = {"nt500": {"poll": "RW", "zero": "MZ", "tare": "MT"}, "nt570": {"poll": "KW", "zero": "KZ", "tare": "KT"}}


class CasSession(WeighingSession[ScaleCasConfig]):
    """See `Session`."""

    def __init__(self, config: ScaleCasConfig) -> None:
        super().__init__(config)
        self.asks = config.mode == "command"

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`: a head, then by length; what only looks like a frame costs one byte."""
        while True:
            found = _BEGINNING.search(self.buffer)
            if found is None:
                self.skip(max(0, len(self.buffer) - _TAIL_BYTES))
                return None
            self.skip(found.start())
            if found[1] is None:
                return self.take(found.end() - found.start())
            length = head_length(self.buffer)
            if length is None or len(self.buffer) < length:
                return None
            if self.buffer[length - 2 : length] == b"\r\n":
                return self.take(length)
            self.skip(1)

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return self._command("poll")

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        if name not in _LETTERS[self.config.commands]:
            raise LocalProtocolError(f"a CAS indicator has no command {name!r}; it takes: weigh, zero, tare")
        return self._command(name)

    def _command(self, name: str) -> bytes:
        return f"{self.config.device_number:02d}{_LETTERS[self.config.commands][name]}\r\n".encode("ascii")

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`."""
        self.when_resting(question, now_s)

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        if ANSWER.fullmatch(frame):
            self._on_answer(frame, now_s)
            return
        if found := ERROR.fullmatch(frame):
            self._on_weight(Weighed("error", text=plain(frame), code=found[1].decode("ascii").strip()), now_s)
            return
        weight = WeightFrame.decode(frame)
        state = weight.state
        value = weight.value if state in (*RESTING, "dynamic") else None
        unit = (weight.unit or self.config.default_unit) if value is not None else ""
        self._on_weight(Weighed(state, value, unit, plain(frame), weight.is_net, code="" if value is not None else weight.header), now_s)

    def _on_weight(self, event: Weighed, now_s: float) -> None:
        """A weight, asked for or by itself."""
        question = self.current
        is_asked = question is None or question.name == "poll"
        if not is_asked:
            self.current = None  # a weight that came by itself while a key waits for its answer is as fresh as any
        self.weighed(event, now_s)
        self.current = None if is_asked else question

    def _on_answer(self, frame: bytes, now_s: float) -> None:
        text, question = frame.decode("ascii").rstrip("\r\n"), self.current
        if question is None or (text not in REFUSALS and frame != question.sends):
            raise RemoteProtocolError("nothing was asked that this answers", frame)
        if question.name == "poll" and text not in REFUSALS:
            return  # some send the command back before the weight
        self.answered()
        if question.name == "poll":
            self.weighed(Weighed("error", text=text, code=text), now_s)
        elif text in REFUSALS:
            self.failed(question, DeviceFault(text, REFUSALS[text]))
        else:
            assert question.token is not None
            self.wish(question.token, question.name, partial(shows_nothing, question.name), now_s, self.config.stability_timeout_s)
