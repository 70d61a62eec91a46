# SPDX-License-Identifier: Apache-2.0
"""The LLRP conversation, sans-IO: wait for the reader, set it up, take its reports and events, watch its keepalives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.rfid_llrp import requests
from drivers.rfid_llrp.answers import CONNECTION_ATTEMPT, Capabilities, Notification, decode_capabilities, decode_input_levels, decode_notification
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.frames import Message, MessageSplitter, MessageType, Status, decode_status
from drivers.rfid_llrp.setup import MAY_BE_REFUSED, NEXT, REQUESTS, State, check_antennas
from drivers.rfid_llrp.tag_reports import SeenTag, TagReportReader

KEEPALIVES_MISSED = 2.2  # chosen: two whole periods and a little for the network
_SHOWN_BYTES = 128
_RESPONSE_OFFSET = 10  # in LLRP the response to request N is N + 10 (16.1), but for CLOSE_CONNECTION
_SETUP_ANSWERS = frozenset(asked + _RESPONSE_OFFSET for asked, _ in REQUESTS.values())
_COMMAND_ANSWERS = (MessageType.SET_READER_CONFIG_RESPONSE, MessageType.ERROR_MESSAGE)


@dataclass(frozen=True)
class TagsSeen(SessionEvent):
    """One report of the reader, in its order."""

    tags: Sequence[SeenTag]


@dataclass(frozen=True)
class InputLevel(SessionEvent):
    """An input changed, or (`reader_time_us` None) its level was asked for when the connection was made."""

    input: int
    level: bool
    reader_time_us: int | None = None


@dataclass(frozen=True)
class ReaderFault(SessionEvent):
    """The reader says that something is wrong: `part` is antenna, report_buffer or reader, `text` for people."""

    part: str
    text: str


@dataclass(frozen=True)
class ReaderClock:
    """The reader's time (`reader_time_us`, UTC or since its start) of the connection event that arrived at the monotonic second `at_s`.

    Readers run with clocks that nobody set; only with this offset do their times mean anything beside ours.
    """

    reader_time_us: int
    is_utc: bool
    at_s: float

    def monotonic_s(self, reader_time_us: int) -> float:
        """When, by our monotonic clock, the reader's clock showed that time."""
        return self.at_s + (reader_time_us - self.reader_time_us) / 1_000_000


@dataclass(frozen=True)
class _Pending:
    """A command that waits for its response."""

    name: str
    result: Mapping[str, Argument | None]
    sent_at_s: float


