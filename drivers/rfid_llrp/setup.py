# SPDX-License-Identifier: Apache-2.0
"""Setting the reader up: the states of the conversation, what is asked in each, which follows, and what a refusal means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.rfid_llrp import extensions, requests, rospec
from drivers.rfid_llrp.answers import decode_identity, decode_input_levels, decode_versions
from drivers.rfid_llrp.capabilities import Capabilities, decode_capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import InputLevel, ReaderFault
from drivers.rfid_llrp.frames import VERSION, VERSION_1_1, Message, MessageType, Status, decode_status

_VERSION_PATIENCE_S = 1.0  # chosen: readers of 1.0.1 are to answer with an error; one that says nothing is not to delay the tags for long
_RESPONSE_OFFSET = 10  # in LLRP the response to request N is N + 10 (16.1), but for CLOSE_CONNECTION and custom messages


class State(Enum):
    """Where the conversation stands; the values are what the session waits for."""

    WAITING = "connection event"
    ASKING_VERSION = "answer to GET_SUPPORTED_VERSION"
    SETTING_VERSION = "answer to SET_PROTOCOL_VERSION"
    ASKING_CAPABILITIES = "answer to GET_READER_CAPABILITIES"
    ASKING_IDENTITY = "answer to GET_READER_CONFIG about its identity"
    ENABLING_EXTENSIONS = "answer to IMPINJ_ENABLE_EXTENSIONS"
    CLEARING = "answer to DELETE_ROSPEC"
    CLEARING_ACCESS = "answer to DELETE_ACCESSSPEC"
    CONFIGURING = "answer to SET_READER_CONFIG"
    ASKING_INPUTS = "answer to GET_READER_CONFIG"
    ADDING = "answer to ADD_ROSPEC"
    ENABLING = "answer to ENABLE_ROSPEC"
    STARTING = "answer to START_ROSPEC"
    RUNNING = "keepalive"
    FAILED = "nothing"


@dataclass
class KnownReader:
    """What one connection teaches for the next: a reader that said nothing to the question for its version, or hung up, is not asked again."""

    asks_version: bool = True


Body = Callable[[RfidLlrpConfig, Capabilities], bytes]

REQUESTS: dict[State, tuple[int, Body]] = {
    State.ASKING_VERSION: (MessageType.GET_SUPPORTED_VERSION, lambda config, able: b""),
    State.SETTING_VERSION: (MessageType.SET_PROTOCOL_VERSION, lambda config, able: requests.version_body(VERSION_1_1)),
    State.ASKING_CAPABILITIES: (MessageType.GET_READER_CAPABILITIES, lambda config, able: requests.capabilities_body()),
    State.ASKING_IDENTITY: (MessageType.GET_READER_CONFIG, lambda config, able: requests.identity_body()),
    State.ENABLING_EXTENSIONS: (extensions.CUSTOM_MESSAGE, lambda config, able: extensions.enable_body()),
    State.CLEARING: (MessageType.DELETE_ROSPEC, lambda config, able: requests.rospec_id_body(0)),
    State.CLEARING_ACCESS: (MessageType.DELETE_ACCESSSPEC, lambda config, able: requests.rospec_id_body(0)),
    State.CONFIGURING: (MessageType.SET_READER_CONFIG, lambda config, able: requests.configuration_body(round(config.keepalive_s * 1000), able.inputs)),
    State.ASKING_INPUTS: (MessageType.GET_READER_CONFIG, lambda config, able: requests.input_levels_body()),
    State.ADDING: (MessageType.ADD_ROSPEC, rospec.rospec_body),
    State.ENABLING: (MessageType.ENABLE_ROSPEC, lambda config, able: requests.rospec_id_body()),
    State.STARTING: (MessageType.START_ROSPEC, lambda config, able: requests.rospec_id_body()),
}
"""What is asked in which state, as it is entered. Raises LocalProtocolError where the configuration does not fit the reader."""

NEXT = dict(pairwise((State.WAITING, *REQUESTS, State.RUNNING)))
"""The transitions: each answer leads on, states without use are passed over; any refusal or silence leads to FAILED."""

MAY_BE_REFUSED = frozenset({State.ASKING_VERSION, State.SETTING_VERSION, State.ASKING_IDENTITY, State.CLEARING, State.CLEARING_ACCESS, State.ASKING_INPUTS})
"""Readers of 1.0.1 know no versions; some call it an error when there is nothing to delete (a ROSpec that really stays makes ADD_ROSPEC fail), or keep
no input levels."""

_IN_VERSION_1_1 = (State.ASKING_VERSION, State.SETTING_VERSION)  # both always go out with that version in their header (LLRP 1.1, 9.1)
_SETUP_ANSWERS = frozenset(asked + _RESPONSE_OFFSET for asked, _ in REQUESTS.values() if asked != extensions.CUSTOM_MESSAGE)

_WITHOUT_KEEPALIVE = "the reader refuses the keepalive ({}); it is asked instead whether it lives"
_WITHOUT_INPUTS = "the reader refuses to enable its inputs ({}); going on without them, so what is wired to them is not seen"


def check_fit(config: RfidLlrpConfig, able: Capabilities) -> None:
    """Raises: LocalProtocolError: the configuration names what the reader does not have; says what it has."""
    if (highest := max(config.antennas, default=0)) > able.antennas:
        raise LocalProtocolError(f"`antennas` names {highest}, but the reader has {able.antennas}; correct the configuration")
    for name, used in (("start_input", config.start == "input"), ("stop_input", config.stop == "input")):
        if used and (number := getattr(config, name)) > able.inputs:
            raise LocalProtocolError(f"`{name}` names {number}, but the reader has {able.inputs} inputs; correct the configuration")
    mode = next((mode for mode in able.band.modes if mode.mode_id == config.reader_mode), None)
    if config.reader_mode is not None and able.band.modes and mode is None:
        raise LocalProtocolError(f"`reader_mode` {config.reader_mode} is none of the reader's modes: {', '.join(map(str, able.band.modes))}")
    if mode is not None and config.tari_ns and not mode.tari_ns_min <= config.tari_ns <= mode.tari_ns_max:
        raise LocalProtocolError(f"`tari_ns` {config.tari_ns} does not fit mode {mode}; correct the configuration")
    extensions.check_extensions(config, able)


def faults_of_power(config: RfidLlrpConfig, able: Capabilities) -> list[ReaderFault]:
    """A reader that is weaker than configured reads all the same, but not as far as somebody wanted."""
    wanted_dbm = max(config.antenna_powers_dbm, default=config.power_dbm)
    highest_dbm = max(able.band.power_dbm.values(), default=None)
    if wanted_dbm is None or highest_dbm is None or wanted_dbm <= highest_dbm:
        return []
    name = "antenna_powers_dbm" if config.antenna_powers_dbm else "power_dbm"
    text = f"`{name}` asks for {wanted_dbm:g} dBm, but the reader's highest step, which is used, is {highest_dbm:g} dBm; correct the configuration"
    return [ReaderFault("reader", text)]


class SetUp:
    """The part of the conversation before the reader reads. `send` puts a message on the line and returns its number.

    `faults` and `levels` are to be told once it is ready.
    """

    def __init__(self, config: RfidLlrpConfig, known: KnownReader, send: Callable[[int, bytes, int], int]) -> None:
        self.state = State.WAITING
        self.version = VERSION
        self.capabilities = Capabilities()
        self.faults: list[ReaderFault] = []
        self.levels: list[InputLevel] = []
        self.serial = ""
        self._config = config
        self._known = known
        self._send = send
        self._asked_at_s: float | None = None
        self._asked_id = 0
        self._version_id = 0
        self._speaks_1_1 = False
        self._attempts: Iterator[tuple[int, bool, str]] = iter(())
        self._inputs = 0
        self._left_out = ""

    # ---- time

    def opened(self, now_s: float) -> None:
        """The line is there; the reader has as long to greet as to answer."""
        if self._asked_at_s is None:
            self._asked_at_s = now_s

    def next_deadline_s(self) -> float | None:
        """When the reader has waited too long with its answer."""
        return None if self._asked_at_s is None else self._asked_at_s + self._patience_s

    def advance_to(self, now_s: float) -> None:
        """Raises: ReplyTimeout: no answer in time; only silence about the version is taken for an answer."""
        if self._asked_at_s is None or now_s < self._asked_at_s + self._patience_s:
            return
        if self.state is State.ASKING_VERSION and self._config.llrp_version == "auto":
            self._enter(State.ASKING_CAPABILITIES, now_s)
            return
        raise ReplyTimeout(self.state.value, round(now_s - self._asked_at_s, 3))

    @property
    def _patience_s(self) -> float:
        timeout_s = self._config.reply_timeout_s
        return min(_VERSION_PATIENCE_S, timeout_s) if self.state is State.ASKING_VERSION and self._config.llrp_version == "auto" else timeout_s

    # ---- asking

    def begin(self, now_s: float) -> None:
        """The reader has greeted. Raises: LocalProtocolError, see `REQUESTS`."""
        self._enter(NEXT[State.WAITING], now_s)

    def _enter(self, state: State, now_s: float) -> None:
        while state in REQUESTS and not self._is_of_use(state):
            state = NEXT[state]
        self.state = state
        if state not in REQUESTS:
            return
        if state is State.CONFIGURING:
            self._attempts = self._ways_to_configure()
        kind, body = REQUESTS[state]
        self._ask(kind, body(self._config, self.capabilities), now_s)
        if state in _IN_VERSION_1_1:
            self._known.asks_version = False
        if state is State.ASKING_VERSION:
            self._version_id = self._asked_id

    def _ask(self, kind: int, body: bytes, now_s: float) -> None:
        self._asked_at_s = now_s
        self._asked_id = self._send(kind, body, VERSION_1_1 if self.state in _IN_VERSION_1_1 else self.version)

    def _is_of_use(self, state: State) -> bool:
        if state is State.ASKING_VERSION:
            return self._config.llrp_version == "1.1" or (self._config.llrp_version == "auto" and self._known.asks_version)
        if state is State.SETTING_VERSION:
            return self._speaks_1_1 and self.version != VERSION_1_1
        if state is State.ASKING_IDENTITY:
            return bool(self._config.serial_number)
        if state is State.ENABLING_EXTENSIONS:
            return extensions.wants_extensions(self._config, self.capabilities)
        if state is State.ASKING_INPUTS:
            return bool(self.capabilities.inputs)
        return state is not State.STARTING or rospec.needs_start(self._config)

    # ---- answers

    def is_answer(self, message: Message) -> bool:
        """By type and number, since readers number what they send by themselves as they like; an error may come without the number of what it is about."""
        if self.state not in REQUESTS:
            return False
        if message.type == MessageType.ERROR_MESSAGE:
            return not self.is_late_about_version(message)
        if self.state is State.ENABLING_EXTENSIONS and extensions.is_enabled_answer(message):
            return True
        return message.type in _SETUP_ANSWERS and message.message_id == self._asked_id

    def is_late_about_version(self, message: Message) -> bool:
        """Whether a message is what a slow reader has to say about its version, after nobody waited for it any more."""
        about = (MessageType.ERROR_MESSAGE, MessageType.GET_SUPPORTED_VERSION_RESPONSE)
        return self.state is not State.ASKING_VERSION and message.type in about and message.message_id == self._version_id != 0

    def on_answer(self, message: Message, now_s: float) -> None:
        """Go on to the next state. Raises: RemoteProtocolError: it refuses, or answers nonsense. LocalProtocolError: see `REQUESTS`."""
        asked, _ = REQUESTS[self.state]
        name = self.state.value.removeprefix("answer to ")
        if message.type not in (asked + _RESPONSE_OFFSET, MessageType.ERROR_MESSAGE, extensions.CUSTOM_MESSAGE):
            raise RemoteProtocolError(f"expected the answer to {name}, got {message.name}", message.body)
        status = self._status(message)
        done = status.ok and message.type != MessageType.ERROR_MESSAGE
        if not done and self.state is State.CONFIGURING and self._configure_otherwise(status, now_s):
            return
        if not done and self.state not in MAY_BE_REFUSED:
            raise RemoteProtocolError(f"the reader refuses {name}: {status}", operation="set-up")
        self._learn(message, status, done)
        self._enter(NEXT[self.state], now_s)

    def _status(self, message: Message) -> Status:
        if message.type == MessageType.GET_SUPPORTED_VERSION_RESPONSE:
            return decode_versions(message)[2]
        return decode_status(extensions.without_subtype(message) if message.type == extensions.CUSTOM_MESSAGE else message)

    def _learn(self, message: Message, status: Status, done: bool) -> None:
        self._known.asks_version |= self.state in _IN_VERSION_1_1
        if self.state is State.ASKING_VERSION:
            self._learn_version(message, status, done)
        elif self.state is State.SETTING_VERSION:
            if not done and self._config.llrp_version == "1.1":
                raise RemoteProtocolError(f"the reader refuses to speak LLRP 1.1: {status}; set `llrp_version` to auto", operation="set-up")
            self.version = VERSION_1_1 if done else VERSION
        elif self.state is State.ASKING_CAPABILITIES:
            self.capabilities = decode_capabilities(message)
            check_fit(self._config, self.capabilities)
            self.faults += faults_of_power(self._config, self.capabilities)
        elif self.state is State.ASKING_IDENTITY and done:
            self.serial = decode_identity(message)
        elif self.state is State.CONFIGURING and self._left_out:
            if not self._inputs and "input" in (self._config.start, self._config.stop):
                raise RemoteProtocolError(self._left_out, operation="set-up")  # it would never read, or never end
            self.capabilities = replace(self.capabilities, inputs=self._inputs)
            self.faults.append(ReaderFault("reader", self._left_out))
        elif self.state is State.ASKING_INPUTS and done:
            changed = {level.input for level in self.levels}
            self.levels += [InputLevel(port, level) for port, level in decode_input_levels(message).items() if port not in changed]

    def _learn_version(self, message: Message, status: Status, done: bool) -> None:
        current, supported = decode_versions(message)[:2] if done else (VERSION, VERSION)
        self._speaks_1_1 = supported >= VERSION_1_1
        if self._speaks_1_1 and current == VERSION_1_1:
            self.version = VERSION_1_1
        if not self._speaks_1_1 and self._config.llrp_version == "1.1":
            said = "" if done else f" ({status})"
            raise RemoteProtocolError(f"the reader does not speak LLRP 1.1{said}; set `llrp_version` to auto", operation="set-up")

    def on_input(self, change: InputLevel) -> None:
        """An input changed meanwhile; that counts more than the level that is or was asked for."""
        self.levels = [*(level for level in self.levels if level.input != change.input), change]

    # ---- a reader that does not take all of the configuration

    def _ways_to_configure(self) -> Iterator[tuple[int, bool, str]]:
        """What else to try, and what to say then: readers count inputs that they then refuse to enable, others refuse the keepalive."""
        inputs = self.capabilities.inputs
        if inputs:
            yield 0, True, _WITHOUT_INPUTS
        yield inputs, False, _WITHOUT_KEEPALIVE
        if inputs:
            yield 0, False, f"{_WITHOUT_INPUTS}; {_WITHOUT_KEEPALIVE}"

    def _configure_otherwise(self, status: Status, now_s: float) -> bool:
        """Whether there was something else to try."""
        way = next(self._attempts, None)
        if way is None:
            return False
        inputs, with_keepalive, text = way
        self._inputs, self._left_out = inputs, text.replace("{}", str(status))
        keepalive_ms = round(self._config.keepalive_s * 1000) if with_keepalive else None
        self._ask(MessageType.SET_READER_CONFIG, requests.configuration_body(keepalive_ms, inputs), now_s)
        return True
