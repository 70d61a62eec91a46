# SPDX-License-Identifier: Apache-2.0
"""The conversation with an SSI scanner: its packets are acknowledged, damaged ones asked for again, and no code counts twice because its ACK was lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.gs1.elements import GS, KEYS_WITH_CHECK_DIGIT, ElementError, parse_elements
from contracts.gs1.values import key
from drivers.base.codes.reading import CodeReader, rejected
from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_ssi import frames
from drivers.scanner_ssi.config import ScannerSsiConfig
from drivers.scanner_ssi.frames import Packet
from drivers.scanner_ssi.framing import PacketStream

_SENDINGS_MAX = 3  # "resend twice after the initial send" (Programmer's Guide, Communication summary, Retries)
_WAKE_UP = b"\x00"
_MESSAGE_BYTES_MAX = 64 * frames.DATA_BYTES_MAX
_WAITING_MAX = 16
_PLAIN = {
    "trigger": frames.START_SESSION,
    "stop": frames.STOP_SESSION,
    "aim_on": frames.AIM_ON,
    "aim_off": frames.AIM_OFF,
    "enable": frames.SCAN_ENABLE,
    "disable": frames.SCAN_DISABLE,
}
_COMMANDS = (*_PLAIN, "revision", "capabilities", "beep", "led_on", "led_off")


@dataclass
class _Question:
    """A packet waiting or sent. `token` is None for our own."""

    name: str
    packet: Packet
    token: int | None = None
    sent: int = 0
    deadline_s: float = 0.0

    @property
    def answer(self) -> int:
        """The opcode that answers it."""
        return {frames.REQUEST_REVISION: frames.REPLY_REVISION, frames.CAPABILITIES_REQUEST: frames.CAPABILITIES_REPLY}.get(self.packet.opcode, frames.CMD_ACK)


class SsiSession:
    """See `drivers.base.session.Session`. Reasons of rejection beside those of codes: damaged, torn, echo, unexpected, repeated."""

    def __init__(self, config: ScannerSsiConfig) -> None:
        self._config = config
        self._stream = PacketStream()
        self._reader = CodeReader(config)
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._queue: deque[_Question] = deque()
        self._current: _Question | None = None
        self._tokens = 0
        self._quiet_until_s = 0.0
        self._heard_s = 0.0
        self._last_said: bytes = b""
        self._message = bytearray()
        self._low_first = False
        self._about: list[str] = []
        self._began = self._ready = self._is_triggered = False

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._heard_s = now_s
        self._take(self._stream.receive(data, now_s), now_s)
        self._ask_next(now_s)
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the scanner does not say who it is."""
        if not self._began:
            self._began, self._heard_s = True, now_s
            self._identify()
        self._take(self._stream.advance_to(now_s), now_s)
        if self._current is not None and now_s >= self._current.deadline_s:
            self._send_again(self._current, now_s)
        if self._current is None and not self._queue and now_s >= self._keepalive_due_s():
            self._identify()
        self._ask_next(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        due_s = [self._current.deadline_s if self._current else (self._quiet_until_s if self._queue else self._keepalive_due_s())]
        if (torn_s := self._stream.next_deadline_s()) is not None:
            due_s.append(torn_s)
        return None if min(due_s) == float("inf") else min(due_s)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`."""
        if len(self._queue) >= _WAITING_MAX:
            raise LocalProtocolError(f"{len(self._queue)} commands already wait for the scanner; try again when they are answered", operation=name)
        packet = _packet_of(name, arguments)
        self._tokens += 1
        self._queue.append(_Question(name, packet, self._tokens))
        return self._tokens

    def farewell(self) -> bytes:
        """The end of a session that was begun: nobody would hear its code."""
        return Packet(frames.STOP_SESSION, low_first=self._low_first).encode() if self._is_triggered else b""

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    def _keepalive_due_s(self) -> float:
        return max(self._heard_s + self._config.keepalive_s, self._quiet_until_s) if self._config.keepalive_s else float("inf")

    # Questions

    def _identify(self) -> None:
        self._queue.append(_Question("identify", Packet(frames.REQUEST_REVISION)))

    def _ask_next(self, now_s: float) -> None:
        if self._current is None and self._queue and now_s >= self._quiet_until_s:
            self._current = self._queue.popleft()
            self._send(self._current, now_s)

    def _send(self, question: _Question, now_s: float) -> None:
        status = frames.RETRANSMITTED if question.sent else 0
        question.sent += 1
        question.deadline_s = now_s + self._config.reply_timeout_s
        self._outgoing += Packet(question.packet.opcode, question.packet.data, status, low_first=self._low_first).encode()
        if question.name in ("trigger", "stop"):
            self._is_triggered = question.name == "trigger"

    def _send_again(self, question: _Question, now_s: float) -> None:
        if question.sent < _SENDINGS_MAX:
            self._outgoing += _WAKE_UP  # in low power it loses what is sent first; the next sending finds it awake
            self._send(question, now_s)
            return
        waited = ReplyTimeout(f"answer to {question.name}", _SENDINGS_MAX * self._config.reply_timeout_s)
        if question.token is None:
            raise waited
        self._fail(question, waited, now_s)

    def _close(self, question: _Question, now_s: float) -> None:
        """An ACK names no command: after one that was sent more than once, more of them may come, which are nobody's."""
        self._current = None
        if question.sent > 1:
            self._quiet_until_s = now_s + self._config.reply_timeout_s

    def _fail(self, question: _Question, error: DriverError, now_s: float) -> None:
        if question.token is not None:
            self._events.append(CommandFailed(question.token, error))
        self._close(question, now_s)

    # What comes

    def _take(self, found: Iterable[Packet | FrameRejected], now_s: float) -> None:
        for packet in found:
            if isinstance(packet, FrameRejected):
                self._events.append(packet)
                self._acknowledge(frames.RESEND)
            elif packet.source == frames.HOST:
                self._events.append(rejected("echo", packet.encode()))
            else:
                self._low_first = packet.low_first
                self._on_packet(packet, now_s)

    def _acknowledge(self, cause: int = 0) -> None:
        """ACK, or NAK with a cause."""
        answer = Packet(frames.CMD_NAK, bytes((cause,)), low_first=self._low_first) if cause else Packet(frames.CMD_ACK, low_first=self._low_first)
        self._outgoing += answer.encode()

    def _on_packet(self, packet: Packet, now_s: float) -> None:
        if packet.opcode in frames.ACKNOWLEDGED:
            self._acknowledge()
            self._on_said(packet, now_s)
        elif self._current is None:
            self._events.append(rejected("unexpected", packet.encode()))
        elif packet.opcode == frames.CMD_NAK:
            self._on_refusal(self._current, packet, now_s)
        elif packet.opcode == self._current.answer:
            self._on_answer(self._current, packet, now_s)
        else:
            self._events.append(rejected("unexpected", packet.encode()))

    def _on_said(self, packet: Packet, now_s: float) -> None:
        """A code, an event or a setting. Sent again, it counts only when it was not understood the first time."""
        said = bytes((packet.opcode, packet.status & frames.CONTINUED)) + packet.data
        is_repeated = packet.is_retransmitted and said == self._last_said
        self._last_said = said
        if is_repeated:
            self._events.append(rejected("repeated", packet.data))
        elif packet.opcode == frames.DECODE_DATA:
            self._on_code(packet, now_s)

    def _on_code(self, packet: Packet, now_s: float) -> None:
        """Each packet begins with the code's type; a message of several is whole with the one that is not continued."""
        data = packet.data
        if self._message and data[:1] == self._message[:1]:
            data = data[1:]
        self._message += data
        if len(self._message) > _MESSAGE_BYTES_MAX:
            self._events.append(rejected("too_long", bytes(self._message)))
            self._message.clear()
        if packet.is_continued or not self._message:
            return
        kind, text = self._message[0], bytes(self._message[1:])
        self._message.clear()
        self._is_triggered = False
        self._events += self._reader.read(text, now_s, _symbology(kind, text))

    def _on_refusal(self, question: _Question, packet: Packet, now_s: float) -> None:
        cause = packet.data[0] if packet.data else frames.RESEND
        if cause == frames.RESEND and question.sent < _SENDINGS_MAX:
            self._send(question, now_s)
            return
        if question.name == "identify":
            self._identified(question, "", now_s)  # it is there, though it does not say what it is
            return
        self._is_triggered = False
        self._fail(question, DeviceFault(f"{cause:02X}", frames.NAK_CAUSES.get(cause, "refused for a cause that the guide does not list")), now_s)

    def _on_answer(self, question: _Question, packet: Packet, now_s: float) -> None:
        text = packet.data.decode("latin-1").strip()
        if question.name == "identify":
            self._identified(question, text, now_s)
            return
        result: dict[str, Argument | None] = {}
        if question.name == "revision":
            result = {"revision": text}
        elif question.name == "capabilities":
            result = {"capabilities": packet.data.hex(" ")}
        if question.token is not None:
            self._events.append(CommandDone(question.token, result))
        self._close(question, now_s)

    def _identified(self, question: _Question, text: str, now_s: float) -> None:
        self._close(question, now_s)
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady(text))


def _packet_of(name: str, arguments: Mapping[str, Argument]) -> Packet:
    """Raises: LocalProtocolError: unknown command, or a number that is no byte."""
    if name in _PLAIN:
        return Packet(_PLAIN[name])
    if name in ("revision", "capabilities"):
        return Packet(frames.REQUEST_REVISION if name == "revision" else frames.CAPABILITIES_REQUEST)
    if name not in ("beep", "led_on", "led_off"):
        raise LocalProtocolError(f"an SSI scanner has no command {name!r}; it takes: {', '.join(_COMMANDS)}")
    field, default = ("sound", 1) if name == "beep" else ("leds", 1)
    number = int(arguments.get(field, default))
    if not 0 <= number <= 255:
        raise LocalProtocolError(f"command {name}: {field} is a number from 0 to 255, got {number}")
    return Packet({"beep": frames.BEEP, "led_on": frames.LED_ON, "led_off": frames.LED_OFF}[name], bytes((number,)))


def _symbology(kind: int, data: bytes) -> str:
    """The AIM identifier of a code type, empty where none says the same. What a Data Matrix, QR code or ITF is, only its data can tell."""
    if kind in frames.GS1_OF_TYPE:
        text = data.decode("latin-1")
        if kind == 0x06:
            return "]I1" if len(text) == 14 and data.isdigit() and not key(text) else "]I0"
        try:
            if KEYS_WITH_CHECK_DIGIT & parse_elements(text.removeprefix(GS)).keys():
                return frames.GS1_OF_TYPE[kind]
        except ElementError:
            pass
    return frames.AIM_OF_TYPE.get(kind, "")