class LlrpSession:
    """One connection to one reader.

    Events: SessionReady once, then the levels of the inputs, TagsSeen, InputLevel, ReaderFault, CommandDone, CommandFailed, FrameRejected.

    FrameRejected reasons: bad_length, truncated, unknown_tv, no_epc, unknown_message, unexpected_message, bad_notification.
    """

    def __init__(self, config: RfidLlrpConfig) -> None:
        self.state = State.WAITING
        self.capabilities = Capabilities()
        self.clock: ReaderClock | None = None
        self._config = config
        self._splitter = MessageSplitter(config.frame_bytes_max)
        self._reports = TagReportReader()
        self._unsent = bytearray()
        self._last_id = 0
        self._setup_id = 0
        self._heard_at_s: float | None = None
        self._asked_at_s: float | None = None
        self._fetched_at_s = 0.0
        self._commands: dict[int, _Pending] = {}
        self._broken: LocalProtocolError | RemoteProtocolError | None = None
        self._first_levels: list[InputLevel] = []
        self._inputs_refused = ""

    # ---- what the shell calls

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        events: list[SessionEvent] = []
        self._heard_at_s = now_s
        try:
            for message in self._splitter.messages(data):
                self._take(message, now_s, events)
            if self._splitter.damage is not None:
                raise self._splitter.damage
        except (LocalProtocolError, RemoteProtocolError) as error:
            self.state = State.FAILED
            if not events:
                raise
            self._broken = error  # the tags that came before are told first
        return events

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if self._asked_at_s is None:
            self._asked_at_s = now_s
        if self._broken is not None:
            raise self._broken
        if self.state is State.FAILED:
            return ()
        for waited_from_s, limit_s in self._watched():
            if now_s - waited_from_s >= limit_s:
                expected, self.state = self.state.value, State.FAILED
                raise ReplyTimeout(expected, round(now_s - waited_from_s, 3))
        if self._fetches_reports and now_s - self._fetched_at_s >= self._config.report_within_s:
            self._fetched_at_s = now_s
            self._send(MessageType.GET_REPORT)
        return self._expire_commands(now_s)

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._unsent)
        self._unsent.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None:
            return float("-inf")
        if self.state is State.FAILED:
            return None
        deadlines_s = [waited_from_s + limit_s for waited_from_s, limit_s in self._watched()]
        deadlines_s += [pending.sent_at_s + self._config.reply_timeout_s for pending in self._commands.values()]
        if self._fetches_reports:
            deadlines_s.append(self._fetched_at_s + self._config.report_within_s)
        return min(deadlines_s, default=None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`."""
        if name != "switch_output":
            raise LocalProtocolError(f"an LLRP reader has no command {name!r}; it takes: switch_output")
        output, on = int(arguments["output"]), bool(arguments["on"])
        if self.state is not State.RUNNING:
            raise LocalProtocolError("the reader is still being set up; try again in a moment", operation=name)
        if not 1 <= output <= self.capabilities.outputs:
            raise LocalProtocolError(f"the reader has outputs 1 to {self.capabilities.outputs}, not {output}", operation=name)
        token = self._send(MessageType.SET_READER_CONFIG, requests.output_body(output, on))
        self._commands[token] = _Pending(name, {"output": output, "on": on}, now_s)
        return token

    def farewell(self) -> bytes:
        """Stop reading, so that the antennas do not transmit for nobody, and close politely."""
        if self.state in (State.WAITING, State.FAILED):
            return b""
        self._send(MessageType.DELETE_ROSPEC, requests.rospec_id_body(0))
        self._send(MessageType.CLOSE_CONNECTION)
        return self.bytes_to_send()

    # ---- time

    @property
    def _fetches_reports(self) -> bool:
        return self.state is State.RUNNING and self._config.report_every_n_tags != 1

    def _watched(self) -> list[tuple[float, float]]:
        """What must not take too long now: since when, and how long it may take."""
        if self.state is State.RUNNING and self._heard_at_s is not None:
            return [(self._heard_at_s, KEEPALIVES_MISSED * self._config.keepalive_s)]
        return [] if self._asked_at_s is None else [(self._asked_at_s, self._config.reply_timeout_s)]

    def _expire_commands(self, now_s: float) -> list[SessionEvent]:
        late = [token for token, pending in self._commands.items() if now_s - pending.sent_at_s >= self._config.reply_timeout_s]
        return [self._late(token, now_s) for token in late]

    def _late(self, token: int, now_s: float) -> CommandFailed:
        pending = self._commands.pop(token)
        return CommandFailed(token, ReplyTimeout("answer to SET_READER_CONFIG", round(now_s - pending.sent_at_s, 3), operation=pending.name))

    # ---- messages

    def _send(self, kind: MessageType, body: bytes = b"") -> int:
        self._last_id += 1
        self._unsent += Message(kind, self._last_id, body).encode()
        return self._last_id

    def _take(self, message: Message, now_s: float, events: list[SessionEvent]) -> None:
        if message.type == MessageType.RO_ACCESS_REPORT:
            self._on_report(message, events)
        elif message.type == MessageType.KEEPALIVE:
            self._unsent += Message(MessageType.KEEPALIVE_ACK, message.message_id).encode()
        elif message.type == MessageType.READER_EVENT_NOTIFICATION:
            self._on_notification(message, now_s, events)
        elif message.message_id in self._commands and message.type in _COMMAND_ANSWERS:
            events.append(self._on_command_answer(message))
        elif self._answers_setup(message):
            self._on_setup_answer(message, now_s, events)
        elif message.type == MessageType.ERROR_MESSAGE:
            events.append(ReaderFault("reader", str(decode_status(message))))
        else:
            reason = "unexpected_message" if message.is_known else "unknown_message"
            events.append(FrameRejected(reason, message.encode()[:_SHOWN_BYTES]))

    def _answers_setup(self, message: Message) -> bool:
        """By type and number, since readers number what they send by themselves as they like; an error may come without the number of what it is about."""
        answers = message.type in _SETUP_ANSWERS and message.message_id == self._setup_id
        return self.state in REQUESTS and (answers or message.type == MessageType.ERROR_MESSAGE)

    def _on_report(self, message: Message, events: list[SessionEvent]) -> None:
        tags, rejected = self._reports.read(message.body)
        if tags:
            events.append(TagsSeen(tuple(tags)))
        events += [FrameRejected(reason, data) for reason, data in rejected]

    def _on_notification(self, message: Message, now_s: float, events: list[SessionEvent]) -> None:
        try:
            notification = decode_notification(message)
        except RemoteProtocolError:
            events.append(FrameRejected("bad_notification", message.encode()[:_SHOWN_BYTES]))
            return
        if notification.connection_attempt is not None:
            self._on_connection_attempt(notification, now_s, events)
        elif notification.closing:
            raise RemoteProtocolError("the reader closes the connection; it was restarted, or another client took it")
        elif notification.ended_rospec == requests.ROSPEC_ID and self.state is State.RUNNING:
            raise RemoteProtocolError("the reader has stopped reading tags; somebody stopped it by its web page or another program")
        elif notification.input is not None:
            self._on_input(InputLevel(notification.input, notification.level, notification.reader_time_us), events)
        elif notification.fault:
            events.append(ReaderFault(notification.fault, notification.fault_text))

    def _on_input(self, change: InputLevel, events: list[SessionEvent]) -> None:
        """A change during the set-up replaces the level that was asked for, and waits with it until the session is ready."""
        if self.state is State.RUNNING:
            events.append(change)
        else:
            self._first_levels = [*(level for level in self._first_levels if level.input != change.input), change]

    def _on_connection_attempt(self, notification: Notification, now_s: float, events: list[SessionEvent]) -> None:
        attempt = notification.connection_attempt or 0
        if self.state is not State.WAITING:
            events.append(ReaderFault("reader", CONNECTION_ATTEMPT.get(attempt, f"connection event {attempt}")))
            return
        if attempt:
            raise RemoteProtocolError(f"the reader refuses the connection: {CONNECTION_ATTEMPT.get(attempt, f'reason {attempt}')}")
        if notification.reader_time_us is not None:
            self.clock = ReaderClock(notification.reader_time_us, notification.is_utc, now_s)
        self._enter(NEXT[self.state], now_s, events)

    def _on_command_answer(self, message: Message) -> SessionEvent:
        pending = self._commands.pop(message.message_id)
        status = decode_status(message)
        if status.ok:
            return CommandDone(message.message_id, pending.result)
        return CommandFailed(message.message_id, DeviceFault(str(status.code), f"the reader refuses: {status}", operation=pending.name))

    # ---- setting up

    def _enter(self, state: State, now_s: float, events: list[SessionEvent]) -> None:
        self.state = state
        if state is State.RUNNING:
            self._fetched_at_s = now_s
            events += [SessionReady(str(self.capabilities)), *self._first_levels]
        elif state is State.ASKING_INPUTS and not self.capabilities.inputs:
            self._enter(NEXT[state], now_s, events)
        else:
            kind, body = REQUESTS[state]
            self._asked_at_s = now_s
            self._setup_id = self._send(kind, body(self._config, self.capabilities))

    def _configure_without_inputs(self, status: Status, now_s: float, events: list[SessionEvent]) -> None:
        """Readers count inputs that they then refuse to enable; tags are read all the same. What is refused for another reason is refused again."""
        self.capabilities, self._inputs_refused = replace(self.capabilities, inputs=0), str(status)
        self._enter(State.CONFIGURING, now_s, events)

    def _on_setup_answer(self, message: Message, now_s: float, events: list[SessionEvent]) -> None:
        asked = REQUESTS[self.state][0]
        if message.type not in (asked + _RESPONSE_OFFSET, MessageType.ERROR_MESSAGE):
            raise RemoteProtocolError(f"expected the answer to {asked.name}, got {message.name}", message.body)
        status = decode_status(message)
        done = status.ok and message.type != MessageType.ERROR_MESSAGE
        if not done and self.state is State.CONFIGURING and self.capabilities.inputs:
            self._configure_without_inputs(status, now_s, events)
            return
        if not done and self.state not in MAY_BE_REFUSED:
            raise RemoteProtocolError(f"the reader refuses {asked.name}: {status}", operation="set-up")
        if self.state is State.ASKING_CAPABILITIES:
            self.capabilities = decode_capabilities(message)
            check_antennas(self._config, self.capabilities)
        elif self.state is State.CONFIGURING and self._inputs_refused:
            reason = f"the reader refuses to enable its inputs ({self._inputs_refused}); going on without them, so what is wired to them is not seen"
            events.append(ReaderFault("reader", reason))
        elif self.state is State.ASKING_INPUTS and done:
            self._first_levels = [InputLevel(port, level) for port, level in decode_input_levels(message).items()]
        self._enter(NEXT[self.state], now_s, events)
