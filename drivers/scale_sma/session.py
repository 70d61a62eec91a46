# SPDX-License-Identifier: Apache-2.0
"""The conversation with an SMA scale: who it is, then W again and again, and commands between."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import Weighed, number, weight_result
from drivers.base.weighing_session import Question, WeighingSession
from drivers.scale_sma.config import ScaleSmaConfig
from drivers.scale_sma.frames import REFUSALS, STATUS_MEANINGS, AboutMessage, Command, DiagnosticsMessage, Message, Refusal, WeightMessage, decode

_END = re.compile(rb"\r")
FRAME_BYTES_MAX = 64
_POLL, _TARE_HELD, _ABOUT = "poll", "tare held", "about"
_ABOUT_LINES_MAX = 20
_LETTERS = {"zero": "Z", "tare": "T", "clear_tare": "C", "weigh_fine": "H", "next_unit": "U", "diagnose": "D", "identify": "A"}


class SmaSession(WeighingSession[ScaleSmaConfig]):
    """See `Session`."""

    def __init__(self, config: ScaleSmaConfig) -> None:
        super().__init__(config)
        self._about: dict[str, str] = {}
        self._tare: Decimal | None = None
        self._tare_kind: Literal["", "weighed", "preset"] = ""
        self._tells_tare = True

    def greeting(self) -> Sequence[Question]:
        """See `WeighingSession.greeting`."""
        return (Question(_ABOUT, Command("A").encode()),) if self.config.asks_about else ()

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`; a line feed alone is no message."""
        while (frame := self.cut_at(_END, FRAME_BYTES_MAX)) is not None:
            if frame.strip(b"\r\n"):
                return frame[frame.rfind(b"\n") + 1 :]
        return None

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return Command("W").encode()

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        if name not in _LETTERS:
            raise LocalProtocolError(f"an SMA scale has no command {name!r}; it takes: weigh, {', '.join(_LETTERS)}")
        return Command(_LETTERS[name], _preset(arguments)).encode()

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`."""
        if question.name == "zero" or question.sends == Command("T").encode():
            self.when_resting(question, now_s)
        else:
            super().command(question, now_s)

    def not_answered(self, question: Question, now_s: float) -> None:
        """A scale of level 1 need not know A, B and M."""
        self._tells_tare = self._tells_tare and question.name != _TARE_HELD

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        message = decode(frame)
        question = self.current
        if question is None:
            raise RemoteProtocolError("nothing was asked", frame)
        text = frame.decode("ascii").strip("\r\n")
        match message:
            case WeightMessage() if question.name == _POLL:
                self._on_weight(message, text, now_s)
            case AboutMessage() if question.name in (_ABOUT, "identify"):
                self._on_about(question, message)
            case Refusal(code=code):
                self._on_refusal(question, code, now_s)
            case WeightMessage() | DiagnosticsMessage() if _belongs(question, message):
                self.answered()
                self._on_answer(question, message, text)
            case _:
                raise RemoteProtocolError(f"this is no answer to {question.name}", frame)

    def _on_weight(self, message: WeightMessage, text: str, now_s: float) -> None:
        if not message.is_net:
            self._tare, self._tare_kind = None, ""
        state = message.state
        value = message.value if state in ("stable", "zero", "dynamic") else None
        unit = (message.unit or self.config.default_unit) if value is not None else ""
        code = "" if state in ("stable", "zero", "dynamic") else message.status.strip() or "-"
        self.weighed(Weighed(state, value, unit, text, message.is_net, self._tare, None, self._tare_kind if self._tare else "", code), now_s)
        self.answered()
        if message.is_net and self._tare is None and self._tells_tare:
            self.ask_first(Question(_TARE_HELD, Command("M").encode()))

    def _on_about(self, question: Question, message: AboutMessage) -> None:
        """A is answered with the first line, each B with one more, until END or a refusal."""
        self.answered()
        if question.sends == Command("A").encode():
            self._about.clear()
        if message.name != "END" and len(self._about) < _ABOUT_LINES_MAX:
            self._about[message.name] = message.text
            self.ask_first(Question(question.name, Command("B").encode(), question.token))
        else:
            self._end_about(question)

    def _end_about(self, question: Question) -> None:
        self.serial = next((text for name, text in self._about.items() if name.startswith("SN")), "")
        self.about = " ".join(text for name in ("MFG", "MOD", "REV") if (text := self._about.get(name)))
        names = {"level": "SMA", "maker": "MFG", "model": "MOD", "revision": "REV"}
        self.done(question, {**{key: self._about.get(name, "") for key, name in names.items()}, "serial": self.serial})

    def _on_refusal(self, question: Question, code: str, now_s: float) -> None:
        self.answered()
        if question.name == _POLL:
            self.weighed(Weighed("error", text=code, code=code), now_s)
        elif question.name == _TARE_HELD:
            self._tells_tare = False
        elif question.name in (_ABOUT, "identify") and self._about:
            self._end_about(question)  # some say `?` where others say END
        else:
            self.failed(question, DeviceFault(code, REFUSALS[code]))

    def _on_answer(self, question: Question, message: Message, text: str) -> None:
        if isinstance(message, DiagnosticsMessage):
            self.done(question, {"ram_ok": message.ram_ok, "eeprom_ok": message.eeprom_ok, "calibration_ok": message.calibration_ok})
        elif isinstance(message, WeightMessage):
            if question.name == _TARE_HELD:
                self._hold_tare(message)
            elif refused := _refusal(question, message):
                self.failed(question, refused)
            else:
                self._tare = None  # asked for anew with the next net weight
                self._tare_kind = _tare_kind(question) or self._tare_kind
                self.done(question, _result(question, message, text))

    def _hold_tare(self, message: WeightMessage) -> None:
        self._tare = message.value
        self._tells_tare = message.value is not None


def _belongs(question: Question, message: Message) -> bool:
    """Whether a message can be the answer: D has its own, M is answered with a tare, H with high resolution or as W."""
    if isinstance(message, DiagnosticsMessage):
        return question.name == "diagnose"
    if question.name == _TARE_HELD:
        return isinstance(message, WeightMessage) and message.kind == "T"
    return question.name in ("zero", "tare", "clear_tare", "weigh_fine", "next_unit")


def _refusal(question: Question, message: WeightMessage) -> DeviceFault | None:
    """Why a command was not done: the status letters E and T (5.1), and dashes."""
    wanted: Callable[[WeightMessage], bool] = {"zero": lambda m: m.status in ("Z", " ") and not m.is_moving}.get(
        question.name, lambda m: m.status not in "EITe"
    )
    if wanted(message) and message.value is not None:
        return None
    status = message.status if message.status.strip() else ("M" if message.is_moving else "-")
    return DeviceFault(status, STATUS_MEANINGS.get(status) or "the load is moving, or the scale shows no weight")


def _tare_kind(question: Question) -> Literal["", "weighed", "preset"]:
    if question.name != "tare":
        return ""
    return "weighed" if question.sends == Command("T").encode() else "preset"


def _result(question: Question, message: WeightMessage, text: str) -> dict[str, Argument | None]:
    """What a command gives."""
    if question.name == "weigh_fine":
        return weight_result(message.value, message.unit, text)
    return {"unit": message.unit} if question.name == "next_unit" else {}


def _preset(arguments: Mapping[str, Argument]) -> str:
    """The weight behind T. Raises: LocalProtocolError: no number of at most ten characters."""
    if "preset" not in arguments:
        return ""
    text = str(arguments["preset"])
    value = number(text)
    if value is None or value < 0 or len(text) > 10:
        raise LocalProtocolError(f"a known tare is a number in the scale's unit, like preset=1.250; got {text!r}", operation="tare")
    return text
