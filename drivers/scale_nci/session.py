# SPDX-License-Identifier: Apache-2.0
"""The conversation with an NCI scale: W again and again, and commands between."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError
from drivers.base.session import Argument
from drivers.base.weighing import Weighed, unit_name, weight_result, without_parity
from drivers.base.weighing_session import Question, Result, WeighingSession
from drivers.scale_nci.config import ScaleNciConfig
from drivers.scale_nci.frames import Reply

_END = re.compile(rb"\x03|\n\?\r|\r\?\n")
FRAME_BYTES_MAX = 64
_POLL = "poll"
_SENDS = {"zero": b"Z\r", "tare": b"T\r", "weigh_fine": b"H\r", "next_unit": b"U\r", "raw": b"M\r", "status": b"S\r"}


class NciSession(WeighingSession[ScaleNciConfig]):
    """See `Session`. Z and T are answered with a status that may be older than what they did: the next weights tell whether they worked."""

    def __init__(self, config: ScaleNciConfig) -> None:
        super().__init__(config)
        self._holds_tare = False
        self._last_value: Decimal | None = None

    def cleaned(self, data: bytes) -> bytes:
        """See `WeighingSession.cleaned`."""
        return without_parity(data)

    def cut(self) -> bytes | None:
        """See `WeighingSession.cut`; line ends that are left of an answer are no frame."""
        while (frame := self.cut_at(_END, FRAME_BYTES_MAX)) is not None:
            if frame.strip(b"\r\n\x03"):
                return frame
        return None

    def poll(self) -> bytes:
        """See `WeighingSession.poll`."""
        return b"W\r"

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """See `WeighingSession.question_of`."""
        if name not in _SENDS:
            raise LocalProtocolError(f"an NCI scale has no command {name!r}; it takes: weigh, {', '.join(_SENDS)}")
        return _SENDS[name]

    def command(self, question: Question, now_s: float) -> None:
        """See `WeighingSession.command`."""
        if question.name in ("zero", "tare"):
            self.when_resting(question, now_s)
        else:
            super().command(question, now_s)

    def on_frame(self, frame: bytes, now_s: float) -> None:
        """See `WeighingSession.on_frame`."""
        reply = Reply.decode(frame)
        question = self.current
        if question is None:
            raise RemoteProtocolError("nothing was asked", frame)
        if reply.is_unknown_command:
            self._not_known(question, now_s)
        elif question.name == _POLL:
            self.weighed(self._seen(reply), now_s)
            self.answered()
        elif question.name in ("zero", "tare"):
            self.answered()
            self._watch(question, now_s)
        elif question.name == "status" or reply.shown:
            self.answered()
            self.done(question, _result(question.name, reply))
        else:
            self.answered()
            self.failed(question, DeviceFault(_status_text(reply), f"the scale shows no weight: {reply.state}"))

    def _not_known(self, question: Question, now_s: float) -> None:
        self.answered()
        fault = DeviceFault("?", f"the scale does not know {question.sends!r}; look for the protocol NCI or SCP-01 in its settings")
        if question.name == _POLL:
            self.weighed(Weighed("error", text="?", code="?"), now_s)
        else:
            self.failed(question, fault)

    def _seen(self, reply: Reply) -> Weighed:
        """The weight of an answer to W."""
        state, status = reply.state, _status_text(reply)
        net = reply.status.is_net if reply.status is not None else None
        self._holds_tare = net if net is not None else self._holds_tare
        text = f"{reply.shown.strip()} {status}".strip()
        if state not in ("stable", "zero", "dynamic"):
            return Weighed(state, text=text, net=self._holds_tare, code=status)
        self._last_value = reply.value
        return Weighed(state, reply.value, self._unit(reply), text, self._holds_tare)

    def _unit(self, reply: Reply) -> str:
        return (reply.unit or self.config.default_unit) if reply.value is not None else ""

    def _watch(self, question: Question, now_s: float) -> None:
        """Look at the next weights for what was wanted."""
        before = self._last_value  # a tare taken at zero is none
        meets: dict[str, Callable[[Question, Weighed], Result | DriverError | None]] = {
            "zero": self._is_zeroed,
            "tare": partial(self._is_tared, before),
        }
        assert question.token is not None
        self.wish(question.token, question.name, partial(meets[question.name], question), now_s, self.config.stability_timeout_s)

    def _is_zeroed(self, question: Question, event: Weighed) -> Result | DriverError | None:
        if event.value is not None and not event.value and event.state in ("stable", "zero"):
            self._holds_tare = False
            return {}
        return self._refused(question, event)

    def _is_tared(self, before: Decimal | None, question: Question, event: Weighed) -> Result | DriverError | None:
        if event.value is not None and not event.value and event.state in ("stable", "zero"):
            self._holds_tare = self._holds_tare or bool(before)
            return {}
        return self._refused(question, event)

    def _refused(self, question: Question, event: Weighed) -> DriverError | None:
        if event.state in ("overload", "error"):
            return DeviceFault(event.code, f"the scale did not {question.name}: {event.state}")
        return None


def _status_text(reply: Reply) -> str:
    return reply.status.text if reply.status is not None else "?"


def _result(name: str, reply: Reply) -> dict[str, Argument | None]:
    """What a command gives."""
    assert reply.status is not None
    if name == "status":
        limit, faults = reply.status.limit or "", ", ".join(reply.status.faults)
        return {"status": reply.status.text, "moving": reply.status.is_moving, "at_zero": reply.status.is_at_zero, "limit": limit, "faults": faults}
    if name == "weigh_fine" and reply.value is not None:
        return weight_result(reply.value, reply.unit, reply.shown)
    if name == "next_unit":  # the unit alone (SCP-01), or the weight in it (B-TEK T419S service manual, p. 66)
        return {"unit": reply.unit if reply.value is not None else unit_name(reply.shown)}
    return {"text": reply.shown.strip()}
