# SPDX-License-Identifier: Apache-2.0
"""The conversation with an 8213/8217 scale: W again and again, and commands between."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import RESTING, Weighed, plain, weight_result, without_parity
from drivers.base.weighing_session import Question, Result, WeighingSession
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.frames import CR, STX, Answer

FRAME_BYTES_MAX = 20
_POLL, _ECHO = "poll", "echo"
_ECHOED = b"U"
"""Echoed in the test of the line: 0x55 changes at every bit."""
_TARE_DIGITS = 5
_FIELDS = re.compile(rb"[\x20-\x7e]{0,17}\r")
_KEYS = {"zero": b"Z", "weigh_fine": b"H", "test": b"A"}
_KEY_TRIES = 3
"""So many fresh weights may still show the old state after a key before it counts as refused. Chosen: the scale acts at its next reading."""


class Session8217(WeighingSession[Scale8217Config]):
    """See `Session`. Z, T and C are answered with a status that may be older than what they did: the next weights tell whether they worked."""

    def __init__(self, config: Scale8217Config) -> None:
        super().__init__(config)
        self._places: int | None = None
        self._after_key = 0

    def cleaned(self, data: bytes) -> bytes:
        """See `WeighingSession.cleaned`."""
        return without_parity(data)

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`: a status is cut by its place, since it may look like STX or CR; the rest ends at CR."""
        while self.buffer:
            if self.buffer[0] != STX:
                if self.current is not None and self.current.name == _ECHO:
                    return self.take(1)
                self.skip(1)
                continue
            length = self._length()
            if length is None:
                return None
            if length:
                return self.take(length)
            self.skip(1)
        return None

    def _length(self) -> int | None:
        """Of the frame at the beginning of `buffer`; None: more must come; 0: it is no frame."""
        buffer = self.buffer
        if buffer[1:2] == b"?":
            if buffer[2:3] == b"\r" and self.current is not None and self.current.name == "test":
                return 3
            if len(buffer) < 4:
                return None
            return 4 if buffer[3] == CR else (3 if buffer[2] == CR else 0)
        if found := _FIELDS.match(buffer, 1):
            return found.end()
        body = buffer[1:FRAME_BYTES_MAX]
        return None if len(buffer) < FRAME_BYTES_MAX and all(0x20 <= byte < 0x7F for byte in body) else 0

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return self._letter(b"W")

    def _letter(self, letter: bytes) -> bytes:
        return letter + b"\r" if self.config.ends_commands else letter

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        if name == "tare":
            return b"T" + (self._tare_digits(str(arguments["preset"])) if "preset" in arguments else b"") + b"\r"
        if name == "clear_tare":
            return self._letter(b"C")
        if name == "test_line":
            return self._letter(b"E")
        if name not in _KEYS:
            raise LocalProtocolError(f"an 8217 scale has no command {name!r}; it takes: weigh, zero, tare, clear_tare, weigh_fine, test, test_line")
        return self._letter(_KEYS[name])

    def _tare_digits(self, preset: str) -> bytes:
        """Five digits with the decimals of the weights (Magellan 8500 service manual, p. 39). Raises: LocalProtocolError: it cannot be written so."""
        places = self._places if self._places is not None else (2 if self.config.default_unit == "lb" else 3)
        try:
            scaled = Decimal(preset).scaleb(places)
        except InvalidOperation as error:
            raise LocalProtocolError(f"a known tare is a number like 1.25, got {preset!r}", operation="tare") from error
        if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 0 <= scaled < 10**_TARE_DIGITS:
            raise LocalProtocolError(f"a known tare has five digits, {places} of them behind the point, got {preset!r}", operation="tare")
        return f"{int(scaled):05d}".encode("ascii")

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`."""
        if question.name in ("zero", "tare") and len(question.sends.rstrip(b"\r")) == 1:
            self.when_resting(question, now_s)
        else:
            super().command(question, now_s)

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        question = self.current
        if question is None:
            raise RemoteProtocolError("nothing was asked", frame)
        if question.name == _ECHO:
            self._on_echo(question, frame)
            return
        answer = Answer.decode(frame)
        if question.name == _POLL:
            self._on_weight(answer, frame, now_s)
        elif question.name in ("zero", "tare", "clear_tare"):
            self.answered()
            self._watch(question, answer, now_s)
        elif question.name == "weigh_fine":
            self._on_fine(question, answer, frame)
        else:
            self._on_test(question, answer, frame)

    def _on_weight(self, answer: Answer, frame: bytes, now_s: float) -> None:
        if answer.value is None and answer.status is None:
            raise RemoteProtocolError("neither a weight nor a status", frame)
        state = answer.state
        if answer.value is not None:
            self._places = max(0, -int(answer.value.as_tuple().exponent))
            event = Weighed(state, answer.value, answer.unit or self.config.default_unit, plain(frame[1:]), answer.is_net)
        else:
            event = Weighed(state, text=plain(frame[1:]), code=answer.code)
        self.weighed(event, now_s)
        self.answered()

    def _watch(self, question: Question, answer: Answer, now_s: float) -> None:
        """Look at the next weights for what was wanted."""
        if answer.status is None:
            raise RemoteProtocolError(f"expected a status for {question.name}", answer.encode())
        self._after_key = 0
        assert question.token is not None
        wants_net = question.name == "tare" and question.sends[1:6] != b"00000"
        outcome = partial(self._has_zero, answer) if question.name == "zero" else partial(self._has_tare, answer, question.name, wants_net)
        self.wish(question.token, question.name, outcome, now_s, self.config.stability_timeout_s)

    def _has_zero(self, answer: Answer, event: Weighed) -> Result | DriverError | None:
        if event.state in RESTING and not event.value and not event.net:
            return {}
        return self._not_yet(answer, "zero", event)

    def _has_tare(self, answer: Answer, name: str, wants_net: bool, event: Weighed) -> Result | DriverError | None:
        if event.state in RESTING and event.value is not None and event.net is wants_net:
            return {}
        if not wants_net and event.state in ("underload", "zero"):
            return {}
        return self._not_yet(answer, name, event)

    def _not_yet(self, answer: Answer, name: str, event: Weighed) -> DriverError | None:
        self._after_key += event.state != "dynamic"
        if self._after_key < _KEY_TRIES:
            return None
        return DeviceFault(answer.code, f"the scale did not {name.replace('_', ' ')}: beyond its range, or not allowed in its settings")

    def _on_fine(self, question: Question, answer: Answer, frame: bytes) -> None:
        self.answered()
        if answer.value is None:
            self.failed(question, DeviceFault(answer.code, f"the scale shows no weight: {answer.state}"))
            return
        self.done(question, weight_result(answer.value, answer.unit or self.config.default_unit, plain(frame[1:])))

    def _on_test(self, question: Question, answer: Answer, frame: bytes) -> None:
        """A begins the test of the scale and B tells its outcome; E lets the line be tested with a character that must come back, and F ends that."""
        self.answered()
        token = question.token
        if question.name == "test" and answer.status is not None:
            self.failed(question, DeviceFault(answer.code, "the scale has no test of its own"))
        elif question.name == "test":
            self.ask_first(Question("test_outcome", self._letter(b"B"), token))
        elif question.name == "test_outcome" and answer.letter == "@":
            self.done(question, {"outcome": "@"})
        elif question.name == "test_outcome":
            self.failed(question, DeviceFault(f"B {plain(frame[1:])}", "the scale's own test failed; see its manual for the bits of this character"))
        elif question.name == "test_line" and answer.letter == "E":
            self.ask_first(Question("echo_end", self._letter(b"F")))
            self.ask_first(Question(_ECHO, _ECHOED, token))
        elif question.name == "test_line":
            self.failed(question, DeviceFault(answer.code, "the scale cannot echo"))

    def _on_echo(self, question: Question, frame: bytes) -> None:
        self.answered()
        if frame == _ECHOED:
            self.done(question, {"echoed": "U"})
        else:
            self.failed(question, DeviceFault(f"E {plain(frame)}", "a character came back changed; check baud rate, parity and cable"))
