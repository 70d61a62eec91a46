# SPDX-License-Identifier: Apache-2.0
"""The LLRP conversation, sans-IO: wait for the reader, set it up, take its reports and events, watch whether it lives, carry out commands."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.rfid_llrp import requests
from drivers.rfid_llrp.answers import CONNECTION_ATTEMPT, Notification, decode_notification
from drivers.rfid_llrp.capabilities import Capabilities
from drivers.rfid_llrp.commands import COMMANDS, Commands
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import InputLevel, ReaderFault, TagsSeen
from drivers.rfid_llrp.frames import VERSION_1_1, Message, MessageSplitter, MessageType, decode_status
from drivers.rfid_llrp.setup import KnownReader, SetUp, State
from drivers.rfid_llrp.tag_reports import TagReportReader
from drivers.rfid_llrp.watch import LinkWatch

_AHEAD_BYTES_MAX = 512  # chosen: so much of an unfinished message is worth joining with what comes; a long one in tiny pieces shall not be joined for each
_SHOWN_BYTES = 128
_NAMES = [command.name for command in COMMANDS]


class LlrpSession:
    """One connection to one reader.

    Events: SessionReady once, then what did not fit and the levels of the inputs, TagsSeen, InputLevel, ReaderFault, CommandDone, CommandFailed, FrameRejected.

    FrameRejected reasons: bad_length, truncated, unknown_tv, no_epc, unknown_message, unexpected_message, bad_notification.
    """

    def __init__(self, config: RfidLlrpConfig, known: KnownReader | None = None) -> None:
        self._config = config
        self._setup = SetUp(config, known or KnownReader(), self._send)
        self._watch = LinkWatch(config.keepalive_s)
        self._commands = Commands(config.reply_timeout_s, self._send)
        self._splitter = MessageSplitter(config.frame_bytes_max)
        self._reports = TagReportReader()
        self._unsent = bytearray()
        self._last_id = 0
        self._asked_life_id = 0
        self._fetched_at_s = 0.0
        self._broken: LocalProtocolError | RemoteProtocolError | None = None

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._setup.state

    @property
    def capabilities(self) -> Capabilities:
        """What the reader said of itself; of nothing, before it has."""
        return self._setup.capabilities

    @property
    def serial(self) -> str:
        """See `TellsSerial`; asked for only when one is expected."""
        return self._setup.serial

    # ---- what the shell calls

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._watch.heard(now_s)
        if not self._splitter.pending_bytes and (tag := self._reports.read_message(data)) is not None:
            return [TagsSeen((tag,))]
        events: list[SessionEvent] = []
        try:
            if rest := self._read_ahead(data, events):
                for message in self._splitter.messages(rest):
                    self._take(message, now_s, events)
            self._watch.unfinished(self._splitter.pending_bytes, len(data), now_s)
            if self._splitter.damage is not None:
                raise self._splitter.damage
        except (LocalProtocolError, RemoteProtocolError) as error:
            self._setup.state = State.FAILED
            if not events:
                raise
            self._broken = error  # the tags that came before are told first
        return events

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        self._setup.opened(now_s)
        if self._broken is not None:
            raise self._broken
        if self.state is State.FAILED:
            return ()
        try:
            self._pass_time(now_s)
        except (ReplyTimeout, RemoteProtocolError):
            self._setup.state = State.FAILED
            raise
        return self._commands.advance_to(now_s)

    def _pass_time(self, now_s: float) -> None:
        if self.state is not State.RUNNING:
            self._setup.advance_to(now_s)
            return
        if self._watch.wants_to_ask(now_s):
            self._asked_life_id = self._send(MessageType.GET_READER_CONFIG, requests.keepalive_setting_body())
        if self._fetches_reports and now_s >= self._fetched_at_s + self._config.report_within_s:
            self._fetched_at_s = now_s
            self._send(MessageType.GET_REPORT)

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
        if self.state is not State.RUNNING:
            return self._setup.next_deadline_s()
        fetches = [self._fetched_at_s + self._config.report_within_s] if self._fetches_reports else []
        return min([self._watch.next_deadline_s(), *self._commands.deadlines_s(), *fetches])

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`."""
        if name not in _NAMES:
            raise LocalProtocolError(f"an LLRP reader has no command {name!r}; it takes: {', '.join(_NAMES)}")
        if self.state is not State.RUNNING:
            raise LocalProtocolError("the reader is still being set up; try again in a moment", operation=name)
        if name == "switch_output":
            return self._commands.switch_output(arguments, self.capabilities.outputs, now_s)
        return self._commands.access_tag(name, arguments, now_s)

    def farewell(self) -> bytes:
        """Stop reading, so that the antennas do not transmit for nobody, and close politely."""
        if self.state in (State.WAITING, State.FAILED):
            return b""
        self._send(MessageType.DELETE_ROSPEC, requests.rospec_id_body(0))
        self._send(MessageType.CLOSE_CONNECTION)
        return self.bytes_to_send()

    @property
    def _fetches_reports(self) -> bool:
        return self.state is State.RUNNING and self._config.report_every_n_tags != 1

    # ---- messages

    def _send(self, kind: int, body: bytes = b"", version: int | None = None) -> int:
        self._last_id += 1
        self._unsent += Message(kind, self._last_id, body, version or self._setup.version).encode()
        return self._last_id

    def _take(self, message: Message, now_s: float, events: list[SessionEvent]) -> None:
        if message.type == MessageType.RO_ACCESS_REPORT:
            self._on_report(message, events)
        elif message.type == MessageType.KEEPALIVE:
            self._unsent += Message(MessageType.KEEPALIVE_ACK, message.message_id, version=self._setup.version).encode()
        elif message.type == MessageType.READER_EVENT_NOTIFICATION:
            self._on_notification(message, now_s, events)
        elif self._commands.is_answer(message):
            events += self._commands.on_answer(message, now_s)
        elif self._setup.is_answer(message):
            self._on_setup_answer(message, now_s, events)
        elif not self._is_sign_of_life(message) and not self._setup.is_late_about_version(message):
            self._on_other(message, events)

    def _on_other(self, message: Message, events: list[SessionEvent]) -> None:
        if message.type == MessageType.ERROR_MESSAGE:
            with contextlib.suppress(RemoteProtocolError):
                events.append(ReaderFault("reader", str(decode_status(message))))
                return
        reason = "unexpected_message" if message.is_known else "unknown_message"
        events.append(FrameRejected(reason, message.encode()[:_SHOWN_BYTES]))

    def _is_sign_of_life(self, message: Message) -> bool:
        """Whether it answers the question whether somebody is there; a refusal proves that too."""
        answers = (MessageType.GET_READER_CONFIG_RESPONSE, MessageType.ERROR_MESSAGE)
        return message.message_id == self._asked_life_id != 0 and message.type in answers

    def _read_ahead(self, data: bytes, events: list[SessionEvent]) -> bytes:
        """Take reports of single tags off the stream without cutting it into messages; what is left of it."""
        reports, splitter = self._reports, self._splitter
        if not 0 < reports.message_bytes_min <= len(data) or splitter.pending_bytes > _AHEAD_BYTES_MAX:
            return data
        if splitter.pending_bytes:
            data = splitter.give_back() + data
        tags, used_bytes = reports.read_messages(data)
        if not used_bytes:
            return data
        events.append(TagsSeen(tuple(tags)))
        return data[used_bytes:]

    def _on_report(self, message: Message, events: list[SessionEvent]) -> None:
        tags, rejected = self._reports.read(message.body)
        if tags:
            events.append(TagsSeen(tuple(tags)))
            if len(tags) == 1 and not rejected:
                self._reports.learn_message(message.header, message.body)
        events += [FrameRejected(reason, data) for reason, data in rejected]
        events += self._commands.on_report(message.body)

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
        elif notification.ended_rospec == requests.ROSPEC_ID and self.state is State.RUNNING and self._config.reads_on_and_on:
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
            self._setup.on_input(change)

    def _on_connection_attempt(self, notification: Notification, now_s: float, events: list[SessionEvent]) -> None:
        attempt = notification.connection_attempt or 0
        if self.state is not State.WAITING:
            events.append(ReaderFault("reader", CONNECTION_ATTEMPT.get(attempt, f"connection event {attempt}")))
            return
        if attempt:
            raise RemoteProtocolError(f"the reader refuses the connection: {CONNECTION_ATTEMPT.get(attempt, f'reason {attempt}')}")
        self._setup.begin(now_s)

    def _on_setup_answer(self, message: Message, now_s: float, events: list[SessionEvent]) -> None:
        self._setup.on_answer(message, now_s)
        if self.state is State.RUNNING:
            self._on_ready(now_s, events)

    def _on_ready(self, now_s: float, events: list[SessionEvent]) -> None:
        self._fetched_at_s = now_s
        if self.capabilities.limits.holds_reports:  # what another client left held back would be held for ever
            self._send(MessageType.ENABLE_EVENTS_AND_REPORTS)
        speaks = "LLRP 1.1" if self._setup.version == VERSION_1_1 else "LLRP 1.0.1"
        faults = self._setup.faults
        about = "; ".join([str(self.capabilities), speaks, *(fault.text for fault in faults)])  # what is told of the link is what a gateway and central show
        events += [SessionReady(about), *faults, *self._setup.levels]
