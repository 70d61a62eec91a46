# SPDX-License-Identifier: Apache-2.0
"""Listening to an indicator with Toledo's continuous output; its keys are pressed by single letters that it does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import RESTING, Weighed, every_byte, without_parity
from drivers.base.weighing_session import Question, Result, WeighingSession
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.frames import Shape, WeightFrame
from drivers.scale_continuous.step import Step

_LETTERS = {"zero": b"Z", "tare": b"T", "clear_tare": b"C", "print": b"P"}
_KEY_FRAMES = 10
"""So many frames may still show the old state after a key before it counts as refused. Chosen: half a second to a second."""


class ContinuousSession(WeighingSession[ScaleContinuousConfig]):
    """See `Session`. Whether a key worked shows in the frames that follow."""

    asks = False

    def __init__(self, config: ScaleContinuousConfig) -> None:
        super().__init__(config)
        self._step = Step(config.layout, config.checksum)
        self._shape = Shape("long", has_checksum=False)
        self._zeros_are_sent = config.fixed_zeros == "sent"
        self._frames = 0

    def cleaned(self, data: bytes) -> bytes:
        """See `WeighingSession.cleaned`."""
        return without_parity(data)

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`."""
        while (piece := self._step.next(self.buffer)) is not None:
            if piece.shape is None:
                self.skip(piece.length)
                continue
            self._shape = piece.shape
            return self.take(piece.length)
        return None

    def poll(self) -> bytes:
        """Nothing is asked."""
        return b""

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        if name not in _LETTERS:
            raise LocalProtocolError(f"a continuous scale has no command {name!r}; it takes: weigh, {', '.join(_LETTERS)}")
        return _LETTERS[name] + (b"\r\n" if self.config.command_end == "cr_lf" else b"")

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`."""
        if question.name in ("zero", "tare"):
            self.when_resting(question, now_s)
        else:
            super().command(question, now_s)

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        weight = WeightFrame.decode(frame, self._shape)
        self._frames += 1
        question = self.answered()
        if question is not None:
            self._watch(question, weight, now_s)
        self.weighed(self._seen(weight, every_byte(frame)), now_s)

    def _seen(self, weight: WeightFrame, text: str) -> Weighed:
        state, value = weight.state, weight.value(zeros_are_sent=self._zeros_are_sent)
        if state not in (*RESTING, "dynamic"):
            return Weighed(state, text=text, net=weight.is_net, code=weight.code)
        if value is None:
            return Weighed("error", text=text, net=weight.is_net, code=f"{weight.code}: not a weight with this setting of fixed_zeros")
        tare = weight.tare_value(zeros_are_sent=self._zeros_are_sent) if weight.is_net else None
        kind = ("preset" if weight.is_tare_keyed_in else "weighed") if weight.is_net else ""
        return Weighed(state, value, weight.unit, text, weight.is_net, tare, None, kind, division=weight.division)  # type: ignore[arg-type]

    def _watch(self, question: Question, weight: WeightFrame, now_s: float) -> None:
        """Look at the next frames for what was wanted; a print key leaves no trace that can be waited for."""
        if question.name == "print" or question.token is None:
            self.done(question, {})
            return
        outcome = partial(self._has_changed, question.name, self._frames + _KEY_FRAMES)
        self.wish(question.token, question.name, outcome, now_s, self.config.stability_timeout_s)

    def _has_changed(self, name: str, frames_max: int, event: Weighed) -> Result | DriverError | None:
        if event.state in (*RESTING, "dynamic"):
            wanted = {"zero": not event.value and not event.net, "tare": event.net, "clear_tare": not event.net}[name]
            if wanted:
                return {} if name != "tare" else {"tare": None if event.tare is None else str(event.tare), "unit": event.unit}
        if self._frames < frames_max or event.state == "dynamic":
            return None
        return DeviceFault(_LETTERS[name].decode("ascii"), f"the indicator did not {name.replace('_', ' ')}: beyond its range, or not allowed in its settings")
